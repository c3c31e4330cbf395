package dev.runinvm.engine.machine;

/** A device behind I/O ports. Called on the vCPU's thread only. */
public interface PortDevice {
    /**
     * IN.
     *
     * @param port absolute port number, 0 to 0xffff
     * @param size 1, 2 or 4 bytes
     * @return the value, zero-extended; bits above {@code size} are ignored
     */
    int in(int port, int size);

    /** OUT; {@code value} is zero-extended. */
    void out(int port, int size, int value);
}
