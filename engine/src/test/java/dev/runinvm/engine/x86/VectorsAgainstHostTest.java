package dev.runinvm.engine.x86;

import dev.runinvm.engine.direct.HostCpu;
import dev.runinvm.engine.direct.InstructionRunner;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** The vector instructions the interpreter does itself, in each coding the host has, against the host's CPU. */
@Timeout(120)
class VectorsAgainstHostTest {
    private static final int ROUNDS = 12;
    private static final long CODE = InstructionRunner.CODE + InstructionRunner.CODE_OFFSET;
    private static final int CODE_PHYSICAL = 0x10_0000 - 0x4000;
    private static final int DATA_PHYSICAL = CODE_PHYSICAL + 0x1000;
    private static final int LEGACY = 0;
    private static final int VEX = 1;
    private static final int EVEX = 2;
    private static final int BYTES = 1024;

    /** Map, opcode, prefix (0 none, 1 66, 2 F3, 3 F2), ModRM.reg or -1, whether an imm8 follows, and VEX.vvvv is free. */
    private record Form(int map, int opcode, int prefix, int group, boolean immediate, boolean threeOperands) {}

    private final HostCpu cpu = HostCpu.probe();
    private final TestMachine machine = new TestMachine(cpu, cpu.xcr0());
    private final Interpreter interpreter = new Interpreter(machine.cpu);
    private final InstructionRunner host = new InstructionRunner();
    private final CpuState expected = new CpuState();
    private final Random random = new Random(21);
    private final TreeSet<String> differences = new TreeSet<>();
    private int tried;

    VectorsAgainstHostTest() {
        machine.map(InstructionRunner.CODE, CODE_PHYSICAL, TestMachine.P);
        for (int page = 0; page < InstructionRunner.SCRATCH_SIZE; page += 4096) {
            machine.map(InstructionRunner.WRITABLE + page, DATA_PHYSICAL + page, TestMachine.P | TestMachine.W);
        }
        machine.s.xcr0 = cpu.xcr0();
        machine.s.xstate = area();
        expected.xstate = area();
    }

    private static ByteBuffer area() {
        return ByteBuffer.allocate(8192).order(ByteOrder.LITTLE_ENDIAN);
    }

    @AfterEach
    void close() {
        host.close();
        machine.close();
    }

    @Test
    void legacyCoding() {
        compareAll(LEGACY);
    }

    @Test
    void vexCoding() {
        assumeTrue((cpu.xcr0() & 6) == 6, "the host has no AVX");
        compareAll(VEX);
    }

    @Test
    void evexCoding() {
        assumeTrue((cpu.xcr0() & 0xe6) == 0xe6, "the host has no AVX-512");
        assumeTrue(cpu.leaf(7, 0)[1] < 0, "the host has no AVX-512VL");
        compareAll(EVEX);
    }

    private void compareAll(int coding) {
        for (int op : new int[] {0x10, 0x11, 0x28, 0x29}) {
            both(coding, op, false);
        }
        for (int op : new int[] {0x54, 0x55, 0x56, 0x57}) {
            both(coding, op, true);
        }
        int[] integer = {
            0x60, 0x61, 0x62, 0x68, 0x69, 0x6a, 0x6c, 0x6d, 0x74, 0x75, 0x76, 0xd4, 0xfb, 0xf4, 0xf8, 0xf9, 0xfa, 0xfc,
            0xfd, 0xfe, 0xdb, 0xdf, 0xeb, 0xef
        };
        for (int op : integer) {
            compare(coding, new Form(1, op, 1, -1, false, true));
        }
        for (int op : new int[] {0x6e, 0x7e, 0x6f, 0x7f, 0xd6, 0xe7}) {
            compare(coding, new Form(1, op, 1, -1, false, false));
        }
        for (int op : new int[] {0x6f, 0x7f, 0x7e}) {
            compare(coding, new Form(1, op, 2, -1, false, false));
        }
        compare(coding, new Form(1, 0xf0, 3, -1, false, false));
        for (int prefix = 1; prefix < 4; prefix++) {
            compare(coding, new Form(1, 0x70, prefix, -1, true, false));
        }
        for (int op = 0x71; op <= 0x73; op++) {
            for (int group = 0; group < 8; group++) {
                compare(coding, new Form(1, op, 1, group, true, true));
            }
        }
        compare(coding, new Form(2, 0x00, 1, -1, false, true));
        compare(coding, new Form(2, 0x76, 1, -1, false, true));
        compare(coding, new Form(3, 0x0f, 1, -1, true, true));
        compare(coding, new Form(3, 0x19, 1, -1, true, false));
        compare(coding, new Form(3, 0x39, 1, -1, true, false));
        assertEquals("", String.join("\n", differences));
        assertTrue(tried > 200, "only " + tried + " instructions were tried");
    }

    private void both(int coding, int op, boolean threeOperands) {
        compare(coding, new Form(1, op, 0, -1, false, threeOperands));
        compare(coding, new Form(1, op, 1, -1, false, threeOperands));
    }

    private void compare(int coding, Form form) {
        for (int i = 0; i < ROUNDS; i++) {
            byte[] code = encode(coding, form);
            Decoder d = new Decoder();
            d.decode(Arrays.copyOf(code, 32), 0, 32, CODE);
            Insn insn = InsnFactory.create(d);
            if (!(insn instanceof VectorForm) && !(insn instanceof SystemForms.Fault)) {
                compare(code);
            }
        }
    }

