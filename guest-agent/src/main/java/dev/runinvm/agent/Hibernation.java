package dev.runinvm.agent;

import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import dev.runinvm.wire.ProtocolException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Lets the guest be written down and makes it fit to go on: monotonic time does not leap, the wall clock is right again,
 * random numbers are not those of every other guest from the same snapshot.
 *
 * <p>The kernel's time-stamp counter is the host's and goes on meanwhile, so the kernel is told to use another clock until it
 * has gone on. Clock and random numbers are set by a program of the image that does nothing else: Java has no system call for
 * either, and starting a program afterwards would take longer than all the rest.
 */
final class Hibernation {
    /** Set anew each time the guest goes on. */
    static final String GENERATION_PROPERTY = "runinvm.generation";

    private static final Path RENEW = Path.of("/opt/runinvm/renew");
    private static final Path CLOCK_SOURCE =
            Path.of("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    private static final long NAP_NANOS = 1_000_000;
    private static final int REQUEST_SIZE = 16 + 8 + HostMessage.SEED_SIZE;
    private static final int BITS_PER_BYTE = 8;

    private final Link link;
    private @Nullable Process renew;

    Hibernation(Link link) {
        this.link = link;
    }

    /** Says that all is prepared, sleeps until the host's next message, and makes up for what it has slept through. */
    void freeze(String clockSource) {
        String problem = startRenewal();
        String before = null;
        if (!clockSource.isEmpty()) {
            before = clock();
            if (!setClock(clockSource)) {
                problem = "the guest's kernel has no clock source " + clockSource;
                before = null;
            }
        }
        System.gc();
        link.send(new GuestMessage.Frozen());
        link.flush();
        // Asleep in the guest, not in the host: the machine has to be idle.
        HostMessage message;
        while ((message = link.poll()) == null) {
            LockSupport.parkNanos(NAP_NANOS);
        }
        if (!(message instanceof HostMessage.Thaw thaw)) {
            throw new ProtocolException(message.getClass().getSimpleName() + " to a guest that is to go on first");
        }
        if (before != null && !setClock(before)) {
            problem = "the guest's clock source cannot be set back to " + before;
        }
        thaw(thaw, problem);
    }

    /** Makes up for it once more, when the host found that it has taken too long for the time to be right. */
    void again(HostMessage.Thaw thaw) {
        thaw(thaw, null);
    }

    private void thaw(HostMessage.Thaw thaw, @Nullable String problem) {
        String renewal = renew(thaw);
        System.setProperty(GENERATION_PROPERTY, thaw.generation());
        link.send(new GuestMessage.Thawed(problem == null ? renewal : problem));
        link.flush();
    }

    private static @Nullable String clock() {
        try {
            return Files.readString(CLOCK_SOURCE).strip();
        } catch (IOException e) {
            return null;
        }
    }

    private static boolean setClock(String name) {
        try {
            Files.writeString(CLOCK_SOURCE, name);
            return name.equals(clock());
        } catch (IOException e) {
            return false;
        }
    }

    private @Nullable String startRenewal() {
        if (renew != null && renew.isAlive()) {
            return null;
        }
        try {
            renew = new ProcessBuilder(RENEW.toString())
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return null;
        } catch (IOException e) {
            return "clock and random numbers cannot be renewed: " + e.getMessage();
        }
    }

    /** The wall clock as a struct timespec, then the seed as a struct rand_pool_info (linux/random.h); one byte comes back. */
    private @Nullable String renew(HostMessage.Thaw thaw) {
        Process program = renew;
        if (program == null) {
            return "clock and random numbers were not renewed";
        }
        ByteBuffer request = ByteBuffer.allocate(REQUEST_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        request.putLong(thaw.wallClockNanos() / 1_000_000_000).putLong(thaw.wallClockNanos() % 1_000_000_000);
        request.putInt(HostMessage.SEED_SIZE * BITS_PER_BYTE).putInt(HostMessage.SEED_SIZE);
        request.put(thaw.seed());
        try {
            program.getOutputStream().write(request.array());
            program.getOutputStream().flush();
            int failed = program.getInputStream().read();
            return failed == 0
                    ? null
                    : "not renewed:" + ((failed & 1) != 0 ? " wall clock" : "")
                            + ((failed & 6) != 0 ? " random numbers" : "") + " (" + failed + ")";
        } catch (IOException e) {
            return "clock and random numbers were not renewed: " + e.getMessage();
        }
    }
}
