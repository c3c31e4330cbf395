package dev.runinvm.engine.direct;

import dev.runinvm.engine.machine.TimeSource;
import java.time.Instant;

/**
 * The host's clocks. The time-stamp counter is computed from {@link System#nanoTime} and corrected by what
 * direct-execution processes read: it stays within a few microseconds of the real one, and once guest code has seen a
 * value, never shows an earlier one. Thread-safe.
 */
public final class HostTime implements TimeSource {
    private final long origin;
    private final long tscHz;
    private final double ticksPerNano;
    private final long baseNanos;
    private final long baseTsc;
    /** Ticks added to what is computed. */
    private volatile long correction;

    private long lastTsc;

    /** Starts at 0 nanoseconds now. */
    public HostTime(HostCpu host) {
        this(host, 0);
    }

    /** Goes on at so many nanoseconds, now. */
    public HostTime(HostCpu host, long startNanos) {
        this.origin = System.nanoTime() - startNanos;
        this.tscHz = host.tscHz();
        this.ticksPerNano = tscHz / 1e9;
        this.baseNanos = host.sampleNanos();
        this.baseTsc = host.sampleTsc();
    }

    @Override
    public long nanos() {
        return System.nanoTime() - origin;
    }

    private long compute(long systemNanos) {
        return baseTsc + (long) ((systemNanos - baseNanos) * ticksPerNano) + correction;
    }

    @Override
    public synchronized long tsc() {
        lastTsc = Math.max(lastTsc, compute(System.nanoTime()));
        return lastTsc;
    }

    /**
     * Takes a reading of the real counter into account.
     *
     * @param tsc read between the two moments
     * @param before {@link System#nanoTime} before
     * @param after and after
     */
    void observe(long tsc, long before, long after) {
        long behind = tsc - compute(after);
        if (behind > 0) {
            correct(behind); // even at the end of the interval we would have said less than it was before
            return;
        }
        long ahead = compute(before) - tsc;
        if (ahead > 0) {
            correct(-ahead);
        }
    }

    private synchronized void correct(long ticks) {
        // A reading from a counter that has nothing to do with ours (guest code can forge one) changes little.
        long most = tscHz / 1000;
        correction += Math.max(-most, Math.min(most, ticks));
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