    private byte[] encode(int coding, Form f) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        int rex = random.nextInt(16);
        int inverted = (~rex & 7) << 5;
        int source = f.threeOperands ? random.nextInt(16) : 0;
        if (coding == LEGACY) {
            int[] prefixes = {0, 0x66, 0xf3, 0xf2};
            if (f.prefix != 0) {
                out.write(prefixes[f.prefix]);
            }
            out.write(0x40 | rex);
            out.write(0x0f);
            if (f.map > 1) {
                out.write(f.map == 2 ? 0x38 : 0x3a);
            }
        } else if (coding == VEX) {
            out.write(0xc4);
            out.write(inverted | f.map);
            out.write((rex & 8) << 4 | (~source & 15) << 3 | random.nextInt(2) << 2 | f.prefix);
        } else {
            out.write(0x62);
            out.write(inverted | random.nextInt(2) << 4 | f.map);
            out.write((rex & 8) << 4 | (~source & 15) << 3 | 4 | f.prefix);
            out.write(random.nextInt(3) << 5 | (f.threeOperands ? random.nextInt(2) : 1) << 3);
        }
        out.write(f.opcode);
        int reg = f.group >= 0 ? f.group : random.nextInt(8);
        boolean memory = random.nextBoolean() && (rex & 1) == 0;
        out.write(memory ? 0x40 | reg << 3 | CpuState.RBX : 0xc0 | reg << 3 | random.nextInt(8));
        if (memory) {
            out.write(coding == EVEX ? random.nextInt(3) - 1 : (random.nextInt(5) - 2) * 8);
        }
        if (f.immediate) {
            out.write(random.nextInt(70));
        }
        return out.toByteArray();
    }

    private void compare(byte[] code) {
        tried++;
        byte[] memory = new byte[BYTES];
        random.nextBytes(memory);
        CpuState s = machine.s;
        for (int i = 0; i < 16; i++) {
            s.gpr[i] = random.nextLong();
        }
        s.gpr[CpuState.RBX] = InstructionRunner.WRITABLE + BYTES / 2;
        // Some hosts (paravirtual ones) do not return to code whose stack pointer is not canonical.
        s.gpr[CpuState.RSP] &= (1L << 47) - 1;
        s.setRflags(CpuState.FLAG_IF);
        s.xstate.putLong(512, 0);
        XStateInstructions.initialise(s);
        for (int register = 0; register < registers(); register++) {
            for (int quad = 0; quad < quads(); quad++) {
                VectorRegisters.put(machine.cpu, register, quad, random.nextLong());
            }
        }
        System.arraycopy(s.gpr, 0, expected.gpr, 0, 16);
        expected.setRflags(s.rflags());
        expected.xstate.put(0, s.xstate, 0, s.xstate.capacity());
        host.clearScratch();
        host.scratch().put(0, memory);
        InstructionRunner.End end = host.run(expected, code);
        int vector = end == InstructionRunner.End.COMPLETED ? -1 : host.vector();
        if (vector == CpuException.UD) {
            return; // the kernel would not use it; which of them fault is the vector unit's to know
        }
        int ours = runHere(code, memory);
        String found = vector != ours ? "exception " + ours + ", not " + vector : vector < 0 ? results(memory) : "";
        if (!found.isEmpty()) {
            differences.add(HexFormat.of().formatHex(code) + ": " + found);
        }
    }

    private int runHere(byte[] code, byte[] memory) {
        machine.memory.write(DATA_PHYSICAL, memory, 0, memory.length);
        machine.memory.write(CODE_PHYSICAL + InstructionRunner.CODE_OFFSET, code, 0, code.length);
        machine.s.rip = CODE;
        try {
            interpreter.step();
            return -1;
        } catch (CpuException e) {
            return e.vector();
        }
    }

    private int registers() {
        return (cpu.xcr0() & 0x80) != 0 ? 32 : 16;
    }

    private int quads() {
        return (cpu.xcr0() & 0x40) != 0 ? 8 : (cpu.xcr0() & 4) != 0 ? 4 : 2;
    }

    private String results(byte[] memory) {
        CpuState s = machine.s;
        for (int i = 0; i < 16; i++) {
            if (s.gpr[i] != expected.gpr[i]) {
                return "register " + i;
            }
        }
        ByteBuffer mine = s.xstate;
        for (int register = 0; register < registers(); register++) {
            for (int quad = 0; quad < quads(); quad++) {
                s.xstate = mine;
                long here = VectorRegisters.get(machine.cpu, register, quad);
                s.xstate = expected.xstate;
                long there = VectorRegisters.get(machine.cpu, register, quad);
                s.xstate = mine;
                if (here != there) {
                    return "vector register " + register + " quadword " + quad + ": " + Long.toHexString(here)
                            + ", not " + Long.toHexString(there);
                }
            }
        }
        byte[] ours = new byte[memory.length];
        machine.memory.read(DATA_PHYSICAL, ours, 0, ours.length);
        byte[] theirs = new byte[memory.length];
        host.scratch().get(0, theirs);
        return Arrays.equals(ours, theirs) ? "" : "byte " + Arrays.mismatch(ours, theirs);
    }
}
