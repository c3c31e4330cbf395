package dev.runinvm.engine.direct;

import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.x86.CpuState;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import static dev.runinvm.engine.direct.TinyGuest.*;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Without CPUID faulting, as if this machine had none. */
@Timeout(30)
class HiddenCpuidTest {
    private static final int RBX = 3;

    private final TinyGuest g = TinyGuest.withoutCpuidFaulting();

    @AfterEach
    void close() {
        g.close();
    }

    private static Assembler filler() {
        Assembler a = new Assembler().move(6, 0);
        for (int i = 0; i < 20; i++) {
            a.addImmediate(6, 1);
        }
        return a;
    }

    @Test
    void anInstructionThatIsReachedTraps() {
        g.program(filler().move(0, 1).bytes(0x0f, 0xa2).syscall());
        Trap t = g.run();
        assertEquals(Trap.Kind.EMULATE, t.kind(), t::toString);
        assertFalse(t.wholePage());
        assertEquals(0x0f, g.memory.getByte(CODE_PHYSICAL + (g.cpu.rip - CODE)));
        assertEquals((byte) 0xa2, g.memory.getByte(CODE_PHYSICAL + (g.cpu.rip - CODE) + 1), "memory is as it was");
        assertEquals(20, g.cpu.gpr[CpuState.RSI], "what stands before it has run directly");
        g.cpu.rip += 2; // as if interpreted
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        assertEquals(1, g.engine.rawCounters().cpuidPages);
        assertEquals(1, g.engine.rawCounters().cpuidTraps);
    }

    /** The bytes are behind a jump through a register: probably an instruction, but nothing proves it. */
    @Test
    void anInstructionThatIsNotProvenIsInterpretedWithItsPage() {
        Assembler a = filler().leaCode(RBX, 0x200).bytes(0xff, 0xe3);
        g.program(a);
        int[] there = {0x48, 0x31, 0xff, 0x48, 0x31, 0xff, 0x48, 0x31, 0xff, 0x0f, 0xa2, 0x0f, 0x05};
        for (int i = 0; i < there.length; i++) {
            g.memory.putByte(CODE_PHYSICAL + 0x200 + i, (byte) there[i]);
        }
        Trap t = g.run();
        assertEquals(Trap.Kind.EMULATE, t.kind(), t::toString);
        assertTrue(t.wholePage());
        assertEquals(CODE, g.cpu.rip, "nothing of it has run");
        g.at(CODE + 0x200); // as if all up to here had been interpreted
        t = g.run();
        assertEquals(Trap.Kind.EMULATE, t.kind(), t::toString);
        assertFalse(t.wholePage(), "now it is proven, and runs up to CPUID");
        assertEquals(CODE + 0x209, g.cpu.rip);
    }

    @Test
    void whatIsProvenIsKnownToTheGuestsOfASnapshot() {
        Assembler a = filler().leaCode(RBX, 0x200).bytes(0xff, 0xe3);
        int[] there = {0x48, 0x31, 0xff, 0x48, 0x31, 0xff, 0x48, 0x31, 0xff, 0x0f, 0xa2, 0x0f, 0x05};
        try (TinyGuest next = TinyGuest.withoutCpuidFaulting()) {
            for (TinyGuest guest : List.of(g, next)) {
                guest.program(a);
                for (int i = 0; i < there.length; i++) {
                    guest.memory.putByte(CODE_PHYSICAL + 0x200 + i, (byte) there[i]);
                }
            }
            assertTrue(g.run().wholePage());
            g.at(CODE + 0x200);
            assertFalse(g.run().wholePage());
            byte[] state = saved(g);
            next.engine.load(new StateReader(new ByteArrayInputStream(state)));
            Trap t = next.run();
            assertEquals(Trap.Kind.EMULATE, t.kind(), t::toString);
            assertFalse(t.wholePage(), "it runs up to CPUID at once");
            assertEquals(CODE + 0x209, next.cpu.rip);
            assertArrayEquals(state, saved(next));
        }
    }

    private static byte[] saved(TinyGuest guest) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        guest.engine.save(new StateWriter(bytes));
        return bytes.toByteArray();
    }

    @Test
    void whatIsNeverProvenIsGivenUp() {
        Assembler a = filler().bytes(0x0f, 0x05, 0xc3);
        g.program(a);
        int[] data = {0x48, 0x31, 0xff, 0x48, 0x31, 0xff, 0x48, 0x31, 0xff, 0x0f, 0xa2, 0x0f, 0x05};
        for (int i = 0; i < data.length; i++) {
            g.memory.putByte(CODE_PHYSICAL + 0x200 + i, (byte) data[i]);
        }
        int visits = 0;
        while (g.run().kind() == Trap.Kind.EMULATE) {
            assertTrue(++visits < 1000);
            g.engine.interpreted(100);
            g.at(CODE);
        }
        assertTrue(visits > 20, "not at once: " + visits);
        assertEquals(20, g.cpu.gpr[CpuState.RSI]);
        assertEquals(0, g.engine.rawCounters().cpuidPages);
    }

    /** Code made at run time, on a page that is writable and executable: it is looked at when it is first executed. */
    @Test
    void codeMadeAtRunTimeIsInterpreted() {
        long jit = 0x70_0000;
        long physical = 0x50_0000;
        g.map(g.cpu.cr3, jit, physical, P | U | W);
        // mov dword [rbx], 0x050fa20f: CPUID and SYSCALL; jmp rbx
        g.program(new Assembler()
                .move(RBX, jit + 0x100)
                .bytes(0xc7, 0x03, 0x0f, 0xa2, 0x0f, 0x05)
                .bytes(0xff, 0xe3));
        Trap t = g.run();
        assertEquals(Trap.Kind.EMULATE, t.kind(), t::toString);
        assertTrue(t.wholePage());
        assertEquals(jit + 0x100, g.cpu.rip);
        assertEquals(0x050fa20f, g.memory.getInt(physical + 0x100));
    }

    @Test
    void codeMadeAtRunTimeWithoutItRunsAndCanBeChanged() {
        long jit = 0x70_0000;
        g.map(g.cpu.cr3, jit, 0x50_0000, P | U | W);
        for (int value = 1; value < 4; value++) {
            // mov dword [rbx], mov esi,value; mov dword [rbx+5], syscall; jmp rbx
            g.program(new Assembler()
                    .move(RBX, jit)
                    .bytes(0xc7, 0x03, 0xbe, value, 0, 0)
                    .bytes(0xc7, 0x43, 0x04, 0, 0x0f, 0x05, 0)
                    .bytes(0xff, 0xe3));
            assertEquals(Trap.Kind.SYSCALL, g.run().kind());
            assertEquals(value, g.cpu.gpr[CpuState.RSI]);
        }
    }
}
