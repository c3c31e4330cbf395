package dev.runinvm.engine.para;

import dev.runinvm.engine.x86.CpuException;
import dev.runinvm.engine.x86.CpuState;
import dev.runinvm.engine.x86.Interrupts;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Frames on the kernel's stack, and the way back from them. */
class PvCpuTest {
    private static final long EVENT = TestDomain.VIRT_BASE + 0x111000;
    private static final long SYSCALL = TestDomain.VIRT_BASE + 0x222000;
    private static final long PAGE_FAULT = TestDomain.VIRT_BASE + 0x333000;
    private static final long STACK = TestDomain.VIRT_BASE + 0x40_0000;
    private static final long USER_ROOT = 0x3000;

    private final TestDomain d = new TestDomain();
    private final CpuState s = d.s;

    @BeforeEach
    void register() {
        assertEquals(0, d.call(Hypercalls.CALLBACK_OP, 0, d.words(0, EVENT)));
        assertEquals(0, d.call(Hypercalls.CALLBACK_OP, 0, d.words(2 | 1L << 16, SYSCALL)));
        assertEquals(0, d.call(Hypercalls.SET_TRAP_TABLE, d.words(14 | 4 << 8 | 0xe033L << 16, PAGE_FAULT, 0, 0)));
        assertEquals(0, d.call(Hypercalls.STACK_SWITCH, 0x18, STACK));
        assertEquals(0, d.call(Hypercalls.MMUEXT_OP, d.words(3, USER_ROOT, 0, 15, USER_ROOT, 0), 2, 0, 0x7ff0));
        assertEquals(0, d.call(Hypercalls.SET_SEGMENT_BASE, 2, 0xffff_8880_0000_1000L));
        assertEquals(0, d.call(Hypercalls.SET_SEGMENT_BASE, 1, 0x7000L));
        d.domain.shared.setUpcallMask(0);
    }

    @AfterEach
    void close() {
        d.close();
    }

    private long frame(int word) {
        return d.read64(s.gpr[CpuState.RSP] + 8L * word);
    }

    /** Goes to a program by the hypercall iret. */
    private void toProgram(long rip, long rsp, long flags) {
        s.gpr[CpuState.RSP] = d.words(77, 11, 22, 0, rip, 0x33, flags, rsp, 0x2b);
        s.gpr[CpuState.RAX] = Hypercalls.IRET;
        d.domain.pv.syscall(d.domain.cpu, 0);
    }

    @Test
    void iretGoesToAProgram() {
        toProgram(0x40_1000, 0x7fff_0000, 0x202);
        assertEquals(3, s.cpl);
        assertEquals(0x40_1000, s.rip);
        assertEquals(0x7fff_0000, s.gpr[CpuState.RSP]);
        assertEquals(77, s.gpr[CpuState.RAX]);
        assertEquals(11, s.gpr[11]);
        assertEquals(22, s.gpr[CpuState.RCX]);
        assertEquals(USER_ROOT << 12, s.cr3);
        assertEquals(0x7000, s.base[CpuState.GS]);
        assertEquals(0, d.domain.shared.upcallMask());
        assertEquals(0x33, s.selector[CpuState.CS]);
    }

    @Test
    void aSystemCallEntersTheKernel() {
        toProgram(0x40_1000, 0x7fff_0000, 0x202);
        d.domain.pv.syscall(d.domain.cpu, 0x40_1002);
        assertEquals(0, s.cpl);
        assertEquals(SYSCALL, s.rip);
        assertEquals(0xffff_8880_0000_1000L, s.base[CpuState.GS]);
        assertEquals(STACK - 56, s.gpr[CpuState.RSP]);
        assertEquals(0x40_1002, frame(0)); // RCX
        assertEquals(0x202, frame(1)); // R11
        assertEquals(0x40_1002, frame(2));
        assertEquals(3, frame(3) & 3);
        assertEquals(0x202, frame(4));
        assertEquals(0x7fff_0000, frame(5));
        assertEquals(1, d.domain.shared.upcallMask(), "events are masked");
        assertEquals(1, d.domain.pv.systemCalls);
    }

    @Test
    void aPageFaultTellsItsAddressAndErrorCode() {
        long stack = TestDomain.VIRT_BASE + 0x50_0008;
        s.gpr[CpuState.RSP] = stack;
        s.rip = TestDomain.VIRT_BASE + 0x1234;
        Interrupts.raise(d.domain.cpu, CpuException.pageFault(0x1234_5678, 2));
        assertEquals(PAGE_FAULT, s.rip);
        assertEquals((stack & ~15) - 64, s.gpr[CpuState.RSP]);
        assertEquals(2, frame(2));
        assertEquals(TestDomain.VIRT_BASE + 0x1234, frame(3));
        assertEquals(0xe030, frame(4), "RPL 0 says that it was the kernel; events were not masked");
        assertEquals(0x200, frame(5) & 0x200);
        assertEquals(stack, frame(6));
        assertEquals(0xe02b, frame(7));
        assertEquals(0x1234_5678, d.memory.getLong(d.domain.layout.sharedInfo() + 16));
    }

    @Test
    void theSavedMaskIsInTheFrame() {
        d.domain.shared.setUpcallMask(1);
        s.gpr[CpuState.RSP] = STACK;
        Interrupts.raise(d.domain.cpu, CpuException.pageFault(0, 0));
        assertEquals(1L << 32 | 0xe030, frame(4));
        assertEquals(0, frame(5) & 0x200);
    }

    @Test
    void anEventWaitsForItsMask() {
        int port = d.domain.events.bindVirq(0, 0);
        d.domain.shared.setUpcallMask(1);
        d.domain.events.raise(0);
        assertTrue(d.domain.shared.isPending(port));
        assertFalse(Interrupts.acceptIfPending(d.domain.cpu));
        d.domain.shared.setUpcallMask(0);
        assertTrue(Interrupts.acceptIfPending(d.domain.cpu));
        assertEquals(EVENT, s.rip);
    }

    @Test
    void whatHasNoEntryCrashesTheGuest() {
        assertThrows(GuestCrash.class, () -> Interrupts.raise(d.domain.cpu, CpuException.of(CpuException.DE)));
        s.gpr[CpuState.RSP] = 0x10; // nothing is mapped there
        assertThrows(GuestCrash.class, () -> Interrupts.raise(d.domain.cpu, CpuException.pageFault(0, 0)));
        assertThrows(GuestCrash.class, () -> d.call(Hypercalls.IRET));
    }

    @Test
    void cpuidBehindThePrefixIsXens() {
        byte[] code = {0x0f, 0x0b, 'x', 'e', 'n', 0x0f, (byte) 0xa2};
        d.domain.cpu.mmu.write(TestDomain.SCRATCH, code, 0, code.length);
        s.rip = TestDomain.SCRATCH;
        s.gpr[CpuState.RAX] = 0x4000_0000;
        Interrupts.raise(d.domain.cpu, CpuException.of(CpuException.UD));
        assertEquals(TestDomain.SCRATCH + 7, s.rip);
        assertEquals(0x566e_6558, s.gpr[CpuState.RBX]);
        assertEquals(0x6558_4d4d, s.gpr[CpuState.RCX]);
        assertEquals(0x4d4d_566e, s.gpr[CpuState.RDX]);
    }
}
