package dev.runinvm.engine.machine;

/** Takes what the guest sends through a serial port. */
public interface SerialSink {
    /** One byte, 0 to 255. vCPU's thread; must not block for long, the guest stands meanwhile. */
    void write(int value);
}
