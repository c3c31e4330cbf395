package dev.runinvm.engine.machine;

/** Time that stands still until told otherwise, or that passes a little with every look at it. */
final class FakeTime implements TimeSource {
    static final long TSC_HZ = 2_500_000_000L;
    /** 2024-02-29T23:59:30Z, a Thursday. */
    static final long WALL = 1_709_251_170L * 1_000_000_000L;

    long nanos;
    /** Nanoseconds that each reading takes. */
    long perReading;

    @Override
    public long nanos() {
        nanos += perReading;
        return nanos;
    }

    @Override
    public long tsc() {
        return nanos * 5 / 2;
    }

    @Override
    public long tscHz() {
        return TSC_HZ;
    }

    @Override
    public long wallClockNanos() {
        return WALL + nanos;
    }
}
