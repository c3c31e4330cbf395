package dev.runinvm.engine.machine;

/** A device behind physical memory addresses. Called on the vCPU's thread only. */
public interface MmioDevice {
    /**
     * A load.
     *
     * @param offset bytes from the start of the device's region
     * @param size 1, 2, 4 or 8 bytes
     */
    long read(long offset, int size);

    /** A store; {@code value} is zero-extended. */
    void write(long offset, int size, long value);
}
