package dev.runinvm.junit;

import dev.runinvm.client.HostMemory;
import dev.runinvm.client.StartedGuest;
import dev.runinvm.engine.Availability;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The guests of this JVM: how many may be alive at a time, and their end when the JVM ends. Guests share nothing.
 */
final class Guests {
    /** Starts guests; tests of the extension put another in its place. */
    static volatile Function<VmConfig, Vm> starter = Techniques::start;
    /** Says what can run here; tests of the extension put another in its place. */
    static volatile Function<Technique, Availability> availability = Techniques::availability;

    private static final long SLICE_MILLIS = 100;
    private static final Function<VmConfig, Vm> OWN = starter;

    private static final Set<Vm> ALIVE = ConcurrentHashMap.newKeySet();
    private static Semaphore places = new Semaphore(0);
    private static boolean sized;
    private static boolean hooked;

    private Guests() {}

    /**
     * A guest and its place among those that may be alive.
     *
     * @param below the place for a guest that a test of this one asks for besides: one, so that it need not wait for the end
     *     of the guest above, which in turn waits for it
     * @param waitedNanos how long the guest had to wait for its place
     */
    record Lease(StartedGuest guest, Semaphore place, Semaphore below, long waitedNanos) implements AutoCloseable {
        Vm vm() {
            return guest.vm();
        }

        /** The same guest, of which it is known now what it has of the class path. */
        Lease knowing(Set<String> hashes) {
            return new Lease(guest.knowing(hashes), place, below, 0);
        }

        /** Ends the guest and frees its place. */
        @Override
        public void close() {
            if (ALIVE.remove(vm())) {
                try {
                    vm().close();
                } finally {
                    place.release();
                }
            }
        }
    }

    /**
     * Starts a guest, once there is a place for it.
     *
     * @param how starts it
     * @param waiting gives a guest that will do instead, if there is one by now
     * @param above the guest of the class around, which stays alive meanwhile; null if there is none
     * @param patience the most to wait for a place
     */
    static Lease start(
            VmConfig config,
            Function<VmConfig, StartedGuest> how,
            Supplier<@Nullable Lease> waiting,
            int maxGuests,
            @Nullable Lease above,
            Duration patience) {
        Semaphore place = above != null ? above.below : places(maxGuests, config.memoryBytes());
        long asked = System.nanoTime();
        try {
            while (true) {
                Lease found = waiting.get();
                if (found != null) {
                    return found;
                }
                if (place.tryAcquire()) {
                    break;
                }
                SessionGuests.endIdle();
                if (place.tryAcquire(SLICE_MILLIS, TimeUnit.MILLISECONDS)) {
                    break;
                }
                if (System.nanoTime() - asked > patience.toNanos()) {
                    throw new GuestFailure("no guest could be started within " + patience.toSeconds() + " s: "
                            + ALIVE.size() + " are alive, and no more may be (runinvm.maxGuests)");
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new GuestFailure("interrupted while waiting until another guest ends", e);
        }
        long granted = System.nanoTime();
        try {
            StartedGuest guest = how.apply(config);
            ALIVE.add(guest.vm());
            return new Lease(guest, place, new Semaphore(1), granted - asked);
        } catch (RuntimeException | Error e) {
            place.release();
            throw e;
        }
    }

    /** Starts a guest that boots. */
    static StartedGuest boot(VmConfig config, List<Path> classPath) {
        return areReal() ? StartedGuest.boot(config, classPath) : StartedGuest.booting(starter.apply(config));
    }

    /** Whether guests are real ones, which can come from snapshots. */
    @SuppressWarnings("ReferenceEquality") // the very object that tests replace
    static boolean areReal() {
        return starter == OWN;
    }

    /** The first guest's configuration decides, unless {@code runinvm.maxGuests} does. */
    private static synchronized Semaphore places(int maxGuests, long memory) {
        if (!sized) {
            sized = true;
            Runtime runtime = Runtime.getRuntime();
            int byProcessors = Math.max(1, runtime.availableProcessors() / 2);
            long free = HostMemory.available();
            int byMemory = (int) Math.max(1, Math.min(1000, free / 2 / memory));
            places = new Semaphore(maxGuests > 0 ? maxGuests : Math.min(byProcessors, byMemory), true);
        }
        if (!hooked) {
            hooked = true;
            Runtime.getRuntime().addShutdownHook(new Thread(Guests::closeAll, "runinvm-guests"));
        }
        return places;
    }

    /** Ends all guests. */
    static void closeAll() {
        ALIVE.forEach(Vm::close);
    }

    static int alive() {
        return ALIVE.size();
    }
}
