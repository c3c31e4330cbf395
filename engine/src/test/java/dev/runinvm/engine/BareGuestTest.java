package dev.runinvm.engine;

import dev.runinvm.engine.machine.DeadlineAlarm;
import dev.runinvm.engine.machine.DoorbellHandler;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.MmioBus;
import dev.runinvm.engine.machine.Pc;
import dev.runinvm.engine.machine.PortBus;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.TimeSource;
import dev.runinvm.engine.machine.TimedDevice;
import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.CpuState;
import dev.runinvm.engine.x86.CpuidModel;
import dev.runinvm.engine.x86.Interpreter;
import dev.runinvm.engine.x86.Interrupts;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Processor and machine together, under a kernel of 500 bytes: bare-guest.s. It takes timer interrupts out of HLT and
 * out of a busy loop, measures the TSC against the timer, reads PCI, rings the doorbell, echoes its console and resets.
 * The same bytes do the same on any PC.
 */
@Timeout(60)
class BareGuestTest {
    private static final int ENTRY = 0x10_0000;
    private static final long PML4 = 0x9000;
    private static final long GDT = 0x500;
    private static final long TSC_HZ = 2_000_000_000L;
    /** HLT; CMP DWORD PTR [0x3000], imm8: the guest's two waits for the timer. */
    private static final byte[] TIMER_WAIT = HexFormat.of().parseHex("f4833c2500300000");

    private final GuestMemory memory = GuestMemory.create(4 << 20);
    private final ByteArrayOutputStream console = new ByteArrayOutputStream();
    private int flushes;

    @AfterEach
    void close() {
        memory.close();
    }

    /** Time that passes by being looked at, 100 ns each, and jumps when the processor sleeps. */
    private static final class VirtualTime implements TimeSource {
        long nanos;

        @Override
        public long nanos() {
            nanos += 100;
            return nanos;
        }

        @Override
        public long tsc() {
            return nanos() * (TSC_HZ / 1_000_000_000L);
        }

        @Override
        public long tscHz() {
            return TSC_HZ;
        }

        @Override
        public long wallClockNanos() {
            return nanos;
        }
    }

    private static final class RealTime implements TimeSource {
        private final long start = System.nanoTime();

        @Override
        public long nanos() {
            return System.nanoTime() - start;
        }

        @Override
        public long tsc() {
            return nanos() * (TSC_HZ / 1_000_000_000L);
        }

        @Override
        public long tscHz() {
            return TSC_HZ;
        }

        @Override
        public long wallClockNanos() {
            return nanos();
        }
    }

    private final class Flushes implements DoorbellHandler {
        @Override
        public void flush() {
            flushes++;
        }

        @Override
        public void await(long millis) {
            throw new AssertionError("the guest does not wait");
        }

        @Override
        public void goodbye() {
            throw new AssertionError("the guest does not say goodbye");
        }
    }

    /** A machine with its processor, and the loop round them. */
    private final class Machine {
        final TimeSource time;
        final Pc pc;
        final Cpu cpu;
        final Interpreter interpreter;

        Machine(TimeSource time, CpuState state) {
            this.time = time;
            PortBus ports = new PortBus();
            MmioBus mmio = new MmioBus();
            pc = new Pc(memory, ports, mmio, time, new Flushes());
            // No instruction of the guest asks for anything newer than the first of them.
            CpuidModel cpuid = new CpuidModel((eax, ecx) -> new int[4], 1, TSC_HZ);
            cpu = new Cpu(state, memory, mmio, ports, pc.pic, time, cpuid);
            interpreter = new Interpreter(cpu);
            pc.pic.setIntrListener(cpu::requestAttention);
            pc.console.setSink(console::write);
        }

        /** Runs until the guest asks for a reset, or halts with no deadline ahead and no input. */
        void run() {
            while (true) {
                if (cpu.attention()) {
                    cpu.clearAttention();
                }
                long now = time.nanos();
                if (pc.attention() || now >= pc.nextDeadlineNanos()) {
                    pc.advance(now);
                }
                if (pc.resetRequested() != null) {
                    return;
                }
                Interrupts.acceptIfPending(cpu);
                if (cpu.s.halted) {
                    assertTrue(cpu.s.interruptsEnabled(), "dead: halted with interrupts off");
                    long deadline = pc.nextDeadlineNanos();
                    if (deadline == TimedDevice.NEVER) {
                        return;
                    }
                    if (time instanceof VirtualTime virtual) {
                        virtual.nanos = deadline;
                    }
                    continue;
                }
                interpreter.run();
            }
        }
    }

