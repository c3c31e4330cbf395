package dev.runinvm.engine.x86;

import dev.runinvm.engine.machine.PortDevice;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import static dev.runinvm.engine.x86.CpuState.FLAG_AC;
import static dev.runinvm.engine.x86.CpuState.FLAG_IF;
import static dev.runinvm.engine.x86.CpuState.FLAG_IOPL;
import static dev.runinvm.engine.x86.CpuState.FS;
import static dev.runinvm.engine.x86.CpuState.GS;
import static dev.runinvm.engine.x86.CpuState.RAX;
import static dev.runinvm.engine.x86.CpuState.RCX;
import static dev.runinvm.engine.x86.CpuState.RDX;
import static dev.runinvm.engine.x86.TestMachine.KERNEL;
import static dev.runinvm.engine.x86.TestMachine.KERNEL_CS;
import static dev.runinvm.engine.x86.TestMachine.USER_CS;
import static dev.runinvm.engine.x86.TestMachine.USER_DS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class SystemInstructionsTest {
    private final TestMachine m = new TestMachine();
    private final CpuState s = m.s;

    @AfterEach
    void close() {
        m.close();
    }

    private static void faults(int vector, Executable what) {
        assertEquals(vector, assertThrows(CpuException.class, what).vector());
    }

    private long rdmsr(int number) {
        s.gpr[RCX] = number;
        SystemInstructions.rdmsr(m.cpu);
        return SystemInstructions.edxEax(s);
    }

    private void wrmsr(int number, long value) {
        s.gpr[RCX] = number;
        SystemInstructions.setEdxEax(s, value);
        SystemInstructions.wrmsr(m.cpu);
    }

    @Test
    void userModeMayNotUseThePrivilegedOnes() {
        m.map(0x40_0000, 0x20_0000, TestMachine.P | TestMachine.W | TestMachine.U);
        m.memory.putShort(TestMachine.TSS + 0x66, (short) 0x206f);
        m.user(0, 0);
        Cpu c = m.cpu;
        for (Executable e : List.<Executable>of(
                () -> SystemInstructions.readCr(c, 0),
                () -> SystemInstructions.writeCr(c, 3, 0),
                () -> SystemInstructions.readDr(c, 0),
                () -> SystemInstructions.writeDr(c, 7, 0),
                () -> SystemInstructions.lgdt(c, 0x40_0000),
                () -> SystemInstructions.lidt(c, 0x40_0000),
                () -> SystemInstructions.lldt(c, 0),
                () -> SystemInstructions.ltr(c, 0x40),
                () -> SystemInstructions.lmsw(c, 1),
                () -> SystemInstructions.clts(c),
                () -> SystemInstructions.rdmsr(c),
                () -> SystemInstructions.wrmsr(c),
                () -> SystemInstructions.rdpmc(c),
                () -> SystemInstructions.hlt(c),
                () -> SystemInstructions.invlpg(c, 0),
                () -> SystemInstructions.invpcid(c, 2, 0x40_0000),
                () -> SystemInstructions.wbinvd(c),
                () -> SystemInstructions.invd(c),
                () -> SystemInstructions.cli(c),
                () -> SystemInstructions.sti(c),
                () -> SystemInstructions.swapgs(c),
                () -> SystemInstructions.xsetbv(c),
                () -> SystemInstructions.in(c, 0x60, 1),
                () -> SystemInstructions.out(c, 0x60, 1, 0))) {
            faults(CpuException.GP, e);
        }
        faults(CpuException.UD, () -> SystemInstructions.stac(c));
        SystemInstructions.sgdt(c, 0x40_0000);
        assertEquals(s.gdtrLimit, m.mmu.read16(0x40_0000));
        assertEquals(s.gdtrBase, m.mmu.read64(0x40_0002));
    }

    @Test
    void whatIsNotOfferedIsUndefined() {
        Cpu c = m.cpu;
        for (Executable e : List.<Executable>of(
                () -> SystemInstructions.rdtscp(c),
                () -> SystemInstructions.rdpid(c),
                () -> SystemInstructions.rdpkru(c),
                () -> SystemInstructions.monitor(c),
                () -> SystemInstructions.mwait(c),
                () -> SystemInstructions.vmcall(c),
                () -> SystemInstructions.rsm(c),
                () -> SystemInstructions.ud(c),
                () -> SystemInstructions.readCr(c, 1),
                () -> SystemInstructions.writeCr(c, 5, 0))) {
            faults(CpuException.UD, e);
        }
    }

    @Test
    void controlRegistersRefuseWhatTheProcessorDoes() {
        Cpu c = m.cpu;
        faults(CpuException.GP, () -> SystemInstructions.writeCr(c, 0, s.cr0 | 1L << 32));
        faults(CpuException.GP, () -> SystemInstructions.writeCr(c, 0, s.cr0 & ~CpuState.CR0_PG));
        faults(CpuException.GP, () -> SystemInstructions.writeCr(c, 0, s.cr0 | 1 << 29));
        SystemInstructions.writeCr(c, 0, s.cr0 | CpuState.CR0_TS);
        assertTrue((s.cr0 & CpuState.CR0_TS) != 0);
        SystemInstructions.clts(c);
        assertEquals(0, s.cr0 & CpuState.CR0_TS);
        SystemInstructions.lmsw(c, 0xfff8);
        assertEquals(CpuState.CR0_TS | CpuState.CR0_PE, SystemInstructions.smsw(c) & 0xf);
        faults(CpuException.GP, () -> SystemInstructions.writeCr(c, 4, s.cr4 & ~(1 << 5)));
        for (int bit : new int[] {11, 12, 13, 14, 22, 23, 24}) {
            faults(CpuException.GP, () -> SystemInstructions.writeCr(c, 4, s.cr4 | 1L << bit));
        }
        faults(CpuException.GP, () -> SystemInstructions.writeCr(c, 3, s.cr3 | 1L << 63));
        faults(CpuException.GP, () -> SystemInstructions.writeCr(c, 3, s.cr3 | 1L << 50));
        faults(CpuException.GP, () -> SystemInstructions.writeCr(c, 8, 16));
        SystemInstructions.writeCr(c, 2, 99);
        assertEquals(99, SystemInstructions.readCr(c, 2));
        SystemInstructions.writeCr(c, 3, s.cr3 | 8);
        faults(CpuException.GP, () -> SystemInstructions.writeCr(c, 4, s.cr4 | CpuState.CR4_PCIDE));
    }

    @Test
    void debugRegistersHaveFixedBits() {
        Cpu c = m.cpu;
        assertEquals(0xffff_0ff0L, SystemInstructions.readDr(c, 6));
        assertEquals(0x400, SystemInstructions.readDr(c, 7));
        SystemInstructions.writeDr(c, 3, -1);
        assertEquals(-1, SystemInstructions.readDr(c, 3));
        SystemInstructions.writeDr(c, 4, 0xffff_ffffL);
        assertEquals(0xffff_efffL & (0xffff_0ff0L | 0xe00f), SystemInstructions.readDr(c, 6));
        faults(CpuException.GP, () -> SystemInstructions.writeDr(c, 7, 1L << 32));
        s.cr4 |= 8;
        faults(CpuException.UD, () -> SystemInstructions.readDr(c, 5));
        SystemInstructions.writeDr(c, 7, 1 << 13);
        faults(CpuException.DB, () -> SystemInstructions.readDr(c, 0));
        assertTrue((s.dr[6] & 1 << 13) != 0);
    }

    @Test
    void msrsKeepWhatTheyShouldAndRefuseTheRest() {
        wrmsr(0xc000_0082, KERNEL + 5);
        assertEquals(KERNEL + 5, rdmsr(0xc000_0082));
        faults(CpuException.GP, () -> wrmsr(0xc000_0082, 1L << 50));
        wrmsr(0xc000_0081, 0x0023_0010_0000_0000L);
        assertEquals(0x0023_0010_0000_0000L, s.star);
        wrmsr(0xc000_0100, 0x7000);
        assertEquals(0x7000, s.base[FS]);
        wrmsr(0xc000_0101, KERNEL);
        wrmsr(0xc000_0102, 0x8000);
        SystemInstructions.swapgs(m.cpu);
        assertEquals(0x8000, s.base[GS]);
        assertEquals(KERNEL, rdmsr(0xc000_0102));
        assertEquals(0x0007_0406_0007_0406L, rdmsr(0x277));
        faults(CpuException.GP, () -> wrmsr(0x277, 2));
        wrmsr(0x277, 0x0407_0501_0407_0506L);
        assertEquals(0x0407_0501_0407_0506L, rdmsr(0x277));
        faults(CpuException.GP, () -> wrmsr(0xc000_0080, s.efer | 1 << 12));
        faults(CpuException.GP, () -> wrmsr(0xc000_0080, s.efer & ~CpuState.EFER_LME));
        wrmsr(0xc000_0080, s.efer & ~CpuState.EFER_LMA & ~CpuState.EFER_SCE);
        assertEquals(CpuState.EFER_LME | CpuState.EFER_LMA | CpuState.EFER_NXE, rdmsr(0xc000_0080));
        for (int absent : new int[] {0x1b, 0x48, 0xfe, 0x10a, 0x2ff, 0x4b56_4d00, 0xc000_0103, 0xda0}) {
            faults(CpuException.GP, () -> rdmsr(absent));
            faults(CpuException.GP, () -> wrmsr(absent, 0));
        }
    }

    @Test
    void vendorsHaveMsrsOfTheirOwn() {
        assertEquals(2, rdmsr(0xc001_1029));
        assertTrue((rdmsr(0xc001_0015) & 1 << 24) != 0, "the TSC counts at P0's frequency");
        wrmsr(0xc001_1029, 0x202);
        assertEquals(0x202, rdmsr(0xc001_1029));
        faults(CpuException.GP, () -> rdmsr(0x1a0));
        try (TestMachine intel = new TestMachine(HostCpuids.intelServer(), 0x2e7)) {
            intel.s.gpr[RCX] = 0x1a0;
            SystemInstructions.rdmsr(intel.cpu);
            assertEquals(1, intel.s.gpr[RAX] & 1, "fast strings");
            intel.s.gpr[RCX] = 0xc001_1029;
            faults(CpuException.GP, () -> SystemInstructions.rdmsr(intel.cpu));
        }
    }

    @Test
    void theTimeStampCounterIsTheTimeSourcesUnlessWritten() {
        m.tsc = 0x1_0000_0005L;
        SystemInstructions.rdtsc(m.cpu);
        assertEquals(5, s.gpr[RAX]);
        assertEquals(1, s.gpr[RDX]);
        wrmsr(0x10, 100);
        m.tsc += 7;
        assertEquals(107, rdmsr(0x10));
        assertEquals(100 - 0x1_0000_0005L, rdmsr(0x3b));
        wrmsr(0x3b, 0);
        assertEquals(m.tsc, rdmsr(0x10));
        m.user(0, 0);
        s.cr4 |= 4;
        faults(CpuException.GP, () -> SystemInstructions.rdtsc(m.cpu));
    }

    @Test
    void popfChangesWhatTheLevelAllows() {
        SystemInstructions.popFlags(m.cpu, -1, 8);
        assertEquals(0x24_7fd7, s.rflags());
        assertEquals(0x24_7fd7, SystemInstructions.pushFlags(m.cpu));
        SystemInstructions.popFlags(m.cpu, 0, 2);
        assertEquals(0x24_0002, s.rflags(), "a 16-bit operand leaves the rest");
        s.setRflags(0);
        m.user(0, 0);
        SystemInstructions.popFlags(m.cpu, FLAG_IOPL | FLAG_AC | 1, 8);
        assertEquals(FLAG_IF | FLAG_AC | 3, s.rflags());
        s.setRflags(FLAG_IOPL | FLAG_IF);
        SystemInstructions.popFlags(m.cpu, 0, 8);
        assertEquals(FLAG_IOPL | 2, s.rflags(), "IOPL 3 gives the right to change IF");
        SystemInstructions.sti(m.cpu);
        assertTrue(s.interruptsEnabled() && s.interruptShadow);
    }

    @Test
    void thePortBitmapDecidesForUserMode() {
        int[] seen = {0};
        m.ports.register(0x3f8, 8, new PortDevice() {
            @Override
            public int in(int port, int size) {
                return 0x1234_5678;
            }

            @Override
            public void out(int port, int size, int value) {
                seen[0] = value;
            }
        });
        assertEquals(0x78, SystemInstructions.in(m.cpu, 0x3f8, 1));
        assertEquals(-1, SystemInstructions.in(m.cpu, 0x500, 4));
        m.user(0, 0);
        int bitmap = TestMachine.TSS + 0x68;
        for (int i = 0; i < 0x2000; i++) {
            m.memory.putByte(bitmap + i, (byte) 0xff);
        }
        faults(CpuException.GP, () -> SystemInstructions.in(m.cpu, 0x3f8, 1));
        m.memory.putByte(bitmap + 0x3f8 / 8, (byte) 0xf0);
        assertEquals(0x1234_5678, SystemInstructions.in(m.cpu, 0x3f8, 4));
        SystemInstructions.out(m.cpu, 0x3fb, 1, 0x1ff);
        assertEquals(0xff, seen[0]);
        faults(CpuException.GP, () -> SystemInstructions.in(m.cpu, 0x3fb, 2));
        m.memory.putShort(TestMachine.TSS + 0x66, (short) 0x206f);
        faults(CpuException.GP, () -> SystemInstructions.in(m.cpu, 0x3f8, 1));
        s.setRflags(FLAG_IOPL);
        assertEquals(0x5678, SystemInstructions.in(m.cpu, 0x3f8, 2));
    }

    @Test
    void theTaskRegisterTakesAnAvailableTss() {
        s.trSelector = 0;
        s.trBase = 0;
        SystemInstructions.ltr(m.cpu, TestMachine.TR);
        assertEquals(TestMachine.TR, SystemInstructions.str(m.cpu));
        assertEquals(KERNEL + TestMachine.TSS, s.trBase);
        assertEquals(0x206f, s.trLimit);
        faults(CpuException.GP, () -> SystemInstructions.ltr(m.cpu, TestMachine.TR));
        faults(CpuException.GP, () -> SystemInstructions.ltr(m.cpu, 0));
        faults(CpuException.GP, () -> SystemInstructions.lldt(m.cpu, TestMachine.TR));
        SystemInstructions.lldt(m.cpu, 0);
        assertEquals(0, SystemInstructions.sldt(m.cpu));
    }

    @Test
    void aLocalTableServesSelectorsOfItsOwn() {
        long base = KERNEL + 0x4000;
        m.memory.putLong(
                TestMachine.GDT + 0x50, 0x000f | (base & 0xff_ffff) << 16 | 0x82L << 40 | (base >>> 24 & 0xff) << 56);
        m.memory.putLong(TestMachine.GDT + 0x58, base >>> 32);
        m.memory.putLong(0x4008, 0x00cff3000000ffffL);
        SystemInstructions.lldt(m.cpu, 0x50);
        Segments.load(m.cpu, CpuState.DS, 0xf);
        assertEquals(0xf, s.selector[CpuState.DS]);
        faults(CpuException.GP, () -> Segments.load(m.cpu, CpuState.DS, 0x17));
    }

    @Test
    void larLslAndTheirLikeSeeWhatTheLevelMay() {
        Cpu c = m.cpu;
        assertEquals(0x00a0_9b00L, SystemInstructions.lar(c, KERNEL_CS) & 0x00f0_ff00L);
        assertEquals(0x8900L, SystemInstructions.lar(c, TestMachine.TR));
        assertEquals(0x206f, SystemInstructions.lsl(c, TestMachine.TR));
        assertEquals(0xffff_ffffL, SystemInstructions.lsl(c, USER_DS));
        assertEquals(-1, SystemInstructions.lar(c, 0));
        assertEquals(-1, SystemInstructions.lsl(c, 0x7b), "beyond the table: the vDSO's getcpu must not find one");
        assertTrue(SystemInstructions.verr(c, USER_CS));
        assertFalse(SystemInstructions.verw(c, USER_CS));
        assertTrue(SystemInstructions.verw(c, USER_DS));
        assertFalse(SystemInstructions.verr(c, TestMachine.TR));
        m.user(0, 0);
        assertEquals(-1, SystemInstructions.lar(c, KERNEL_CS));
        assertFalse(SystemInstructions.verr(c, KERNEL_CS));
        assertTrue(SystemInstructions.verw(c, USER_DS));
    }

    @Test
    void fsAndGsBasesNeedTheControlBit() {
        SystemInstructions.writeGsBase(m.cpu, 0x1234);
        assertEquals(0x1234, SystemInstructions.readGsBase(m.cpu));
        faults(CpuException.GP, () -> SystemInstructions.writeFsBase(m.cpu, 1L << 60));
        s.cr4 &= ~CpuState.CR4_FSGSBASE;
        faults(CpuException.UD, () -> SystemInstructions.readFsBase(m.cpu));
    }

    @Test
    void invpcidChecksItsDescriptor() {
        m.memory.putLong(0x20_0000, 0x1000);
        faults(CpuException.GP, () -> SystemInstructions.invpcid(m.cpu, 3, KERNEL + 0x20_0000));
        m.memory.putLong(0x20_0000, 1);
        faults(CpuException.GP, () -> SystemInstructions.invpcid(m.cpu, 1, KERNEL + 0x20_0000));
        m.memory.putLong(0x20_0000, 0);
        faults(CpuException.GP, () -> SystemInstructions.invpcid(m.cpu, 4, KERNEL + 0x20_0000));
        m.memory.putLong(0x20_0008, 1L << 50);
        faults(CpuException.GP, () -> SystemInstructions.invpcid(m.cpu, 0, KERNEL + 0x20_0000));
        SystemInstructions.invpcid(m.cpu, 3, KERNEL + 0x20_0000);
    }

    @Test
    void xcr0TakesOnlyWorkableCombinations() {
        for (long bad : new long[] {0, 2, 5, 0x27, 0x207, 0xe3, 0x1f}) {
            s.gpr[RCX] = 0;
            SystemInstructions.setEdxEax(s, bad);
            faults(CpuException.GP, () -> SystemInstructions.xsetbv(m.cpu));
        }
        for (long good : new long[] {1, 3, 7, 0xe7}) {
            SystemInstructions.setEdxEax(s, good);
            SystemInstructions.xsetbv(m.cpu);
            SystemInstructions.setEdxEax(s, 0);
            SystemInstructions.xgetbv(m.cpu);
            assertEquals(good, SystemInstructions.edxEax(s));
        }
        s.gpr[RCX] = 1;
        faults(CpuException.GP, () -> SystemInstructions.xgetbv(m.cpu));
        s.cr4 &= ~CpuState.CR4_OSXSAVE;
        faults(CpuException.UD, () -> SystemInstructions.xgetbv(m.cpu));
    }
}
