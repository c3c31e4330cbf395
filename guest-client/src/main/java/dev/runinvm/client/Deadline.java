package dev.runinvm.client;

import java.time.Duration;

/** A moment by which something must have happened. */
public record Deadline(long nanos, Duration allowed) {
    /** So long from now; never, under a debugger. */
    public static Deadline in(Duration allowed) {
        return exactly(Debugging.active() ? Duration.ofDays(3650) : allowed);
    }

    /** So long from now, under a debugger too. */
    public static Deadline exactly(Duration allowed) {
        return new Deadline(System.nanoTime() + allowed.toNanos(), allowed);
    }

    /** Whether it is over. */
    public boolean passed() {
        return System.nanoTime() - nanos >= 0;
    }

    /** What is left, at most so much, never negative. */
    public Duration left(Duration most) {
        long left = Math.max(0, nanos - System.nanoTime());
        return left < most.toNanos() ? Duration.ofNanos(left) : most;
    }

    /** The earlier of the two. */
    public Deadline orSooner(Deadline other) {
        return other.nanos - nanos < 0 ? other : this;
    }
}
