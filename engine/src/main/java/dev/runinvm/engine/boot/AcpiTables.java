package dev.runinvm.engine.boot;

import dev.runinvm.engine.machine.GuestMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * The least of ACPI (specification 6.5, 5.2) by which a kernel finds that it has several processors: the tables that lead
 * to the MADT, and that. There is no namespace and no ACPI hardware: Linux finds that it cannot switch ACPI on, and looks
 * for PCI as on a PC without it; by then it has read the MADT. It must not be told to leave ACPI's interrupts alone
 * (acpi=noirq): a kernel without CONFIG_X86_MPPARSE, as Debian's cloud kernel, then does without any APIC
 * (arch/x86/kernel/acpi/boot.c: acpi_mps_check), and so with one processor. Nor does that one read Intel's older
 * MultiProcessor table.
 */
public final class AcpiTables {
    /** Physical address: in the area of the firmware, where every operating system looks. */
    public static final long ADDRESS = 0xf_0000L;
    /** Most processors: ids of local APICs are bytes, 255 stands for all, and one is the I/O APIC's. */
    public static final int MOST_CPUS = 254;

    private static final int APIC = 0xfee0_0000;
    private static final int IO_APIC = 0xfec0_0000;
    private static final int RSDP_SIZE = 36;
    private static final int HEADER_SIZE = 36;
    private static final int XSDT_OFFSET = 64;
    private static final int MADT_OFFSET = 128;

    private AcpiTables() {}

    /**
     * Writes the tables.
     *
     * @param cpus number of processors, 1 to {@link #MOST_CPUS}; their APICs have ids from 0, 0 is the boot processor's
     */
    public static void write(GuestMemory memory, int cpus) {
        if (cpus < 1 || cpus > MOST_CPUS) {
            throw new IllegalArgumentException("1 to " + MOST_CPUS + " processors, not " + cpus);
        }
        write(memory, 0, rootPointer());
        write(memory, XSDT_OFFSET, xsdt());
        write(memory, MADT_OFFSET, madt(cpus));
    }

    private static void write(GuestMemory memory, int offset, byte[] table) {
        memory.write(ADDRESS + offset, table, 0, table.length);
    }

    private static byte[] rootPointer() {
        ByteBuffer b = ByteBuffer.allocate(RSDP_SIZE).order(ByteOrder.LITTLE_ENDIAN);
        b.put(ascii("RSD PTR ")).put((byte) 0).put(ascii("RUNINV")).put((byte) 2);
        b.putInt(0).putInt(RSDP_SIZE).putLong(ADDRESS + XSDT_OFFSET);
        byte[] all = b.array();
        all[8] = checksum(all, 20);
        all[32] = checksum(all, RSDP_SIZE);
        return all;
    }

    private static byte[] xsdt() {
        ByteBuffer b = table("XSDT", 1, 8);
        b.putLong(ADDRESS + MADT_OFFSET);
        return finished(b);
    }

    private static byte[] madt(int cpus) {
        ByteBuffer b = table("APIC", 3, 8 + 8 * cpus + 12 + 6);
        b.putInt(APIC).putInt(1); // there are 8259s too
        for (int id = 0; id < cpus; id++) {
            b.put((byte) 0).put((byte) 8).put((byte) id).put((byte) id).putInt(1); // a local APIC, enabled
        }
        b.put((byte) 1)
                .put((byte) 12)
                .put((byte) cpus)
                .put((byte) 0)
                .putInt(IO_APIC)
                .putInt(0);
        b.put((byte) 4).put((byte) 6).put((byte) 0xff).putShort((short) 0).put((byte) 1); // NMI at LINT1 of all
        return finished(b);
    }

    private static ByteBuffer table(String signature, int revision, int content) {
        ByteBuffer b = ByteBuffer.allocate(HEADER_SIZE + content).order(ByteOrder.LITTLE_ENDIAN);
        b.put(ascii(signature)).putInt(b.capacity()).put((byte) revision).put((byte) 0);
        b.put(ascii("RUNINV"))
                .put(ascii("RUNINVM "))
                .putInt(1)
                .put(ascii("RIVM"))
                .putInt(1);
        return b;
    }

    private static byte[] finished(ByteBuffer table) {
        byte[] all = table.array();
        all[9] = checksum(all, all.length);
        return all;
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /** The byte that makes the first bytes add up to 0. */
    private static byte checksum(byte[] bytes, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += bytes[i];
        }
        return (byte) -sum;
    }
}
