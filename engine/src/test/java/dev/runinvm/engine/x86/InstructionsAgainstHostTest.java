package dev.runinvm.engine.x86;

import dev.runinvm.engine.direct.InstructionRunner;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Every form of the general-register instructions against the CPU of this machine, with random operands: registers,
 * defined flags, memory and exceptions must come out alike. The seed is fixed; a longer run needs only more rounds.
 */
@Timeout(120)
class InstructionsAgainstHostTest {
    private static final int ROUNDS = 25;
    private static final long CODE = InstructionRunner.CODE + InstructionRunner.CODE_OFFSET;
    private static final int CODE_PHYSICAL = 0x10_0000 - 0x4000;
    private static final int DATA_PHYSICAL = CODE_PHYSICAL + 0x1000;

    private final TestMachine machine = new TestMachine();
    private final Interpreter interpreter = new Interpreter(machine.cpu);
    private final InstructionRunner host = new InstructionRunner();
    private final CpuState expected = new CpuState();
    private final Random random = new Random(20);
    private final TreeSet<String> differences = new TreeSet<>();

    @BeforeEach
    void map() {
        machine.map(InstructionRunner.CODE, CODE_PHYSICAL, TestMachine.P);
        for (int page = 0; page < InstructionRunner.SCRATCH_SIZE; page += 4096) {
            machine.map(InstructionRunner.WRITABLE + page, DATA_PHYSICAL + page, TestMachine.P | TestMachine.W);
        }
        XStateInstructions.initialise(expected);
    }

    @AfterEach
    void close() {
        host.close();
        machine.close();
    }

    @Test
    void arithmetic() {
        compare(InstructionForm.arithmetic());
    }

    @Test
    void shiftsAndBits() {
        compare(InstructionForm.shiftsAndBits());
    }

    @Test
    void movesAndStack() {
        compare(InstructionForm.moves());
    }

    @Test
    void strings() {
        compare(InstructionForm.strings());
    }

    private void compare(List<InstructionForm> forms) {
        for (InstructionForm form : forms) {
            for (int i = 0; i < ROUNDS; i++) {
                compare(RandomInstruction.of(form, random));
            }
        }
        assertEquals("", String.join("\n", differences));
    }

    private void compare(RandomInstruction i) {
        int vector = runOnHost(i);
        int ours = runHere(i);
        List<String> found = new ArrayList<>();
        if (vector != ours) {
            found.add("exception " + ours + ", not " + vector);
        } else if (vector < 0) {
            results(i, found);
        }
        if (!found.isEmpty()) {
            differences.add(i.form.name() + " " + HexFormat.of().formatHex(i.code) + ": " + found);
            assertTrue(differences.size() < 50, () -> String.join("\n", differences));
        }
    }

    /** Runs on the real CPU; answers the exception's vector or -1. */
    private int runOnHost(RandomInstruction i) {
        host.clearScratch();
        host.scratch().put(RandomInstruction.WINDOW_OFFSET, i.window);
        System.arraycopy(i.gpr, 0, expected.gpr, 0, 16);
        expected.setRflags(i.flags);
        InstructionRunner.End end = host.run(expected, i.code);
        return end == InstructionRunner.End.COMPLETED ? -1 : host.vector();
    }

    private int runHere(RandomInstruction i) {
        machine.memory.write(
                DATA_PHYSICAL, new byte[InstructionRunner.SCRATCH_SIZE], 0, InstructionRunner.SCRATCH_SIZE);
        machine.memory.write(DATA_PHYSICAL + RandomInstruction.WINDOW_OFFSET, i.window, 0, i.window.length);
        machine.memory.write(CODE_PHYSICAL + InstructionRunner.CODE_OFFSET, i.code, 0, i.code.length);
        CpuState s = machine.s;
        System.arraycopy(i.gpr, 0, s.gpr, 0, 16);
        s.setRflags(i.flags);
        s.rip = CODE;
        try {
            do {
                interpreter.step();
            } while (s.rip == CODE);
            return -1;
        } catch (CpuException e) {
            assertEquals(CODE, s.rip);
            return e.vector();
        }
    }

    private void results(RandomInstruction i, List<String> found) {
        CpuState s = machine.s;
        for (int n = 0; n < 16; n++) {
            if (s.gpr[n] != expected.gpr[n]) {
                found.add("register " + n + " " + Long.toHexString(s.gpr[n]) + ", not "
                        + Long.toHexString(expected.gpr[n]));
            }
        }
        long wrong = (s.rflags() ^ expected.rflags()) & (i.defined | CpuState.FLAG_DF);
        if (wrong != 0) {
            found.add("flags " + Long.toHexString(wrong) + " of " + Long.toHexString(s.rflags()));
        }
        byte[] ours = new byte[i.window.length];
        machine.memory.read(DATA_PHYSICAL + RandomInstruction.WINDOW_OFFSET, ours, 0, ours.length);
        byte[] theirs = new byte[ours.length];
        host.scratch().get(RandomInstruction.WINDOW_OFFSET, theirs);
        int at = Arrays.mismatch(ours, theirs);
        if (at >= 0) {
            found.add("byte " + at + " " + ours[at] + ", not " + theirs[at]);
        }
        if (s.rip != CODE + i.code.length) {
            found.add("RIP +" + (s.rip - CODE));
        }
    }
}
