package dev.runinvm.engine.x86;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import static dev.runinvm.engine.x86.CpuState.CS;
import static dev.runinvm.engine.x86.CpuState.DS;
import static dev.runinvm.engine.x86.CpuState.ES;
import static dev.runinvm.engine.x86.CpuState.FLAG_IF;
import static dev.runinvm.engine.x86.CpuState.FLAG_IOPL;
import static dev.runinvm.engine.x86.CpuState.FLAG_NT;
import static dev.runinvm.engine.x86.CpuState.FLAG_RF;
import static dev.runinvm.engine.x86.CpuState.FS;
import static dev.runinvm.engine.x86.CpuState.GS;
import static dev.runinvm.engine.x86.CpuState.RCX;
import static dev.runinvm.engine.x86.CpuState.RSP;
import static dev.runinvm.engine.x86.CpuState.SS;
import static dev.runinvm.engine.x86.TestMachine.KERNEL;
import static dev.runinvm.engine.x86.TestMachine.KERNEL_CS;
import static dev.runinvm.engine.x86.TestMachine.KERNEL_DS;
import static dev.runinvm.engine.x86.TestMachine.RSP0_TOP;
import static dev.runinvm.engine.x86.TestMachine.STACK_TOP;
import static dev.runinvm.engine.x86.TestMachine.USER32_CS;
import static dev.runinvm.engine.x86.TestMachine.USER_CS;
import static dev.runinvm.engine.x86.TestMachine.USER_DS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class FarControlTest {
    private static final long USER_RIP = 0x40_1234;
    private static final long USER_RSP = 0x7fff_0000_1238L;

    private final TestMachine m = new TestMachine();
    private final CpuState s = m.s;

    @AfterEach
    void close() {
        m.close();
    }

    private void push(long... values) {
        for (long value : values) {
            s.gpr[RSP] -= 8;
            m.mmu.write64(s.gpr[RSP], value);
        }
    }

    private void faults(int vector, int error, Executable what) {
        long rsp = s.gpr[RSP];
        long rip = s.rip;
        int cpl = s.cpl;
        long flags = s.rflags();
        CpuException e = assertThrows(CpuException.class, what);
        assertEquals(vector, e.vector());
        assertEquals(error, e.errorCode());
        assertEquals(rsp, s.gpr[RSP]);
        assertEquals(rip, s.rip);
        assertEquals(cpl, s.cpl);
        assertEquals(flags, s.rflags());
    }

    @Test
    void anInterruptAndIretqAreARoundTrip() {
        m.gate(0x20, 14, 0, 0);
        m.user(USER_RIP, USER_RSP);
        Segments.load(m.cpu, DS, USER_DS);
        s.setRflags(FLAG_IF | 0xd7);
        Interrupts.deliver(m.cpu, 0x20, false, 0, false);
        FarControl.iret(m.cpu, 8);
        assertEquals(3, s.cpl);
        assertEquals(USER_RIP, s.rip);
        assertEquals(USER_RSP, s.gpr[RSP]);
        assertEquals(USER_CS, s.selector[CS]);
        assertEquals(USER_DS, s.selector[SS]);
        assertEquals(USER_DS, s.selector[DS]);
        assertEquals(FLAG_IF | 0xd7, s.rflags());
        CpuException e = assertThrows(CpuException.class, () -> m.mmu.read8(KERNEL));
        assertEquals(5, e.errorCode(), "with user rights again");
    }

    @Test
    void iretInTheKernelReturnsToItsOwnStack() {
        push(KERNEL_DS, KERNEL + 0x7123, FLAG_IF | FLAG_RF, KERNEL_CS, KERNEL + 0x6000);
        m.interrupts.add(0x20);
        FarControl.iret(m.cpu, 8);
        assertEquals(KERNEL + 0x6000, s.rip);
        assertEquals(KERNEL + 0x7123, s.gpr[RSP]);
        assertEquals(FLAG_IF | 2, s.rflags(), "RF has done its work");
        assertTrue(m.cpu.attention());
        push(0, KERNEL + 0x7000, 2, KERNEL_CS, KERNEL);
        FarControl.iret(m.cpu, 8);
        assertEquals(0, s.selector[SS], "a null SS is fine at CPL 0");
    }

    @Test
    void userModeCannotGainIoplOrInterruptsByIret() {
        m.map(0x40_0000, 0x20_0000, TestMachine.P | TestMachine.W | TestMachine.U);
        m.user(USER_RIP, 0x40_0800);
        push(USER_DS, USER_RSP, FLAG_IOPL | CpuState.FLAG_AC, USER_CS, USER_RIP + 9);
        FarControl.iret(m.cpu, 8);
        assertEquals(FLAG_IF | CpuState.FLAG_AC | 2, s.rflags());
        assertEquals(USER_RIP + 9, s.rip);
    }

    @Test
    void iretdPopsFourByteWords() {
        long at = KERNEL + 0x7000;
        int[] words = {0x1000, USER_CS, 0x202, 0x2000, USER_DS};
        for (int i = 0; i < words.length; i++) {
            m.mmu.write32(at + 4 * i, words[i]);
        }
        s.gpr[RSP] = at;
        FarControl.iret(m.cpu, 4);
        assertEquals(0x1000, s.rip);
        assertEquals(0x2000, s.gpr[RSP]);
        assertEquals(3, s.cpl);
    }

    @Test
    void iretChecksWhatItPops() {
        s.setRflags(FLAG_NT);
        faults(CpuException.GP, 0, () -> FarControl.iret(m.cpu, 8));
        s.setRflags(0);
        iretFault(CpuException.GP, 0, USER_RIP, 0, USER_DS);
        iretFault(CpuException.GP, USER32_CS & ~3, USER_RIP, USER32_CS, USER_DS);
        iretFault(CpuException.GP, KERNEL_DS, KERNEL, KERNEL_DS, KERNEL_DS);
        iretFault(CpuException.GP, 0x90, USER_RIP, 0x93, USER_DS);
        iretFault(CpuException.GP, 0, USER_RIP, USER_CS, 0);
        iretFault(CpuException.GP, 0, USER_RIP, USER_CS, 3);
        iretFault(CpuException.GP, KERNEL_DS, USER_RIP, USER_CS, KERNEL_DS);
        iretFault(CpuException.GP, 0, 1L << 47, USER_CS, USER_DS);
        m.memory.putByte(TestMachine.GDT + 0x30 + 5, (byte) 0x7b);
        iretFault(CpuException.NP, USER_CS & ~3, USER_RIP, USER_CS, USER_DS);
        m.memory.putByte(TestMachine.GDT + 0x30 + 5, (byte) 0xfb);
        m.memory.putByte(TestMachine.GDT + 0x28 + 5, (byte) 0x73);
        iretFault(CpuException.SS, USER_DS & ~3, USER_RIP, USER_CS, USER_DS);
        s.gpr[RSP] = 0x9000;
        CpuException e = assertThrows(CpuException.class, () -> FarControl.iret(m.cpu, 8));
        assertEquals(CpuException.PF, e.vector());
    }

    private void iretFault(int vector, int error, long rip, int cs, int ss) {
        s.gpr[RSP] = KERNEL + STACK_TOP;
        push(ss, USER_RSP, 2, cs, rip);
        faults(vector, error, () -> FarControl.iret(m.cpu, 8));
    }

    @Test
    void segmentsOfTheKernelDoNotLeakToUserMode() {
        Segments.load(m.cpu, DS, KERNEL_DS);
        Segments.load(m.cpu, ES, USER_DS);
        push(USER_DS, USER_RSP, 2, USER_CS, USER_RIP);
        FarControl.iret(m.cpu, 8);
        assertEquals(0, s.selector[DS]);
        assertEquals(USER_DS, s.selector[ES]);
    }

    private void syscallMsrs() {
        s.star = 0x0023_0010_0000_0000L;
        s.lstar = KERNEL + 0x6000;
        s.sfmask = 0x47700;
    }

    @Test
    void syscallAndSysretAreARoundTrip() {
        syscallMsrs();
        m.user(USER_RIP, USER_RSP);
        s.setRflags(FLAG_IF | 0x55 | CpuState.FLAG_AC);
        FarControl.syscall(m.cpu, USER_RIP + 2);
        assertEquals(0, s.cpl);
        assertEquals(KERNEL_CS, s.selector[CS]);
        assertEquals(KERNEL_DS, s.selector[SS]);
        assertEquals(KERNEL + 0x6000, s.rip);
        assertEquals(USER_RIP + 2, s.gpr[RCX]);
        assertEquals(FLAG_IF | 0x57 | CpuState.FLAG_AC, s.gpr[11]);
        assertEquals(0x57, s.rflags());
        assertEquals(USER_RSP, s.gpr[RSP]);
        assertEquals(0, m.mmu.read8(KERNEL + 0x30_0000));
        FarControl.sysret(m.cpu, 8);
        assertEquals(3, s.cpl);
        assertEquals(USER_CS, s.selector[CS]);
        assertEquals(USER_DS, s.selector[SS]);
        assertEquals(USER_RIP + 2, s.rip);
        assertEquals(FLAG_IF | 0x57 | CpuState.FLAG_AC, s.rflags());
        assertThrows(CpuException.class, () -> m.mmu.read8(KERNEL + 0x30_0000));
    }

    @Test
    void sysretIsForTheKernelAnd64BitCode() {
        syscallMsrs();
        faults(CpuException.GP, 0, () -> FarControl.sysret(m.cpu, 4));
        m.user(USER_RIP, USER_RSP);
        faults(CpuException.GP, 0, () -> FarControl.sysret(m.cpu, 8));
        s.efer &= ~CpuState.EFER_SCE;
        faults(CpuException.UD, 0, () -> FarControl.syscall(m.cpu, 0));
        faults(CpuException.UD, 0, () -> FarControl.sysret(m.cpu, 8));
    }

    @Test
    void vendorsDifferInSysretToANonCanonicalAddress() {
        syscallMsrs();
        s.gpr[RCX] = 1L << 47;
        FarControl.sysret(m.cpu, 8);
        assertEquals(3, s.cpl, "AMD faults on the fetch");
        CpuException e = assertThrows(CpuException.class, () -> m.mmu.fetch(s.rip));
        assertEquals(CpuException.GP, e.vector());
        try (TestMachine intel = new TestMachine(HostCpuids.intelServer(), 0x2e7)) {
            intel.s.star = s.star;
            intel.s.gpr[RCX] = 1L << 47;
            e = assertThrows(CpuException.class, () -> FarControl.sysret(intel.cpu, 8));
            assertEquals(CpuException.GP, e.vector());
            assertEquals(0, intel.s.cpl);
        }
    }

    @Test
    void farReturnReloadsCsAsKernelsDoAtBoot() {
        push(KERNEL_CS, KERNEL + 0x6000);
        FarControl.farReturn(m.cpu, 8, 0);
        assertEquals(KERNEL + 0x6000, s.rip);
        assertEquals(KERNEL + STACK_TOP, s.gpr[RSP]);
        push(USER_DS, USER_RSP, 0, USER_CS, USER_RIP);
        FarControl.farReturn(m.cpu, 8, 8);
        assertEquals(3, s.cpl);
        assertEquals(USER_RIP, s.rip);
        assertEquals(USER_RSP + 8, s.gpr[RSP]);
    }

    @Test
    void farCallAndJumpStayAtTheLevel() {
        FarControl.farCall(m.cpu, KERNEL_CS, KERNEL + 0x6000, 8, KERNEL + 0x5005);
        assertEquals(KERNEL_CS, m.mmu.read64(s.gpr[RSP] + 8));
        assertEquals(KERNEL + 0x5005, m.mmu.read64(s.gpr[RSP]));
        FarControl.farReturn(m.cpu, 8, 0);
        assertEquals(KERNEL + 0x5005, s.rip);
        FarControl.farJump(m.cpu, KERNEL_CS, KERNEL + 0x6000);
        assertEquals(KERNEL + 0x6000, s.rip);
        faults(CpuException.GP, USER_CS & ~3, () -> FarControl.farJump(m.cpu, USER_CS, KERNEL));
        faults(CpuException.GP, KERNEL_DS, () -> FarControl.farJump(m.cpu, KERNEL_DS, KERNEL));
        faults(CpuException.GP, 0, () -> FarControl.farJump(m.cpu, 0, KERNEL));
        faults(CpuException.GP, 0, () -> FarControl.farJump(m.cpu, KERNEL_CS, 1L << 50));
    }

    @Test
    void sysenterIsIntelsAlone() {
        assertThrows(CpuException.class, () -> FarControl.sysenter(m.cpu));
        try (TestMachine intel = new TestMachine(HostCpuids.intelServer(), 0x2e7)) {
            intel.user(USER_RIP, USER_RSP);
            intel.s.sysenterCs = KERNEL_CS;
            intel.s.sysenterEsp = KERNEL + RSP0_TOP;
            intel.s.sysenterEip = KERNEL + 0x6000;
            FarControl.sysenter(intel.cpu);
            assertEquals(KERNEL + 0x6000, intel.s.rip);
            assertEquals(KERNEL + RSP0_TOP, intel.s.gpr[RSP]);
            assertEquals(0, intel.s.cpl);
            assertFalse(intel.s.interruptsEnabled());
            intel.s.gpr[CpuState.RDX] = USER_RIP;
            intel.s.gpr[RCX] = USER_RSP;
            FarControl.sysexit(intel.cpu, 8);
            assertEquals(USER_RIP, intel.s.rip);
            assertEquals(USER_RSP, intel.s.gpr[RSP]);
            assertEquals(3, intel.s.cpl);
        }
    }

    @Test
    void dataSegmentsAreCheckedWhenLoaded() {
        Segments.load(m.cpu, FS, USER_DS);
        assertEquals(USER_DS, s.selector[FS]);
        segmentFault(CpuException.GP, 0x88, DS, 0x88);
        segmentFault(CpuException.GP, TestMachine.TR, DS, TestMachine.TR);
        segmentFault(CpuException.GP, USER_DS & ~3, SS, USER_DS);
        segmentFault(CpuException.GP, 0, SS, 3);
        segmentFault(CpuException.GP, 4, ES, 4);
        Segments.load(m.cpu, SS, 0);
        Segments.load(m.cpu, SS, KERNEL_DS);
        m.user(USER_RIP, USER_RSP);
        segmentFault(CpuException.GP, KERNEL_DS, DS, KERNEL_DS);
        segmentFault(CpuException.GP, KERNEL_DS, DS, KERNEL_DS | 3);
        segmentFault(CpuException.GP, 0, SS, 0);
        Segments.load(m.cpu, DS, 0);
        Segments.load(m.cpu, DS, USER_CS);
        m.memory.putByte(TestMachine.GDT + 0x28 + 5, (byte) 0x73);
        segmentFault(CpuException.NP, USER_DS & ~3, DS, USER_DS);
        segmentFault(CpuException.SS, USER_DS & ~3, SS, USER_DS);
    }

    private void segmentFault(int vector, int error, int segment, int selector) {
        int before = s.selector[segment];
        CpuException e = assertThrows(CpuException.class, () -> Segments.load(m.cpu, segment, selector));
        assertEquals(vector, e.vector());
        assertEquals(error, e.errorCode());
        assertEquals(before, s.selector[segment]);
    }

    @Test
    void basesAndTheAccessedBitComeFromTheTable() {
        m.memory.putLong(TestMachine.GDT + 0x38, 0x12cff2345678ffffL);
        Segments.load(m.cpu, GS, 0x3b);
        assertEquals(0x1234_5678L, s.base[GS]);
        assertEquals(0xf3, m.memory.getByte(TestMachine.GDT + 0x38 + 5) & 0xff);
        assertEquals(-1, s.limit[GS]);
        s.base[FS] = 77;
        Segments.load(m.cpu, FS, 0);
        assertEquals(77, s.base[FS], "this AMD keeps the base");
        try (TestMachine intel = new TestMachine(HostCpuids.intelServer(), 0x2e7)) {
            intel.s.base[FS] = 77;
            Segments.load(intel.cpu, FS, 0);
            assertEquals(0, intel.s.base[FS]);
        }
    }
}
