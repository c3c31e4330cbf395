package dev.runinvm.engine.x86;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import static dev.runinvm.engine.x86.CpuState.CS;
import static dev.runinvm.engine.x86.CpuState.FLAG_IF;
import static dev.runinvm.engine.x86.CpuState.FLAG_RF;
import static dev.runinvm.engine.x86.CpuState.RSP;
import static dev.runinvm.engine.x86.CpuState.SS;
import static dev.runinvm.engine.x86.TestMachine.IST1_TOP;
import static dev.runinvm.engine.x86.TestMachine.KERNEL;
import static dev.runinvm.engine.x86.TestMachine.KERNEL_CS;
import static dev.runinvm.engine.x86.TestMachine.KERNEL_DS;
import static dev.runinvm.engine.x86.TestMachine.RSP0_TOP;
import static dev.runinvm.engine.x86.TestMachine.STACK_TOP;
import static dev.runinvm.engine.x86.TestMachine.USER_CS;
import static dev.runinvm.engine.x86.TestMachine.USER_DS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class DeliveryTest {
    private static final int INTERRUPT_GATE = 14;
    private static final int TRAP_GATE = 15;
    private static final long USER_RIP = 0x40_1234;
    private static final long USER_RSP = 0x7fff_0000_1238L;

    private final TestMachine m = new TestMachine();
    private final CpuState s = m.s;

    @AfterEach
    void close() {
        m.close();
    }

    private void frame(long top, boolean hasError, long error, long rip, int cs, long flags, long rsp, int ss) {
        long at = top - (hasError ? 48 : 40);
        assertEquals(KERNEL + at, s.gpr[RSP], "RSP");
        if (hasError) {
            assertEquals(error, m.memory.getLong(at), "error code");
            at += 8;
        }
        assertEquals(rip, m.memory.getLong(at), "RIP");
        assertEquals(cs, m.memory.getLong(at + 8), "CS");
        assertEquals(flags, m.memory.getLong(at + 16), "RFLAGS");
        assertEquals(rsp, m.memory.getLong(at + 24), "RSP");
        assertEquals(ss, m.memory.getLong(at + 32), "SS");
    }

    @Test
    void aPageFaultFromUserModeEntersTheKernelStack() {
        m.gate(14, INTERRUPT_GATE, 0, 0);
        m.user(USER_RIP, USER_RSP);
        s.setRflags(0x247 | CpuState.FLAG_TF | CpuState.FLAG_NT | CpuState.FLAG_AC);
        long flags = s.rflags();
        Interrupts.raise(m.cpu, CpuException.pageFault(0xdead_beefL, 6));
        assertEquals(0, s.cpl);
        assertEquals(0xdead_beefL, s.cr2);
        assertEquals(TestMachine.handler(14), s.rip);
        assertEquals(KERNEL_CS, s.selector[CS]);
        assertEquals(0, s.selector[SS], "a null selector");
        assertEquals(0x47 | CpuState.FLAG_AC, s.rflags(), "IF, TF, NT, RF cleared");
        frame(RSP0_TOP, true, 6, USER_RIP, USER_CS, flags | FLAG_RF, USER_RSP, USER_DS);
    }

    @Test
    void aTrapGateKeepsInterruptsEnabledAndTheKernelItsStack() {
        m.gate(6, TRAP_GATE, 0, 0);
        s.setRflags(FLAG_IF);
        s.gpr[RSP] = KERNEL + STACK_TOP - 5;
        Interrupts.raise(m.cpu, CpuException.of(CpuException.UD));
        assertTrue(s.interruptsEnabled());
        assertEquals(KERNEL_DS, s.selector[SS], "SS stays at the same level");
        frame(STACK_TOP - 16, false, 0, KERNEL + 0x5000, KERNEL_CS, 0x202 | FLAG_RF, KERNEL + STACK_TOP - 5, KERNEL_DS);
    }

    @Test
    void anInterruptStackIsUsedFromEveryLevel() {
        m.gate(2, INTERRUPT_GATE, 0, 1);
        Interrupts.deliver(m.cpu, 2, false, 0, false);
        frame(IST1_TOP, false, 0, KERNEL + 0x5000, KERNEL_CS, 2, KERNEL + STACK_TOP, KERNEL_DS);
    }

    @Test
    void externalInterruptsWaitForTheFlagAndTheShadow() {
        m.gate(0x30, INTERRUPT_GATE, 0, 0);
        m.interrupts.add(0x30);
        assertFalse(Interrupts.acceptIfPending(m.cpu));
        assertFalse(m.cpu.attention());
        SystemInstructions.sti(m.cpu);
        assertTrue(m.cpu.attention());
        assertFalse(Interrupts.acceptIfPending(m.cpu), "shadow of STI");
        s.interruptShadow = false;
        s.halted = true;
        assertTrue(Interrupts.acceptIfPending(m.cpu));
        assertFalse(s.halted);
        assertFalse(s.interruptsEnabled());
        frame(STACK_TOP, false, 0, KERNEL + 0x5000, KERNEL_CS, 0x202, KERNEL + STACK_TOP, KERNEL_DS);
        assertFalse(Interrupts.acceptIfPending(m.cpu));
    }

    @Test
    void softwareInterruptsCheckTheGate() {
        m.gate(0x80, INTERRUPT_GATE, 3, 0);
        m.gate(0x81, INTERRUPT_GATE, 0, 0);
        m.gate(3, INTERRUPT_GATE, 3, 0);
        m.user(USER_RIP, USER_RSP);
        CpuException e = assertThrows(CpuException.class, () -> FarControl.interrupt(m.cpu, 0x81, USER_RIP + 2));
        assertEquals(CpuException.GP, e.vector());
        assertEquals(0x81 * 8 + 2, e.errorCode());
        e = assertThrows(CpuException.class, () -> FarControl.interrupt(m.cpu, 0x82, USER_RIP + 2));
        assertEquals(CpuException.GP, e.vector(), "type 0");
        assertEquals(USER_RIP, s.rip);
        FarControl.interrupt(m.cpu, 0x80, USER_RIP + 2);
        frame(RSP0_TOP, false, 0, USER_RIP + 2, USER_CS, 0x202, USER_RSP, USER_DS);
        m.user(USER_RIP, USER_RSP);
        FarControl.int3(m.cpu, USER_RIP + 1);
        assertEquals(TestMachine.handler(3), s.rip);
    }

    @Test
    void gatesMustBePresentAndLeadToA64BitCodeSegment() {
        m.gate(5, INTERRUPT_GATE, 0, 0);
        m.memory.putByte(TestMachine.IDT + 5 * 16 + 5, (byte) 0x0e);
        delivery(5, CpuException.NP, 5 * 8 + 3);
        m.gate(5, 0, INTERRUPT_GATE, 0, 0, KERNEL);
        delivery(5, CpuException.GP, 1);
        m.gate(5, KERNEL_DS, INTERRUPT_GATE, 0, 0, KERNEL);
        delivery(5, CpuException.GP, KERNEL_DS | 1);
        m.gate(5, 0x88, INTERRUPT_GATE, 0, 0, KERNEL);
        delivery(5, CpuException.GP, 0x89);
        m.gate(5, KERNEL_CS, INTERRUPT_GATE, 0, 0, 1L << 55);
        delivery(5, CpuException.GP, 1);
        s.idtrLimit = 5 * 16 + 14;
        delivery(5, CpuException.GP, 5 * 8 + 3);
    }

    private void delivery(int vector, int fault, int error) {
        CpuException e =
                assertThrows(CpuException.class, () -> Interrupts.enter(m.cpu, vector, false, 0, false, s.rip, false));
        assertEquals(fault, e.vector());
        assertEquals(error, e.errorCode());
        assertEquals(KERNEL + 0x5000, s.rip);
        assertEquals(KERNEL + STACK_TOP, s.gpr[RSP]);
    }

    @Test
    void aFaultWhileAPageFaultIsDeliveredIsADoubleFault() {
        m.gate(14, INTERRUPT_GATE, 0, 0);
        m.gate(8, INTERRUPT_GATE, 0, 1);
        s.gpr[RSP] = 0x1000;
        Interrupts.raise(m.cpu, CpuException.pageFault(0x1234, 2));
        assertEquals(TestMachine.handler(8), s.rip);
        assertEquals(0xff8, s.cr2, "of the second page fault");
        frame(IST1_TOP, true, 0, KERNEL + 0x5000, KERNEL_CS, 2, 0x1000, KERNEL_DS);
    }

    @Test
    void aBenignFirstFaultGivesWayToTheSecond() {
        m.gate(14, INTERRUPT_GATE, 0, 1);
        m.gate(6, INTERRUPT_GATE, 0, 0);
        s.gpr[RSP] = 0x1000;
        Interrupts.raise(m.cpu, CpuException.of(CpuException.UD));
        assertEquals(TestMachine.handler(14), s.rip);
        assertEquals(0xff8, s.cr2);
    }

    @Test
    void withoutADoubleFaultHandlerTheProcessorShutsDown() {
        TripleFault e =
                assertThrows(TripleFault.class, () -> Interrupts.raise(m.cpu, CpuException.of(CpuException.GP, 0)));
        assertTrue(e.getMessage().contains("0xffff888000005000"), e.getMessage());
    }

    @Test
    void theTssMustHoldTheStack() {
        m.gate(14, INTERRUPT_GATE, 0, 0);
        m.gate(10, INTERRUPT_GATE, 0, 0);
        m.user(USER_RIP, USER_RSP);
        s.trLimit = 10;
        CpuException e =
                assertThrows(CpuException.class, () -> Interrupts.enter(m.cpu, 14, true, 0, false, s.rip, true));
        assertEquals(CpuException.TS, e.vector());
        assertEquals(TestMachine.TR | 1, e.errorCode());
        assertEquals(3, s.cpl);
    }
}
