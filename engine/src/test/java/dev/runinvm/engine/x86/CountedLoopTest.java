package dev.runinvm.engine.x86;

import java.io.ByteArrayOutputStream;
import java.util.Random;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Loops that are made in one step end as they do instruction by instruction. */
class CountedLoopTest {
    private static final int CODE = 0x20_0000;
    /** RBX, RSI, RDI, RBP: what the loops count with. */
    private static final int[] REGISTERS = {3, 6, 7, 5};

    private static void run(TestMachine m, Interpreter interpreter, long end, boolean stepwise) {
        for (int n = 0; m.s.rip != end; n++) {
            assertTrue(n < 20_000_000, "does not end");
            if (stepwise) {
                interpreter.step();
            } else {
                interpreter.attemptLoop();
            }
        }
    }

    private static long[] outcome(byte[] code, long[] start, boolean stepwise, long[] turns) {
        try (TestMachine m = new TestMachine()) {
            m.memory.write(CODE, code, 0, code.length);
            m.memory.putShort(CODE + code.length, (short) 0xfeeb); // a jump to itself
            System.arraycopy(start, 0, m.s.gpr, 0, 16);
            m.s.rip = TestMachine.KERNEL + CODE;
            Interpreter interpreter = new Interpreter(m.cpu);
            run(m, interpreter, TestMachine.KERNEL + CODE + code.length, stepwise);
            turns[0] = interpreter.countedTurns();
            long[] all = java.util.Arrays.copyOf(m.s.gpr, 17);
            all[16] = m.s.rflags();
            return all;
        }
    }

    private static void same(byte[] code, long[] start, boolean mustSave) {
        long[] turns = new long[1];
        long[] expected = outcome(code, start, true, turns);
        assertEquals(0, turns[0]);
        long[] actual = outcome(code, start, false, turns);
        assertArrayEquals(expected, actual, () -> java.util.HexFormat.of().formatHex(code));
        if (mustSave) {
            assertTrue(turns[0] > 0, "nothing was saved");
        }
    }

    @Test
    void theLoopOfLinuxFrameList() {
        // cmp rdi,r9; jae +; xor r8d,r8d; jmp; cmp esi,r8d; jne out; inc edx; inc rdi; cmp edx,eax; jne top
        byte[] code = java.util.HexFormat.of()
                .parseHex("4c39cf" + "7302" + "eb05" + "4531c0" + "eb00" + "4439c6" + "7509" + "ffc2" + "48ffc7"
                        + "39c2" + "75e6");
        long[] start = new long[16];
        start[0] = 100_000;
        start[2] = 1;
        start[7] = 5_000_000;
        start[9] = 1000;
        same(code, start, true);
    }

    @Test
    void countsDownAndUpInAnyWidth() {
        long[] start = new long[16];
        start[3] = 70_000;
        // dec ebx; test ebx,ebx; jne top
        same(java.util.HexFormat.of().parseHex("ffcb" + "85db" + "75fa"), start, true);
        // add rsi,3; cmp rsi,rbx; jb top
        same(java.util.HexFormat.of().parseHex("4883c603" + "4839de" + "72f7"), start, true);
        start[6] = -200_000;
        // add rsi,7; cmp rsi,-9; jl top
        same(java.util.HexFormat.of().parseHex("4883c607" + "4883fef7" + "7cf6"), start, true);
    }

    @Test
    void randomLoopsEndTheSame() {
        Random random = new Random(20);
        for (int n = 0; n < 300; n++) {
            ByteArrayOutputStream code = new ByteArrayOutputStream();
            int length = 2 + random.nextInt(5);
            for (int i = 0; i < length; i++) {
                code.writeBytes(instruction(random));
            }
            // a guard that ends every loop: dec ecx; cmp ecx,0; jne top
            code.writeBytes(new byte[] {(byte) 0xff, (byte) 0xc9, (byte) 0x83, (byte) 0xf9, 0});
            code.write(0x75);
            code.write(-(code.size() + 1));
            long[] start = new long[16];
            for (int r : REGISTERS) {
                start[r] = switch (random.nextInt(4)) {
                    case 0 -> random.nextInt(2000);
                    case 1 -> -random.nextInt(2000);
                    case 2 -> Integer.MAX_VALUE - random.nextInt(2000);
                    default -> Long.MAX_VALUE - random.nextInt(2000);
                };
            }
            start[1] = 1 + random.nextInt(3000);
            same(code.toByteArray(), start, false);
        }
    }

    private static byte[] instruction(Random random) {
        int a = REGISTERS[random.nextInt(4)];
        int b = REGISTERS[random.nextInt(4)];
        int wide = random.nextBoolean() ? 0x48 : 0x40;
        byte constant = (byte) (random.nextInt(9) - 4);
        return switch (random.nextInt(6)) {
            case 0 -> new byte[] {(byte) wide, (byte) 0x83, (byte) (0xc0 | a), constant};
            case 1 -> new byte[] {(byte) wide, (byte) 0x83, (byte) (0xe8 | a), constant};
            case 2 -> new byte[] {(byte) wide, (byte) 0xff, (byte) (0xc0 | a)};
            case 3 -> new byte[] {(byte) 0x40, (byte) 0x31, (byte) (0xc0 | a << 3 | a)};
            // a comparison and a branch over an addition, or over nothing
            case 4 ->
                new byte[] {
                    (byte) wide,
                    0x39,
                    (byte) (0xc0 | a << 3 | b),
                    (byte) (0x70 | new int[] {2, 3, 4, 5, 6, 7, 12, 13, 14, 15}[random.nextInt(10)]),
                    4,
                    (byte) wide,
                    (byte) 0x83,
                    (byte) (0xc0 | b),
                    constant
                };
            default -> new byte[] {(byte) wide, (byte) 0x83, (byte) (0xf8 | a), constant, 0x74, 0};
        };
    }
}