    private static byte[] guest() {
        try (InputStream in =
                Objects.requireNonNull(BareGuestTest.class.getResourceAsStream("bare-guest.hex"), "bare-guest.hex")) {
            String hex = new String(in.readAllBytes(), StandardCharsets.US_ASCII);
            return HexFormat.of().parseHex(hex.replaceAll("\\s", ""));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** The processor in 64-bit mode at the guest's first byte, as a boot loader leaves it. */
    private CpuState start(byte[] guest) {
        memory.write(ENTRY, guest, 0, guest.length);
        memory.putLong(PML4, PML4 + 0x1003);
        for (int gib = 0; gib < 4; gib++) {
            long directory = PML4 + 0x2000 + gib * 0x1000L;
            memory.putLong(PML4 + 0x1000 + gib * 8L, directory | 3);
            for (int i = 0; i < 512; i++) {
                memory.putLong(directory + i * 8L, ((long) gib << 30) + ((long) i << 21) | 0x83);
            }
        }
        memory.putLong(GDT + 0x10, 0x00af_9b00_0000_ffffL);
        memory.putLong(GDT + 0x18, 0x00cf_9300_0000_ffffL);
        CpuState s = new CpuState();
        s.rip = ENTRY;
        for (int i = 0; i < 6; i++) {
            s.selector[i] = i == CpuState.CS ? 0x10 : 0x18;
            s.limit[i] = -1;
            s.access[i] = i == CpuState.CS ? 0xa09b : 0xc093;
        }
        s.gdtrBase = GDT;
        s.gdtrLimit = 0x1f;
        s.cr0 = CpuState.CR0_PE | 0x30 | CpuState.CR0_PG;
        s.cr3 = PML4;
        s.cr4 = 1 << 5;
        s.efer = CpuState.EFER_LME | CpuState.EFER_LMA;
        return s;
    }

    private String output() {
        return console.toString(StandardCharsets.ISO_8859_1);
    }

    /** What the guest prints before it echoes, but for the TSC cycles of 10 ms. */
    private void assertBooted() {
        String[] lines = output().split("\n", -1);
        assertEquals("up", lines[0]);
        assertEquals("10 ticks", lines[1]);
        assertEquals("shot", lines[2]);
        assertEquals(TSC_HZ / 100.0, Long.parseLong(lines[3], 16), TSC_HZ / 100.0 * 0.01);
        assertEquals("0000000012378086", lines[4]);
        assertEquals(1, flushes);
    }

    @Test
    void everyDeviceWorksForAKernel() {
        VirtualTime time = new VirtualTime();
        Machine m = new Machine(time, start(guest()));
        m.run();
        assertBooted();
        assertEquals(0, m.pc.pic.spuriousCount());
        assertEquals(0, m.pc.pit.coalescedCount());
        assertTrue(time.nanos > 39_900_000 && time.nanos < 42_000_000, "10 + 20 + 10 ms, not " + time.nanos);
        console.reset();
        m.pc.console.offer("thisismorethanonefifoholds".getBytes(StandardCharsets.US_ASCII));
        m.run();
        m.pc.console.offer("xyz".getBytes(StandardCharsets.US_ASCII));
        m.run();
        assertEquals("THISISMORETHANONEFIFOHOLDSXYZ", output());
        m.pc.console.offer(new byte[] {'!'});
        m.run();
        String reason = m.pc.resetRequested();
        assertNotNull(reason);
        assertTrue(reason.contains("0x64"), reason);
    }

    /** A timer must interrupt a processor that never leaves ring 0 by itself. */
    @Test
    void theAlarmInterruptsABusyLoop() {
        byte[] guest = guest();
        int patched = 0;
        for (int i = 0; i + TIMER_WAIT.length <= guest.length; i++) {
            if (Arrays.equals(guest, i, i + TIMER_WAIT.length, TIMER_WAIT, 0, TIMER_WAIT.length)) {
                guest[i] = (byte) 0x90;
                patched++;
            }
        }
        assertEquals(2, patched);
        Machine m = new Machine(new RealTime(), start(guest));
        try (DeadlineAlarm alarm = new DeadlineAlarm(m.time, m.cpu::requestAttention)) {
            m.pc.setDeadlineListener(alarm::arm);
            m.run();
        }
        String[] lines = output().split("\n", -1);
        assertEquals("10 ticks", lines[1]);
        assertEquals("shot", lines[2]);
        assertEquals(1, flushes);
    }

    /** The machine's state is in its devices, the processor's in CpuState, and nothing anywhere else. */
    @Test
    void aMachineGoesOnInAnother() {
        VirtualTime time = new VirtualTime();
        Machine first = new Machine(time, start(guest()));
        first.run();
        assertBooted();
        ByteArrayOutputStream state = new ByteArrayOutputStream();
        first.pc.save(new StateWriter(state));
        Machine second = new Machine(time, first.cpu.s);
        second.pc.load(new StateReader(new ByteArrayInputStream(state.toByteArray())));
        console.reset();
        second.pc.console.offer("again!".getBytes(StandardCharsets.US_ASCII));
        second.run();
        assertTrue(output().startsWith("AGAIN"), output());
        assertNotNull(second.pc.resetRequested());
    }
}
