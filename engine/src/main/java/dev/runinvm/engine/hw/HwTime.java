package dev.runinvm.engine.hw;

import dev.runinvm.engine.machine.TimeSource;
import java.time.Instant;

/** The host's clocks, for devices. The guest reads its time-stamp counter from the CPU and never through here. */
final class HwTime implements TimeSource {
    private final long origin;
    private final long tscHz;

    /**
     * Starts now.
     *
     * @param tscHz pace of the guest's time-stamp counter
     * @param startNanos what it starts at
     */
    HwTime(long tscHz, long startNanos) {
        this.origin = System.nanoTime() - startNanos;
        this.tscHz = tscHz;
    }

    @Override
    public long nanos() {
        return System.nanoTime() - origin;
    }

    @Override
    public long tsc() {
        return (long) (nanos() * (tscHz / 1e9));
    }

    @Override
    public long tscHz() {
        return tscHz;
    }

    @Override
    public long wallClockNanos() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }
}
