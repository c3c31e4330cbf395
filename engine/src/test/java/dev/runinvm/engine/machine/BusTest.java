package dev.runinvm.engine.machine;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class BusTest {
    private final List<String> heard = new ArrayList<>();

    private final PortDevice port = new PortDevice() {
        @Override
        public int in(int port, int size) {
            heard.add("in " + port + " " + size);
            return -2;
        }

        @Override
        public void out(int port, int size, int value) {
            heard.add("out " + port + " " + size + " " + value);
        }
    };

    private final MmioDevice device = new MmioDevice() {
        @Override
        public long read(long offset, int size) {
            heard.add("read " + offset + " " + size);
            return -2;
        }

        @Override
        public void write(long offset, int size, long value) {
            heard.add("write " + offset + " " + size + " " + value);
        }
    };

    @Test
    void portsGoToTheirDevice() {
        PortBus bus = new PortBus();
        bus.register(0x60, 1, port);
        bus.register(0xcf8, 8, port);
        assertEquals(0xfe, bus.in(0x60, 1));
        assertEquals(0xfffe, bus.in(0xcf9, 2));
        assertEquals(-2, bus.in(0xcf8, 4));
        bus.out(0xcff, 1, 0x1ff);
        bus.out(0x60, 4, -1);
        assertEquals(List.of("in 96 1", "in 3321 2", "in 3320 4", "out 3327 1 255", "out 96 4 -1"), heard);
    }

    @Test
    void portsWithoutADeviceFloat() {
        PortBus bus = new PortBus();
        bus.register(0x60, 1, port);
        bus.unregister(port);
        assertEquals(0xff, bus.in(0x60, 1));
        assertEquals(0xffff, bus.in(0x61, 2));
        assertEquals(-1, bus.in(0xffff, 4));
        bus.out(0x60, 1, 0);
        assertEquals(List.of(), heard);
    }

    @Test
    void portsAreGivenOnce() {
        PortBus bus = new PortBus();
        bus.register(0x40, 4, port);
        assertThrows(IllegalArgumentException.class, () -> bus.register(0x43, 1, port));
        assertThrows(IllegalArgumentException.class, () -> bus.register(0xffff, 2, port));
        assertThrows(IllegalArgumentException.class, () -> bus.register(0x50, 0, port));
        assertThrows(IllegalArgumentException.class, () -> bus.register(-1, 1, port));
    }

    @Test
    void regionsSeeOffsets() {
        MmioBus bus = new MmioBus();
        bus.register(0xfee0_0000L, 4096, device);
        bus.register(0x10_0000_0000L, 8, device);
        assertEquals(0xfffffffeL, bus.read(0xfee0_0ffcL, 4));
        assertEquals(-2, bus.read(0x10_0000_0000L, 8));
        bus.write(0xfee0_0003L, 1, 0x1234);
        assertEquals(List.of("read 4092 4", "read 0 8", "write 3 1 52"), heard);
    }

    @Test
    void elsewhereReadsAreAllOnes() {
        MmioBus bus = new MmioBus();
        bus.register(0x1000, 16, device);
        assertEquals(0xffff, bus.read(0x0fff, 2));
        assertEquals(0xffff_ffffL, bus.read(0x100e, 4), "half outside");
        assertEquals(-1, bus.read(0x1010, 8));
        bus.write(0x100e, 4, 0);
        assertEquals(0xfe, bus.read(0x1000, 1));
        bus.unregister(device);
        assertEquals(0xff, bus.read(0x1000, 1), "not even from memory of the last access");
        assertEquals(List.of("read 0 1"), heard);
    }

    @Test
    void regionsDoNotOverlap() {
        MmioBus bus = new MmioBus();
        bus.register(0x1000, 0x1000, device);
        assertThrows(IllegalArgumentException.class, () -> bus.register(0x1fff, 1, device));
        assertThrows(IllegalArgumentException.class, () -> bus.register(0xfff, 2, device));
        assertThrows(IllegalArgumentException.class, () -> bus.register(0x5000, 0, device));
        bus.register(0x2000, 1, device);
    }
}
