package dev.runinvm.engine.x86;

import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The run loop and its code cache: code that changes, moves, crosses pages; exceptions, interrupts, repetitions. */
@Timeout(30)
class InterpreterTest {
    private static final int CODE = 0x5000;
    private static final long START = TestMachine.KERNEL + CODE;
    private static final int INTERRUPT_GATE = 14;

    private final TestMachine m = new TestMachine();
    private final CpuState s = m.s;
    private final Interpreter interpreter = new Interpreter(m.cpu);

    @AfterEach
    void close() {
        m.close();
    }

    private void code(int physical, String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
        m.memory.write(physical, bytes, 0, bytes.length);
    }

    /** Runs from {@link #START} to HLT. */
    private void run() {
        s.halted = false;
        s.rip = START;
        assertEquals(Interpreter.Exit.HALT, interpreter.run());
    }

    @Test
    void runsToTheHalt() {
        code(CODE, "b8 05 00 00 00 01 c0 f4"); // mov eax, 5; add eax, eax; hlt
        run();
        assertEquals(10, s.gpr[CpuState.RAX]);
        assertEquals(START + 8, s.rip);
        assertEquals(3, interpreter.instructions);
    }

    @Test
    void aLoopIsDecodedOnce() {
        code(CODE, "b9 e8 03 00 00 31 c0 ff c0 e2 fc f4"); // mov ecx, 1000; xor eax, eax; 1: inc eax; loop 1b; hlt
        run();
        assertEquals(1000, s.gpr[CpuState.RAX]);
        assertEquals(3, interpreter.cache().blocksDecoded);
        assertEquals(2 + 2000 + 1, interpreter.instructions);
    }

    @Test
    void anInstructionMayChangeTheNextOfItsBlock() {
        // mov byte [rip+1], 7; mov al, 1; hlt: the store changes the immediate behind it
        code(CODE, "c6 05 01 00 00 00 07 b0 01 f4");
        run();
        assertEquals(7, s.gpr[CpuState.RAX] & 0xff);
        assertEquals(3, interpreter.instructions);
    }

    @Test
    void aWriteThroughAnotherMappingChangesTheCode() {
        long alias = 0xffff_c900_0000_0000L;
        m.map(alias, CODE, TestMachine.P | TestMachine.W);
        code(CODE, "b0 01 f4");
        run();
        assertEquals(1, s.gpr[CpuState.RAX] & 0xff);
        m.mmu.write8(alias + 1, 2);
        run();
        assertEquals(2, s.gpr[CpuState.RAX] & 0xff);
        assertEquals(1, interpreter.cache().blocksDropped);
    }

    @Test
    void dataBesideCodeMayBeWritten() {
        code(CODE, "c7 05 f6 07 00 00 01 00 00 00 f4"); // mov dword [rip+0x7f6], 1; hlt
        run();
        run();
        assertEquals(1, interpreter.cache().blocksDecoded);
        assertEquals(0, interpreter.cache().blocksDropped);
        assertEquals(1, m.memory.getInt(CODE + 0x800));
    }

    @Test
    void aRemappedPageIsOtherCode() {
        long page = 0xffff_c900_0000_0000L;
        m.map(page, 0x6000, TestMachine.P);
        code(0x6000, "b0 01 c3"); // mov al, 1; ret
        code(0x7000, "b0 02 c3");
        code(CODE, "48 b8 00 00 00 00 00 c9 ff ff ff d0 f4"); // mov rax, page; call rax; hlt
        run();
        assertEquals(1, s.gpr[CpuState.RAX] & 0xff);
        m.map(page, 0x7000, TestMachine.P);
        run();
        assertEquals(1, s.gpr[CpuState.RAX] & 0xff, "nobody has flushed the translation");
        m.mmu.invalidatePage(page);
        run();
        assertEquals(2, s.gpr[CpuState.RAX] & 0xff);
    }

