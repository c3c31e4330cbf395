package dev.runinvm.engine.boot;

import dev.runinvm.engine.machine.GuestMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The table by which a PC without ACPI tells of its processors and interrupts (Intel MultiProcessor Specification 1.4,
 * chapter 4): local APICs, one I/O APIC to which the sixteen ISA interrupts go one to one.
 */
public final class MpTable {
    /** Physical address: in the area of the firmware, where every operating system looks. */
    public static final long ADDRESS = 0xf_0000L;
    /** Most processors: ids of APICs are bytes, 255 stands for all, and one is the I/O APIC's. */
    public static final int MOST_CPUS = 254;

    private static final int APIC = 0xfee0_0000;
    private static final int IO_APIC = 0xfec0_0000;
    private static final int APIC_VERSION = 0x14;
    private static final int IO_APIC_VERSION = 0x11;
    private static final int ISA_INTERRUPTS = 16;
    private static final int POINTER_SIZE = 16;
    private static final int HEADER_SIZE = 44;

    private static final byte PROCESSOR = 0;
    private static final byte BUS = 1;
    private static final byte IO_APIC_ENTRY = 2;
    private static final byte IO_INTERRUPT = 3;
    private static final byte LOCAL_INTERRUPT = 4;
    private static final byte INT = 0;
    private static final byte NMI = 1;
    private static final byte EXT_INT = 3;
    private static final byte ALL_APICS = (byte) 0xff;

    private MpTable() {}

    /**
     * Writes the table.
     *
     * @param cpus number of processors, 1 to {@link #MOST_CPUS}; their APICs have ids from 0, 0 is the boot processor's
     */
    public static void write(GuestMemory memory, int cpus) {
        if (cpus < 1 || cpus > MOST_CPUS) {
            throw new IllegalArgumentException("1 to " + MOST_CPUS + " processors, not " + cpus);
        }
        byte[] all = table(cpus);
        memory.write(ADDRESS, all, 0, all.length);
    }

    private static byte[] table(int cpus) {
        int entries = cpus + 1 + 1 + ISA_INTERRUPTS + 2;
        int length = HEADER_SIZE + 20 * cpus + 8 * (entries - cpus);
        ByteBuffer b = ByteBuffer.allocate(POINTER_SIZE + length).order(ByteOrder.LITTLE_ENDIAN);
        // floating pointer: address, length in 16 bytes, version 1.4, checksum, features: a table, virtual wire mode
        b.put(ascii("_MP_")).putInt((int) ADDRESS + POINTER_SIZE).put((byte) 1).put((byte) 4);
        b.position(POINTER_SIZE);
        b.put(ascii("PCMP")).putShort((short) length).put((byte) 4).put((byte) 0);
        b.put(ascii("RUNINVM ")).put(ascii("PC          "));
        b.putInt(0).putShort((short) 0).putShort((short) entries).putInt(APIC).putInt(0);
        for (int id = 0; id < cpus; id++) {
            b.put(PROCESSOR).put((byte) id).put((byte) APIC_VERSION).put((byte) (id == 0 ? 3 : 1));
            b.putInt(0x600).putInt(0x201); // signature of a P6, APIC and FPU; operating systems ask CPUID
            b.putLong(0);
        }
        b.put(BUS).put((byte) 0).put(ascii("ISA   "));
        b.put(IO_APIC_ENTRY)
                .put((byte) cpus)
                .put((byte) IO_APIC_VERSION)
                .put((byte) 1)
                .putInt(IO_APIC);
        for (int irq = 0; irq < ISA_INTERRUPTS; irq++) {
            b.put(IO_INTERRUPT).put(INT).putShort((short) 0);
            b.put((byte) 0).put((byte) irq).put((byte) cpus).put((byte) irq);
        }
        b.put(LOCAL_INTERRUPT).put(EXT_INT).putShort((short) 0);
        b.put((byte) 0).put((byte) 0).put((byte) 0).put((byte) 0);
        b.put(LOCAL_INTERRUPT).put(NMI).putShort((short) 0);
        b.put((byte) 0).put((byte) 0).put(ALL_APICS).put((byte) 1);
        byte[] all = b.array();
        all[10] = checksum(all, 0, POINTER_SIZE);
        all[POINTER_SIZE + 7] = checksum(all, POINTER_SIZE, length);
        return all;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** The byte that makes all of them add up to 0. */
    private static byte checksum(byte[] bytes, int from, int length) {
        int sum = 0;
        for (int i = from; i < from + length; i++) {
            sum += bytes[i];
        }
        return (byte) -sum;
    }
}
