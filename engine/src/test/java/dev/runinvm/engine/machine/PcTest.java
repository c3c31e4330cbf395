package dev.runinvm.engine.machine;

import dev.runinvm.engine.HostLacks;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PcTest {
    private static final DoorbellHandler NOBODY = new DoorbellHandler() {
        @Override
        public void flush() {
            throw new AssertionError("flush");
        }

        @Override
        public void await(long millis) {
            throw new AssertionError("await");
        }

        @Override
        public void goodbye() {
            throw new AssertionError("goodbye");
        }
    };

    private final FakeTime time = new FakeTime();
    private final GuestMemory memory = GuestMemory.create(16 << 20);
    private final Pc pc = pc();

    private Pc pc() {
        return new Pc(memory, new PortBus(), new MmioBus(), time, NOBODY);
    }

    @AfterEach
    void close() {
        memory.close();
    }

    private static byte[] saved(Stateful device) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        device.save(new StateWriter(bytes));
        return bytes.toByteArray();
    }

    private void out(int port, int value) {
        pc.ports.out(port, 1, value);
    }

    /** Brings every device into a state unlike that of a new one. */
    private void use() {
        for (int[] write : new int[][] {
            {0x20, 0x11},
            {0x21, 0x30},
            {0x21, 4},
            {0x21, 1},
            {0xa0, 0x11},
            {0xa1, 0x38},
            {0xa1, 2},
            {0xa1, 1},
            {0x21, 0x40},
            {0x4d1, 0x0c},
            {0x20, 0x0b},
            {0x43, 0x34},
            {0x40, 0x34},
            {0x40, 0x12},
            {0x61, 0x0d},
            {0x43, 0xb6},
            {0x42, 0x99},
            {0x42, 0x05},
            {0x43, 0xd8},
            {0x42, 0x77},
            {0x70, 0x8b},
            {0x71, 0x12},
            {0x3fc, 0x0b},
            {0x3fa, 0x81},
            {0x3f9, 0x07},
            {0x3ff, 0x77},
            {0x2fb, 0x83},
            {0x2f8, 0x06},
            {0x80, 0x55},
            {0x87, 0x44},
            {0x92, 0x00},
            {0x64, 0xd1}
        }) {
            out(write[0], write[1]);
        }
        pc.console.offer("some input that does not fit a FIFO".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        time.nanos = 1_234_567_890L;
        pc.advance(time.nanos);
        pc.pic.acknowledge();
        pc.ports.in(0x3f8, 1);
        pc.ports.out(0xcf8, 4, 0x8000_1810);
        pc.ports.out(0xcfc, 4, -1);
        pc.mmio.write(ChannelDevice.DOORBELL_BASE + 8, 4, 42);
        out(0xcf9, 0x06);
    }

    @Test
    void saveLoadSaveIsTheSame() {
        byte[] fresh = saved(pc);
        use();
        byte[] used = saved(pc);
        assertFalse(Arrays.equals(fresh, used));
        Pc other = pc();
        other.load(new StateReader(new ByteArrayInputStream(used)));
        assertArrayEquals(used, saved(other));
        assertEquals(pc.nextDeadlineNanos(), other.nextDeadlineNanos());
        assertEquals(pc.pic.pending(), other.pic.pending());
        assertEquals(pc.resetRequested(), other.resetRequested());
        for (int port : new int[] {0x21, 0x42, 0x42, 0x42, 0x61, 0x71, 0x3f8, 0x3fd, 0x2f8, 0x80, 0x87, 0xcfc}) {
            assertEquals(pc.ports.in(port, 1), other.ports.in(port, 1), "port 0x" + Integer.toHexString(port));
        }
        assertEquals(42, other.mmio.read(ChannelDevice.DOORBELL_BASE + 8, 4));
    }

    @Test
    void eachDeviceSavesWhatItLoads() {
        use();
        Pc other = pc();
        Stateful[][] pairs = {
            {pc.pic, other.pic},
            {pc.pit, other.pit},
            {pc.cmos, other.cmos},
            {pc.console, other.console},
            {pc.control, other.control},
            {pc.system, other.system},
            {pc.timerGate, other.timerGate},
            {pc.dma, other.dma},
            {pc.pci, other.pci},
        };
        for (Stateful[] pair : pairs) {
            byte[] state = saved(pair[0]);
            assertFalse(Arrays.equals(state, saved(pair[1])), pair[0].getClass().getSimpleName());
            pair[1].load(new StateReader(new ByteArrayInputStream(state)));
            assertArrayEquals(state, saved(pair[1]), pair[0].getClass().getSimpleName());
        }
    }

    @Test
    void brokenStateIsRefused() {
        byte[] state = saved(pc);
        byte[] cut = Arrays.copyOf(state, state.length - 3);
        assertThrows(HostLacks.class, () -> pc().load(new StateReader(new ByteArrayInputStream(cut))));
        state[5]++;
        assertThrows(HostLacks.class, () -> pc().load(new StateReader(new ByteArrayInputStream(state))));
        byte[] uart = saved(pc.console);
        HostLacks error =
                assertThrows(HostLacks.class, () -> pc.control.load(new StateReader(new ByteArrayInputStream(uart))));
        assertTrue(error.getMessage().contains("com1"), error.getMessage());
    }

    @ParameterizedTest
    @CsvSource({"0x64, 0xfe, 0x64", "0x92, 0x03, 0x92", "0xcf9, 0x06, 0xcf9"})
    void waysToReset(String port, String value, String named) {
        AtomicInteger wakes = new AtomicInteger();
        pc.setWake(wakes::incrementAndGet);
        assertNull(pc.resetRequested());
        out(Integer.decode(port), Integer.decode(value));
        String reason = pc.resetRequested();
        assertNotNull(reason);
        assertTrue(reason.contains(named), reason);
        assertEquals(1, wakes.get(), "the guest must not run on for long");
        assertTrue(pc.attention());
    }

    /** reboot.c, kb_wait: the input buffer must be seen empty. i8042.c, i8042_flush: a full output buffer for ever. */
    @Test
    void thereIsNoKeyboardControllerButItsResetWorks() {
        assertEquals(0, pc.ports.in(0x64, 1) & 0x02);
        for (int i = 0; i < 17; i++) {
            assertEquals(1, pc.ports.in(0x64, 1) & 0x01);
            pc.ports.in(0x60, 1);
        }
        out(0x64, 0xd1);
        out(0x60, 0xdf);
        assertNull(pc.resetRequested());
        assertEquals(0x02, pc.ports.in(0x92, 1), "A20 on");
    }

    @Test
    void absentDevicesReadAllOnes() {
        for (int port : new int[] {0x3c0, 0x3cc, 0x3d4, 0x3e8, 0x2e8, 0x1f7, 0x177, 0x3f7, 0x72, 0xb2, 0x510}) {
            assertEquals(0xff, pc.ports.in(port, 1), "port 0x" + Integer.toHexString(port));
        }
        assertEquals(-1, pc.mmio.read(0xfee0_0030L, 4) | 0xffff_ffff_0000_0000L, "no APIC");
    }

    @Test
    void dmaPageRegistersKeepAndStatusIsIdle() {
        out(0x87, 0x12);
        assertEquals(0x12, pc.ports.in(0x87, 1));
        assertEquals(0, pc.ports.in(0x08, 1));
        assertEquals(0, pc.ports.in(0xd0, 1));
        out(0x80, 0xa5);
        assertEquals(0xa5, pc.dma.postCode());
    }

    @Test
    void inputAsksForAttentionAndAdvanceTakesIt() {
        AtomicInteger wakes = new AtomicInteger();
        pc.setWake(wakes::incrementAndGet);
        out(0x3fc, 0x0b);
        out(0x3f9, 0x01);
        out(0x20, 0x11);
        out(0x21, 0x30);
        out(0x21, 4);
        out(0x21, 1);
        pc.console.offer(new byte[] {'a'});
        assertTrue(pc.attention());
        assertEquals(1, wakes.get());
        assertFalse(pc.pic.pending());
        pc.advance(0);
        assertFalse(pc.attention());
        assertEquals(0x34, pc.pic.acknowledge());
        assertEquals('a', pc.ports.in(0x3f8, 1));
    }

    @Test
    void exitsAreCounted() {
        pc.ports.in(0x92, 1);
        pc.ports.in(0x64, 1);
        pc.mmio.read(ChannelDevice.DOORBELL_BASE, 4);
        assertEquals(2, pc.exits().get("port.system"));
        assertEquals(1, pc.exits().get("mmio.channel"));
        assertEquals(0, pc.exits().get("port.pit"));
    }

    @Test
    void theListenerHearsOfNewDeadlines() {
        List<Long> deadlines = new ArrayList<>();
        pc.setDeadlineListener(deadlines::add);
        out(0x43, 0x38);
        out(0x40, 0xff);
        assertEquals(TimedDevice.NEVER, deadlines.get(deadlines.size() - 1));
        out(0x40, 0x7f);
        assertEquals(pc.nextDeadlineNanos(), deadlines.get(deadlines.size() - 1));
        assertTrue(pc.nextDeadlineNanos() < TimedDevice.NEVER);
    }
}