    @Test
    void anInstructionMayCrossAPage() {
        long page = 0xffff_c900_0000_0000L;
        m.map(page, 0x6000, TestMachine.P);
        m.map(page + 0x1000, 0x9000, TestMachine.P);
        code(0x6ffe, "b8 01"); // mov eax, 0x04030201; ret
        code(0x9000, "02 03 04 c3");
        code(CODE, "48 b9 fe 0f 00 00 00 c9 ff ff ff d1 f4"); // mov rcx, page + 0xffe; call rcx; hlt
        run();
        assertEquals(0x04030201, s.gpr[CpuState.RAX]);
        m.mmu.write8(TestMachine.KERNEL + 0x9002, 9);
        run();
        assertEquals(0x09030201, s.gpr[CpuState.RAX], "its second page was written");
        code(0xa000, "aa bb cc c3");
        m.map(page + 0x1000, 0xa000, TestMachine.P);
        m.mmu.invalidatePage(page + 0x1000);
        run();
        assertEquals(0xccbbaa01L, s.gpr[CpuState.RAX], "its second page was mapped elsewhere");
        m.mmu.write8(TestMachine.KERNEL + 0x6fff, 2);
        run();
        assertEquals(0xccbbaa02L, s.gpr[CpuState.RAX], "its first page was written");
    }

    /** A block that has been executed often is decoded again, past its branch and through its jump. */
    private void runOften() {
        // xor eax, eax; test eax, eax; jnz +8; add al, 1; jmp +4; int3...; add al, 2; hlt
        code(CODE, "31 c0 85 c0 75 08 04 01 eb 04 cc cc cc cc 04 02 f4");
        for (int i = 0; i < 40; i++) {
            run();
            assertEquals(3, s.gpr[CpuState.RAX]);
        }
    }

    @Test
    void aBlockExecutedOftenIsExtendedOnce() {
        runOften();
        long decoded = interpreter.cache().blocksDecoded;
        for (int i = 0; i < 100; i++) {
            run();
        }
        assertEquals(decoded, interpreter.cache().blocksDecoded);
        assertEquals(0, interpreter.cache().blocksDropped);
    }

    @Test
    void anExtendedBlockKnowsTheBytesBehindItsJump() {
        runOften();
        m.mmu.write8(TestMachine.KERNEL + CODE + 15, 5); // the immediate of the second addition
        run();
        assertEquals(6, s.gpr[CpuState.RAX]);
        m.mmu.write8(TestMachine.KERNEL + CODE + 7, 4); // that of the first
        run();
        assertEquals(9, s.gpr[CpuState.RAX]);
    }

    @Test
    void aFaultBehindAFollowedJumpHasItsOwnAddress() {
        m.gate(6, INTERRUPT_GATE, 0, 0);
        code((int) (TestMachine.handler(6) - TestMachine.KERNEL), "f4");
        // xor eax, eax; jnz +0; jmp back: the undefined instruction lies before the block's start
        code(CODE - 2, "0f 0b 31 c0 75 00 eb f8");
        for (int i = 0; i < 40; i++) {
            s.gpr[CpuState.RSP] = TestMachine.KERNEL + TestMachine.STACK_TOP;
            run();
            assertEquals(START - 2, m.mmu.read64(s.gpr[CpuState.RSP]));
        }
    }

    @Test
    void aJumpToItselfGivesWayToAttention() {
        code(CODE, "90 eb fe");
        s.rip = START;
        m.cpu.requestAttention();
        assertEquals(Interpreter.Exit.ATTENTION, interpreter.run());
        m.cpu.clearAttention();
        Thread waker = new Thread(m.cpu::requestAttention);
        waker.start();
        assertEquals(Interpreter.Exit.ATTENTION, interpreter.run());
        assertEquals(START + 1, s.rip);
    }

    @Test
    void aDroppedPageMayChangeUnnoticed() {
        code(CODE, "b0 01 f4");
        run();
        assertTrue(m.mmu.isCode(CODE));
        interpreter.cache().dropPage(CODE);
        assertFalse(m.mmu.isCode(CODE));
        code(CODE, "b0 02 f4");
        run();
        assertEquals(2, s.gpr[CpuState.RAX] & 0xff);
    }

