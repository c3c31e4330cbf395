package dev.runinvm.engine.machine;

import dev.runinvm.wire.ChannelHardware;
import dev.runinvm.wire.Window;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PciTest {
    private static final int ADDRESS = 0xcf8;
    private static final int DATA = 0xcfc;
    private static final int CHANNEL = 3;

    private final List<String> rung = new ArrayList<>();
    private final ResetControl reset = new ResetControl();
    private final PciHost host = new PciHost(reset);
    private final ChannelDevice channel = new ChannelDevice(new DoorbellHandler() {
        @Override
        public void flush() {
            rung.add("flush");
        }

        @Override
        public void await(long millis) {
            rung.add("await " + millis);
        }

        @Override
        public void goodbye() {
            rung.add("goodbye");
        }
    });

    PciTest() {
        host.add(CHANNEL, channel);
    }

    private int config(int bus, int devfn, int register, int size) {
        host.out(ADDRESS, 4, 0x8000_0000 | bus << 16 | devfn << 8 | register & 0xfc);
        int value = host.in(DATA + (register & 3), size);
        return size == 4 ? value : value & (1 << 8 * size) - 1;
    }

    private void write(int devfn, int register, int size, int value) {
        host.out(ADDRESS, 4, 0x8000_0000 | devfn << 8 | register & 0xfc);
        host.out(DATA + (register & 3), size, value);
    }

    /** arch/x86/pci/direct.c, pci_check_type1 and pci_sanity_check. */
    @Test
    void linuxFindsMechanism1() {
        host.out(0xcfb, 1, 0x01);
        int before = host.in(ADDRESS, 4);
        host.out(ADDRESS, 4, 0x8000_0000);
        assertEquals(0x8000_0000, host.in(ADDRESS, 4));
        assertEquals(0x0600, config(0, 0, 0x0a, 2), "host bridge");
        assertEquals(0x8086, config(0, 0, 0, 2));
        host.out(ADDRESS, 4, before);
        assertEquals(before, host.in(ADDRESS, 4));
    }

    @Test
    void nothingElseAnswers() {
        List<Integer> found = new ArrayList<>();
        for (int bus : new int[] {0, 1, 255}) {
            for (int devfn = 0; devfn < 256; devfn++) {
                if (config(bus, devfn, 0, 4) != -1) {
                    found.add(bus << 8 | devfn);
                }
            }
        }
        assertEquals(List.of(0, CHANNEL << 3), found);
        host.out(ADDRESS, 4, 0);
        assertEquals(-1, host.in(DATA, 4), "not enabled");
    }

    @Test
    void channelIdentity() {
        int devfn = CHANNEL << 3;
        assertEquals(ChannelHardware.VENDOR_ID, config(0, devfn, 0, 2));
        assertEquals(ChannelHardware.DEVICE_ID, config(0, devfn, 2, 2));
        assertEquals(0xff00, config(0, devfn, 0x0a, 2));
        assertEquals(0, config(0, devfn, 0x0e, 1), "plain header, one function");
        assertEquals(0, config(0, devfn, 0x3d, 1), "no interrupt pin");
        assertEquals(0, config(0, devfn, 0x34, 1), "no capabilities");
    }

    /** drivers/pci/probe.c, __pci_read_base: decoding off, all ones, read, restore. */
    @Test
    void linuxSizesTheBars() {
        int devfn = CHANNEL << 3;
        int command = config(0, devfn, 4, 2);
        write(devfn, 4, 2, command & ~3);
        assertFalse(channel.memoryEnabled());
        for (int bar = 0; bar < 6; bar++) {
            int original = config(0, devfn, 0x10 + 4 * bar, 4);
            write(devfn, 0x10 + 4 * bar, 4, -1);
            int size = config(0, devfn, 0x10 + 4 * bar, 4);
            write(devfn, 0x10 + 4 * bar, 4, original);
            assertEquals(bar == 0 ? -ChannelHardware.BAR_SIZE : 0, size);
            assertEquals(original, config(0, devfn, 0x10 + 4 * bar, 4));
        }
        write(devfn, 0x30, 4, 0xffff_f800);
        assertEquals(0, config(0, devfn, 0x30, 4), "no expansion ROM");
        write(devfn, 4, 2, command);
        assertTrue(channel.memoryEnabled());
        assertEquals((int) GuestMemory.WINDOW_BASE, config(0, devfn, 0x10, 4));
    }

    @Test
    void theBarStaysWhereItIs() {
        int devfn = CHANNEL << 3;
        write(devfn, 0x10, 4, 0xc000_0000);
        assertEquals((int) GuestMemory.WINDOW_BASE, config(0, devfn, 0x10, 4));
    }

    @Test
    void identityIsReadOnly() {
        write(0, 0, 4, 0);
        assertEquals(0x1237_8086, config(0, 0, 0, 4));
        write(CHANNEL << 3, 0x3c, 1, 0x0b);
        assertEquals(0x0b, config(0, CHANNEL << 3, 0x3c, 1));
    }

    @Test
    void theWindowIsTheGuestMemorys() {
        assertEquals(GuestMemory.WINDOW_SIZE, Window.SIZE);
        assertEquals(GuestMemory.WINDOW_BASE + GuestMemory.WINDOW_SIZE, ChannelDevice.DOORBELL_BASE);
    }

    @Test
    void doorbell() {
        assertEquals(Window.MAGIC, (int) channel.read(0, 4));
        channel.write(0, 4, 1);
        channel.write(8, 4, 250);
        channel.write(0, 4, 2);
        channel.write(8, 4, 0xffff_ffffL);
        channel.write(0, 4, 2);
        channel.write(0, 4, 3);
        channel.write(0, 4, 99);
        channel.write(64, 4, 1);
        assertEquals(List.of("flush", "await 250", "await 4294967295", "goodbye"), rung);
    }

    @Test
    void aFunctionSwitchedOffIsSilent() {
        write(CHANNEL << 3, 4, 2, 0);
        assertEquals(-1, channel.read(0, 4));
        channel.write(0, 4, 1);
        assertEquals(List.of(), rung);
    }

    @Test
    void resetControlRegister() {
        host.out(0xcf9, 1, 0x02);
        assertEquals(null, reset.reason());
        assertEquals(0x02, host.in(0xcf9, 1));
        host.out(0xcf9, 1, 0x06);
        assertTrue(String.valueOf(reset.reason()).contains("0xcf9"));
    }
}
