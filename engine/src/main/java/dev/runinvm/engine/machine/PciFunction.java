package dev.runinvm.engine.machine;

/**
 * A PCI function's 256 bytes of configuration space with a type 0 header (PCI 3.0, 6.1). What the guest may write is
 * a mask over the bytes. A memory BAR sits where it was built: sizing it answers right, moving it does nothing.
 */
public class PciFunction implements Stateful {
    static final int VENDOR_ID = 0x00;
    static final int COMMAND = 0x04;
    static final int COMMAND_MEMORY = 0x0002;
    private static final int CONFIG_SIZE = 256;
    private static final int BAR0 = 0x10;
    private static final int BARS = 6;

    private final String name;
    private final byte[] config = new byte[CONFIG_SIZE];
    private final byte[] writable = new byte[CONFIG_SIZE];
    private final int[] barBase = new int[BARS];
    private final int[] barSize = new int[BARS];
    /** A bit per BAR that was last written all ones and answers its size. */
    private int sizing;

    /**
     * Makes a function.
     *
     * @param name for messages and saved state
     * @param classCode base class, sub-class and interface in 24 bits
     */
    PciFunction(String name, int vendorId, int deviceId, int classCode, int revision) {
        this.name = name;
        set(VENDOR_ID, 4, vendorId | deviceId << 16);
        set(0x08, 4, classCode << 8 | revision);
        writable[COMMAND] = 0x07;
        writable[COMMAND + 1] = 0x05;
        // Cache line size, latency timer and interrupt line are the software's to keep.
        writable[0x0c] = (byte) 0xff;
        writable[0x0d] = (byte) 0xff;
        writable[0x3c] = (byte) 0xff;
    }

    /** Name of the device, for counters and messages. */
    public final String name() {
        return name;
    }

    /** Gives the function a 32-bit, non-prefetchable memory BAR. */
    final void memoryBar(int bar, long base, int size) {
        if (Integer.bitCount(size) != 1 || base % size != 0) {
            throw new IllegalArgumentException("a BAR is a power of two and aligned to it, not 0x"
                    + Integer.toHexString(size) + " at 0x" + Long.toHexString(base));
        }
        barBase[bar] = (int) base;
        barSize[bar] = size;
    }

    /** Sets the value of a field, past the guest's write mask. */
    final void set(int offset, int size, int value) {
        for (int i = 0; i < size; i++) {
            config[offset + i] = (byte) (value >> 8 * i);
        }
    }

    /** Whether the function answers memory accesses: bit 1 of its command register. */
    final boolean memoryEnabled() {
        return (config[COMMAND] & COMMAND_MEMORY) != 0;
    }

    /** Reads 1, 2 or 4 bytes within a doubleword of configuration space. */
    public final int readConfig(int offset, int size) {
        int value = 0;
        for (int i = 0; i < size; i++) {
            value |= readByte(offset + i) << 8 * i;
        }
        return value;
    }

    private int readByte(int offset) {
        int bar = offset - BAR0 >> 2;
        if (offset >= BAR0 && bar < BARS) {
            int value = (sizing & 1 << bar) != 0 ? -barSize[bar] : barBase[bar];
            return value >> 8 * (offset & 3) & 0xff;
        }
        return config[offset & CONFIG_SIZE - 1] & 0xff;
    }

    /** Writes 1, 2 or 4 bytes within a doubleword of configuration space. */
    public final void writeConfig(int offset, int size, int value) {
        int bar = offset - BAR0 >> 2;
        if (offset >= BAR0 && bar < BARS) {
            boolean allOnes = size == 4 && barSize[bar] != 0 && (value & -barSize[bar]) == -barSize[bar];
            sizing = allOnes ? sizing | 1 << bar : sizing & ~(1 << bar);
            return;
        }
        for (int i = 0; i < size; i++) {
            int at = offset + i & CONFIG_SIZE - 1;
            int mask = writable[at];
            config[at] = (byte) (config[at] & ~mask | value >> 8 * i & mask);
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("pci." + name, 1);
        out.putBytes("config", config);
        out.putInt("sizing", sizing);
    }

    @Override
    public void load(StateReader in) {
        in.section("pci." + name, 1);
        in.getBytes("config", config);
        sizing = in.getInt("sizing");
    }
}
