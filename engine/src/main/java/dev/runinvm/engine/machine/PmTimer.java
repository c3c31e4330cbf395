package dev.runinvm.engine.machine;

/**
 * A power-management timer (ACPI 6.5, 4.8.2.1 and 4.8.3.3): 24 bits that count {@link #HZ} a second of the machine's own
 * time. Linux finds it by {@code pmtmr=} and has a clock besides the time-stamp counter then. That one is the host's and
 * goes on while a guest lies in a snapshot; this one does not.
 */
final class PmTimer implements PortDevice {
    static final int PORT = 0x608;
    static final int PORTS = 4;
    private static final long HZ = 3_579_545;
    private static final int MASK = 0xff_ffff;

    private final TimeSource time;

    PmTimer(TimeSource time) {
        this.time = time;
    }

    @Override
    public int in(int port, int size) {
        long nanos = time.nanos();
        long ticks = nanos / 1_000_000_000 * HZ + nanos % 1_000_000_000 * HZ / 1_000_000_000;
        return ((int) ticks & MASK) >>> 8 * (port - PORT);
    }

    @Override
    public void out(int port, int size, int value) {
        // The counter cannot be set.
    }
}
