package dev.runinvm.engine.os;

import com.sun.jna.Function;
import com.sun.jna.LastErrorException;
import com.sun.jna.Pointer;
import java.util.Optional;

/**
 * Reads the CPU's time-stamp counter in this very process: within a microsecond of the clock it is compared with, where
 * asking another process takes tens.
 */
public final class TimeStampCounter implements AutoCloseable {
    /** rdtsc; shl rdx, 32; or rax, rdx; ret. */
    private static final byte[] CODE = {
        0x0f, 0x31, 0x48, (byte) 0xc1, (byte) 0xe2, 0x20, 0x48, 0x09, (byte) 0xd0, (byte) 0xc3
    };

    private static final int PAGE = 4096;
    private static final int PROT_READ_WRITE = 3;
    private static final int PROT_READ_EXEC = 5;
    private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
    private static final int ATTEMPTS = 200;

    private final long page;
    private final Function read;

    private TimeStampCounter(long page) {
        this.page = page;
        this.read = Function.getFunction(new Pointer(page));
    }

    /** Two clocks read at the same moment: {@link System#nanoTime} and the counter. */
    public record Reading(long nanos, long ticks) {}

    /** The counter; empty where a process may not make code of data, as some security modules have it. */
    public static Optional<TimeStampCounter> open() {
        long page = 0;
        try {
            page = LibC.syscall(LibC.SYS_MMAP, 0, PAGE, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
            new Pointer(page).write(0, CODE, 0, CODE.length);
            LibC.syscall(LibC.SYS_MPROTECT, page, PAGE, PROT_READ_EXEC, 0, 0, 0);
            return Optional.of(new TimeStampCounter(page));
        } catch (LastErrorException e) {
            if (page != 0) {
                LibC.syscall(LibC.SYS_MUNMAP, page, PAGE, 0, 0, 0, 0);
            }
            return Optional.empty();
        }
    }

    /** Reads both clocks, as close together as some hundred attempts get them. */
    public Reading read() {
        long best = Long.MAX_VALUE;
        Reading reading = new Reading(0, 0);
        for (int i = 0; i < ATTEMPTS; i++) {
            long before = System.nanoTime();
            long ticks = read.invokeLong(new Object[0]);
            long spread = System.nanoTime() - before;
            if (spread < best) {
                best = spread;
                reading = new Reading(before + spread / 2, ticks);
            }
        }
        return reading;
    }

    @Override
    public void close() {
        LibC.syscall(LibC.SYS_MUNMAP, page, PAGE, 0, 0, 0, 0);
    }
}