    @Test
    void aDeviceMayChangeCode() {
        code(CODE, "b0 01 f4");
        run();
        code(CODE, "b0 02 f4");
        m.mmu.memoryChanged(CODE - 0x1000, 0x3000);
        run();
        assertEquals(2, s.gpr[CpuState.RAX] & 0xff);
    }

    @Test
    void aFaultLeavesItsInstructionUndone() {
        long handler = TestMachine.handler(14);
        m.gate(14, INTERRUPT_GATE, 0, 0);
        code((int) (handler - TestMachine.KERNEL), "f4");
        code(CODE, "b3 01 48 03 04 25 00 00 00 10 b3 02 f4"); // mov bl, 1; add rax, [0x10000000]; mov bl, 2; hlt
        s.gpr[CpuState.RAX] = 5;
        long flags = s.rflags();
        run();
        assertEquals(handler + 1, s.rip);
        assertEquals(5, s.gpr[CpuState.RAX]);
        assertEquals(1, s.gpr[CpuState.RBX] & 0xff);
        long frame = s.gpr[CpuState.RSP];
        assertEquals(START + 2, m.mmu.read64(frame + 8));
        assertEquals(flags, m.mmu.read64(frame + 24) & ~CpuState.FLAG_RF);
        assertEquals(0x1000_0000L, s.cr2);
        assertEquals(1, interpreter.exceptions);
    }

    @Test
    void anInvalidOpcodeFaultsWhenReached() {
        m.gate(6, INTERRUPT_GATE, 0, 0);
        code((int) (TestMachine.handler(6) - TestMachine.KERNEL), "f4");
        code(CODE, "b3 01 0f 0b");
        run();
        assertEquals(START + 2, m.mmu.read64(s.gpr[CpuState.RSP]));
        assertEquals(1, s.gpr[CpuState.RBX] & 0xff);
    }

    @Test
    void lockBelongsToFewInstructions() {
        code(CODE, "f0 ff 00"); // lock inc dword [rax]
        s.gpr[CpuState.RAX] = TestMachine.KERNEL + 0x6000;
        s.rip = START;
        interpreter.step();
        assertEquals(1, m.memory.getInt(0x6000));
        for (String wrong : new String[] {"f0 ff c0", "f0 89 00", "f0 39 00", "f0 0f a3 00", "f0 90"}) {
            code(CODE, wrong);
            s.rip = START;
            CpuException e = assertThrows(CpuException.class, interpreter::step, wrong);
            assertEquals(CpuException.UD, e.vector(), wrong);
        }
    }

    @Test
    void fifteenBytesAreTheMost() {
        code(CODE, "66 ".repeat(14) + "90");
        s.rip = START;
        interpreter.step();
        assertEquals(START + 15, s.rip);
        code(CODE, "66 ".repeat(15) + "90");
        s.rip = START;
        assertEquals(
                CpuException.GP,
                assertThrows(CpuException.class, interpreter::step).vector());
        assertEquals(START, s.rip);
    }

    @Test
    void aRepetitionStopsWhereItFaults() {
        long page = 0xffff_c900_0000_0000L;
        m.map(page, 0x6000, TestMachine.P | TestMachine.W);
        m.gate(14, INTERRUPT_GATE, 0, 0);
        code((int) (TestMachine.handler(14) - TestMachine.KERNEL), "f4");
        code(CODE, "f3 48 ab f4"); // rep stosq; hlt
        s.gpr[CpuState.RDI] = page + 0xf00;
        s.gpr[CpuState.RCX] = 100;
        s.gpr[CpuState.RAX] = -1;
        run();
        assertEquals(page + 0x1000, s.cr2);
        assertEquals(page + 0x1000, s.gpr[CpuState.RDI]);
        assertEquals(100 - 32, s.gpr[CpuState.RCX]);
        assertEquals(START, m.mmu.read64(s.gpr[CpuState.RSP] + 8));
        assertEquals(-1, m.memory.getLong(0x6ff8));
    }

