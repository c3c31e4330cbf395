package dev.runinvm.maven.run;

import dev.runinvm.client.HostMemory;
import dev.runinvm.client.StartedGuest;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.Vm;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * How many guests may be alive at a time in this JVM, in which several modules may be built at once, and the end of all of
 * them when the JVM ends.
 */
final class GuestPlaces {
    private static final ReentrantLock LOCK = new ReentrantLock();
    private static final Condition FREED = LOCK.newCondition();
    private static final Set<Vm> ALIVE = ConcurrentHashMap.newKeySet();
    private static int taken;
    private static long promised;
    private static boolean hooked;

    private GuestPlaces() {}

    /**
     * Starts a guest once fewer than so many are alive and there is memory for it: one may always be.
     *
     * @param most guests alive at a time
     * @param memory bytes of the guest's RAM
     * @param patience the most to wait
     */
    static StartedGuest start(int most, long memory, Duration patience, Supplier<StartedGuest> starter)
            throws InterruptedException {
        take(most, memory, patience);
        try {
            StartedGuest guest = starter.get();
            ALIVE.add(guest.vm());
            return guest;
        } catch (RuntimeException | Error e) {
            free(memory);
            throw e;
        }
    }

    private static void take(int most, long memory, Duration patience) throws InterruptedException {
        LOCK.lock();
        try {
            if (!hooked) {
                hooked = true;
                Runtime.getRuntime().addShutdownHook(new Thread(() -> ALIVE.forEach(Vm::close), "vm-guests"));
            }
            long left = patience.toNanos();
            while (taken > 0 && (taken >= most || memory > HostMemory.available() / 2 - promised)) {
                if (left <= 0) {
                    throw new GuestFailure("no guest could be started within " + patience.toSeconds() + " s: " + taken
                            + " are alive, and there is no place or no memory for more");
                }
                left = FREED.awaitNanos(Math.min(left, TimeUnit.SECONDS.toNanos(5)))
                        + left
                        - Math.min(left, TimeUnit.SECONDS.toNanos(5));
            }
            taken++;
            promised += memory;
        } finally {
            LOCK.unlock();
        }
    }

    /** Frees the place of a guest that has been closed. */
    static void closed(Vm vm, long memory) {
        if (ALIVE.remove(vm)) {
            free(memory);
        }
    }

    private static void free(long memory) {
        LOCK.lock();
        try {
            taken--;
            promised -= memory;
            FREED.signalAll();
        } finally {
            LOCK.unlock();
        }
    }
}
