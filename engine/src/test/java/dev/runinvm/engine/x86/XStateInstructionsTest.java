package dev.runinvm.engine.x86;

import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import static dev.runinvm.engine.x86.CpuState.RAX;
import static dev.runinvm.engine.x86.CpuState.RDX;
import static dev.runinvm.engine.x86.TestMachine.KERNEL;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class XStateInstructionsTest {
    private static final int AREA = 0x20_0000;
    private static final long AT = KERNEL + AREA;
    private static final int SIZE = 0x980;

    private final TestMachine m = new TestMachine();
    private final CpuState s = m.s;
    private final Cpu cpu = m.cpu;

    @BeforeEach
    void enableAll() {
        s.xcr0 = 0xe7;
        s.gpr[RAX] = 0xffff_ffffL;
        s.gpr[RDX] = 0xffff_ffffL;
    }

    @AfterEach
    void close() {
        m.close();
    }

    private static void faults(int vector, Executable what) {
        assertEquals(vector, assertThrows(CpuException.class, what).vector());
    }

    /** Gives every component in use random contents. */
    private byte[] randomState(long seed) {
        byte[] x = new byte[SIZE];
        new Random(seed).nextBytes(x);
        for (int i = 0; i < x.length; i++) {
            boolean hole = i == 5 || i == 7 || i >= 28 && i < 32 || i >= 416 && i < 576;
            if (hole) {
                x[i] = 0;
            }
        }
        x[2] |= (byte) 0x80; // an exception is pending: AMD keeps its opcode and addresses only then
        x[24] = (byte) 0x80;
        x[25] = 0x1f;
        x[26] = 0;
        x[27] = 0;
        s.xstate.put(0, x, 0, SIZE);
        s.xstate.putLong(512, 0xe7);
        x[512] = (byte) 0xe7;
        return x;
    }

    private byte[] state() {
        byte[] x = new byte[SIZE];
        s.xstate.get(0, x, 0, SIZE);
        return x;
    }

    private byte[] area() {
        byte[] x = new byte[SIZE];
        m.memory.read(AREA, x, 0, SIZE);
        return x;
    }

    @Test
    void aNewProcessorHasTheStateAfterReset() {
        assertEquals(0x37f, XStateInstructions.fnstcw(cpu));
        assertEquals(0x1f80, XStateInstructions.stmxcsr(cpu));
        assertEquals(0, XStateInstructions.fnstsw(cpu));
    }

    @Test
    void xsaveAndXrstorAreARoundTrip() {
        byte[] x = randomState(1);
        XStateInstructions.xsave(cpu, AT, true);
        byte[] saved = area();
        saved[28] = saved[29] = saved[30] = 0; // MXCSR_MASK
        assertArrayEquals(x, saved);
        assertEquals(0x2_ffff, m.memory.getInt(AREA + 28));
        randomState(2);
        XStateInstructions.xrstor(cpu, AT, true);
        assertArrayEquals(x, state());
    }

    @Test
    void onlyRequestedAndEnabledComponentsAreSaved() {
        randomState(3);
        for (int i = 0; i < SIZE; i++) {
            m.memory.putByte(AREA + i, (byte) 0x5a);
        }
        m.memory.putLong(AREA + 512, 3);
        s.gpr[RAX] = 4;
        s.gpr[RDX] = 0;
        XStateInstructions.xsave(cpu, AT, true);
        assertEquals(7, m.memory.getLong(AREA + 512));
        assertEquals(0x5a5a_5a5aL, m.memory.getInt(AREA) & 0xffff_ffffL, "x87 not asked for");
        assertEquals(0x1f80, m.memory.getInt(AREA + 24), "MXCSR goes with AVX too");
        assertEquals(0x5a, m.memory.getByte(AREA + 160));
        assertEquals(s.xstate.getLong(0x240), m.memory.getLong(AREA + 0x240));
        assertEquals(0x5a, m.memory.getByte(AREA + 0x340));
        s.xcr0 = 7;
        s.gpr[RAX] = -1;
        XStateInstructions.xsave(cpu, AT, true);
        assertEquals(0x5a, m.memory.getByte(AREA + 0x340), "not enabled in XCR0");
        assertEquals(0x5a, m.memory.getByte(AREA + 464), "left to software");
        assertEquals(0x5a, m.memory.getByte(AREA + 520), "XCOMP_BV is not written");
    }

    @Test
    void initialComponentsAreSavedAsSuchAndRestoredAsSuch() {
        randomState(4);
        s.xstate.putLong(512, 2);
        XStateInstructions.xsave(cpu, AT, true);
        assertEquals(2, m.memory.getLong(AREA + 512));
        assertEquals(0x37f, m.memory.getLong(AREA));
        assertEquals(0, m.memory.getLong(AREA + 32));
        assertEquals(0, m.memory.getLong(AREA + 0x240));
        assertEquals(s.xstate.getLong(160), m.memory.getLong(AREA + 160));
        assertEquals(2, s.xstate.getLong(512));
        randomState(5);
        XStateInstructions.xrstor(cpu, AT, true);
        assertEquals(2, s.xstate.getLong(512));
        assertEquals(0x37f, XStateInstructions.fnstcw(cpu));
        assertEquals(3, s.xstate.getLong(512), "looking at the control word puts it to use");
    }

    @Test
    void xsaveoptLeavesInitialComponentsAlone() {
        randomState(6);
        s.xstate.putLong(512, 3);
        m.memory.putLong(AREA + 0x240, 77);
        m.memory.putLong(AREA + 512, 0xe7);
        XStateInstructions.xsaveopt(cpu, AT, true);
        assertEquals(3, m.memory.getLong(AREA + 512));
        assertEquals(77, m.memory.getLong(AREA + 0x240));
        assertEquals(s.xstate.getLong(160), m.memory.getLong(AREA + 160));
    }

    @Test
    void xrstorLeavesUnrequestedComponentsAlone() {
        byte[] x = randomState(7);
        XStateInstructions.xsave(cpu, AT, true);
        randomState(8);
        long zmm = s.xstate.getLong(0x380);
        s.gpr[RAX] = 1;
        s.gpr[RDX] = 0;
        XStateInstructions.xrstor(cpu, AT, true);
        assertEquals(zmm, s.xstate.getLong(0x380));
        assertEquals(x[32], s.xstate.get(32));
        assertEquals(0xe7, s.xstate.getLong(512));
    }

    @Test
    void badAreasAreRefused() {
        faults(CpuException.GP, () -> XStateInstructions.xsave(cpu, AT + 32, true));
        faults(CpuException.GP, () -> XStateInstructions.xrstor(cpu, AT + 16, true));
        faults(CpuException.GP, () -> XStateInstructions.fxsave(cpu, AT + 8, true));
        faults(CpuException.PF, () -> XStateInstructions.xsave(cpu, 0x1000, true));
        XStateInstructions.xsave(cpu, AT, true);
        long[][] bad = {{512, 0x200}, {520, 1L << 63}, {520, 7}, {528, 1}, {24, 0x4_1f80}};
        for (long[] one : bad) {
            long before = m.memory.getLong(AREA + one[0]);
            m.memory.putLong(AREA + one[0], one[1]);
            byte[] state = state();
            faults(CpuException.GP, () -> XStateInstructions.xrstor(cpu, AT, true));
            assertArrayEquals(state, state());
            m.memory.putLong(AREA + one[0], before);
        }
        XStateInstructions.xrstor(cpu, AT, true);
    }

    @Test
    void fxsaveAndFxrstorMoveTheLegacyPart() {
        randomState(9);
        XStateInstructions.fxsave(cpu, AT, true);
        byte[] saved = area();
        saved[28] = saved[29] = saved[30] = 0;
        byte[] x = state();
        for (int i = 0; i < 416; i++) {
            assertEquals(x[i], saved[i], "byte " + i);
        }
        randomState(10);
        long avx = s.xstate.getLong(0x240);
        XStateInstructions.fxrstor(cpu, AT, true);
        byte[] back = state();
        for (int i = 0; i < 416; i++) {
            assertEquals(x[i], back[i], "byte " + i);
        }
        assertEquals(avx, s.xstate.getLong(0x240));
        s.xstate.putLong(8, -1);
        s.xstate.put(2, (byte) 0x80);
        XStateInstructions.fxsave(cpu, AT, false);
        assertEquals(0xffff_ffffL, m.memory.getLong(AREA + 8), "32-bit offset, no selector");
    }

    @Test
    void fninitAndItsLike() {
        randomState(11);
        XStateInstructions.fninit(cpu);
        assertEquals(0x37f, s.xstate.getLong(0));
        assertEquals(0, s.xstate.getLong(8) | s.xstate.getLong(16));
        XStateInstructions.fldcw(cpu, 0xffff);
        assertEquals(0x1f7f, XStateInstructions.fnstcw(cpu));
        s.xstate.putShort(2, (short) 0x3801);
        XStateInstructions.fldcw(cpu, 0x37e);
        assertEquals(0xb881, XStateInstructions.fnstsw(cpu), "unmasking a flagged exception makes it pending");
        faults(CpuException.MF, () -> XStateInstructions.fwait(cpu));
        faults(CpuException.MF, () -> XStateInstructions.fldcw(cpu, 0x37f));
        XStateInstructions.fnclex(cpu);
        assertEquals(0x3800, XStateInstructions.fnstsw(cpu));
        XStateInstructions.fwait(cpu);
        s.xstate.put(4, (byte) 0xff);
        XStateInstructions.emms(cpu);
        assertEquals(0, s.xstate.get(4));
    }

    @Test
    void mxcsrIsCheckedAndMakesSseUsed() {
        s.xstate.putLong(512, 0);
        faults(CpuException.GP, () -> XStateInstructions.ldmxcsr(cpu, 1 << 18));
        XStateInstructions.ldmxcsr(cpu, 0x9fc0);
        assertEquals(0x9fc0, XStateInstructions.stmxcsr(cpu));
        assertEquals(2, s.xstate.getLong(512));
    }

    @Test
    void controlBitsDecideWhatFaults() {
        s.cr0 |= CpuState.CR0_TS;
        faults(CpuException.NM, () -> XStateInstructions.fninit(cpu));
        faults(CpuException.NM, () -> XStateInstructions.fxsave(cpu, AT, true));
        faults(CpuException.NM, () -> XStateInstructions.xsave(cpu, AT, true));
        faults(CpuException.NM, () -> XStateInstructions.stmxcsr(cpu));
        faults(CpuException.NM, () -> XStateInstructions.fwait(cpu));
        s.cr0 = s.cr0 & ~CpuState.CR0_TS | 4;
        faults(CpuException.NM, () -> XStateInstructions.fnstcw(cpu));
        faults(CpuException.UD, () -> XStateInstructions.stmxcsr(cpu));
        faults(CpuException.UD, () -> XStateInstructions.emms(cpu));
        s.cr0 &= ~4L;
        s.cr4 &= ~CpuState.CR4_OSXSAVE;
        faults(CpuException.UD, () -> XStateInstructions.xrstor(cpu, AT, true));
        s.cr4 &= ~CpuState.CR4_OSFXSR;
        faults(CpuException.UD, () -> XStateInstructions.ldmxcsr(cpu, 0x1f80));
    }
}
