package dev.runinvm.engine.machine;

/** All time a guest can see comes through here, so that a recorder or a snapshot can sit on it. */
public interface TimeSource {
    /** Nanoseconds of the machine's monotonic time; 0 when it was switched on. */
    long nanos();

    /** The time-stamp counter; the same counter RDTSC reads in direct execution. */
    long tsc();

    /** Ticks of {@link #tsc()} in a second. */
    long tscHz();

    /** Wall clock, nanoseconds since 1970-01-01T00:00Z. */
    long wallClockNanos();
}
