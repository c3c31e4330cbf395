package dev.runinvm.engine.boot;

import dev.runinvm.engine.machine.GuestMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class AcpiTablesTest {
    /** Reads what a kernel reads, from the pointer that it finds by its signature on. */
    @Test
    void aKernelFindsEveryProcessor() {
        try (GuestMemory memory = GuestMemory.create(2 << 20)) {
            AcpiTables.write(memory, 5);
            ByteBuffer pointer = bytes(memory, AcpiTables.ADDRESS, 36);
            assertEquals("RSD PTR ", text(pointer, 0, 8));
            assertEquals(0, sum(pointer, 20));
            assertEquals(0, sum(pointer, 36));
            ByteBuffer xsdt = table(memory, pointer.getLong(24), "XSDT");
            assertEquals(36 + 8, xsdt.capacity());
            ByteBuffer madt = table(memory, xsdt.getLong(36), "APIC");
            assertEquals(0xfee0_0000, madt.getInt(36));
            List<Integer> processors = new ArrayList<>();
            int ioApics = 0;
            int at = 44;
            while (at < madt.capacity()) {
                if (madt.get(at) == 0) {
                    processors.add((int) madt.get(at + 3));
                    assertEquals(1, madt.getInt(at + 4));
                } else if (madt.get(at) == 1) {
                    ioApics++;
                    assertEquals(0xfec0_0000, madt.getInt(at + 4));
                }
                at += madt.get(at + 1);
            }
            assertEquals(madt.capacity(), at);
            assertEquals(List.of(0, 1, 2, 3, 4), processors);
            assertEquals(1, ioApics);
        }
    }

    @Test
    void thereAreNoMoreProcessorsThanApicIds() {
        try (GuestMemory memory = GuestMemory.create(2 << 20)) {
            AcpiTables.write(memory, AcpiTables.MOST_CPUS);
            assertThrows(IllegalArgumentException.class, () -> AcpiTables.write(memory, 255));
            assertThrows(IllegalArgumentException.class, () -> AcpiTables.write(memory, 0));
        }
    }

    private static ByteBuffer table(GuestMemory memory, long address, String signature) {
        ByteBuffer table = bytes(memory, address, memory.getInt(address + 4));
        assertEquals(signature, text(table, 0, 4));
        assertEquals(0, sum(table, table.capacity()));
        return table;
    }

    private static ByteBuffer bytes(GuestMemory memory, long address, int length) {
        byte[] all = new byte[length];
        memory.read(address, all, 0, length);
        return ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static String text(ByteBuffer from, int at, int length) {
        return new String(from.array(), at, length, StandardCharsets.US_ASCII);
    }

    private static int sum(ByteBuffer bytes, int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum += bytes.get(i);
        }
        return sum & 0xff;
    }
}
