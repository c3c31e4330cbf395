package dev.runinvm.engine.machine;

/** A device that does something by itself at some time. All times are {@link TimeSource#nanos()}. */
public interface TimedDevice {
    /** A deadline that never comes. */
    long NEVER = Long.MAX_VALUE;

    /** When {@link #advance} is needed next, or {@link #NEVER}. */
    long nextDeadlineNanos();

    /** Brings the device to the present; harmless when nothing is due. vCPU's thread only. */
    void advance(long nowNanos);
}