    @Test
    void aRepetitionGivesWayToAttention() {
        code(CODE, "f3 aa f4"); // rep stosb; hlt
        s.gpr[CpuState.RDI] = TestMachine.KERNEL + 0x20_0000;
        s.gpr[CpuState.RCX] = 0x10_0000;
        s.rip = START;
        int stops = 0;
        while (!s.halted) {
            m.cpu.clearAttention();
            s.rip = s.gpr[CpuState.RCX] == 0 ? s.rip : START;
            Insn stos = decode();
            m.cpu.requestAttention();
            stos.exec(m.cpu);
            stops++;
            s.halted = s.gpr[CpuState.RCX] == 0;
            assertEquals(s.halted ? START + 2 : START, s.rip);
        }
        assertEquals(0x100, stops);
    }

    private Insn decode() {
        Decoder d = new Decoder();
        byte[] bytes = new byte[15];
        m.memory.read(CODE, bytes, 0, 15);
        d.decode(bytes, 0, 15, START);
        return InsnFactory.create(d);
    }

    @Test
    void anInterruptIsTakenWhenTheyAreEnabled() {
        m.gate(0x30, INTERRUPT_GATE, 0, 0);
        code((int) (TestMachine.handler(0x30) - TestMachine.KERNEL), "ff c3 48 cf"); // inc ebx; iretq
        code(CODE, "b3 00 90 fb 90 f4"); // mov bl, 0; nop; sti; nop; hlt
        m.interrupts.add(0x30);
        s.rip = START;
        s.setRflags(2);
        assertEquals(Interpreter.Exit.ATTENTION, interpreter.run());
        assertEquals(START + 4, s.rip);
        assertTrue(s.interruptShadow);
        m.cpu.clearAttention();
        assertEquals(Interpreter.Exit.HALT, interpreter.run());
        assertEquals(1, s.gpr[CpuState.RBX]);
        assertEquals(START + 6, s.rip);
    }

    @Test
    void stiProtectsTheHaltBehindIt() {
        m.gate(0x30, INTERRUPT_GATE, 0, 0);
        code((int) (TestMachine.handler(0x30) - TestMachine.KERNEL), "f4");
        code(CODE, "fb f4"); // sti; hlt
        m.interrupts.add(0x30);
        s.rip = START;
        s.setRflags(2);
        assertEquals(Interpreter.Exit.ATTENTION, interpreter.run());
        m.cpu.clearAttention();
        assertEquals(Interpreter.Exit.HALT, interpreter.run());
        assertEquals(START + 2, m.mmu.read64(s.gpr[CpuState.RSP]), "the interrupt comes after HLT has begun");
    }

    @Test
    void aSingleStepTrapsAfterEachInstruction() {
        m.gate(1, INTERRUPT_GATE, 0, 0);
        code((int) (TestMachine.handler(1) - TestMachine.KERNEL), "ff c3 48 cf"); // inc ebx; iretq
        code(CODE, "90 90 90 f4");
        s.gpr[CpuState.RBX] = 0;
        s.setRflags(CpuState.FLAG_TF);
        run();
        assertEquals(3, s.gpr[CpuState.RBX], "after each NOP");
    }

    @Test
    void ringThreeEndsTheRun() {
        m.map(0x40_0000, 0x6000, TestMachine.P | TestMachine.U);
        code(CODE, "48 cf"); // iretq
        long frame = TestMachine.KERNEL + 0x7000;
        long[] words = {0x40_0000, TestMachine.USER_CS, 2, 0x7fff_0000L, TestMachine.USER_DS};
        for (int i = 0; i < words.length; i++) {
            m.mmu.write64(frame + 8 * i, words[i]);
        }
        s.gpr[CpuState.RSP] = frame;
        s.rip = START;
        assertEquals(Interpreter.Exit.USER, interpreter.run());
        assertEquals(3, s.cpl);
        assertEquals(0x40_0000, s.rip);
        code(0x6000, "b0 07 0f 01 f8"); // mov al, 7; swapgs
        interpreter.step();
        assertEquals(7, s.gpr[CpuState.RAX] & 0xff);
        assertThrows(CpuException.class, interpreter::step);
        assertEquals(0x40_0002, s.rip);
    }
}
