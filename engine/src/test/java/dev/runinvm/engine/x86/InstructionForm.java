package dev.runinvm.engine.x86;

import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** A general-register instruction to be tried with random operands, and which flags it defines. */
record InstructionForm(
        String name, byte[] opcode, int group, Immediate immediate, int prefix, Operand operand, Vex vex, Flags flags) {
    /** What follows the operand. */
    enum Immediate {
        NONE,
        BYTE,
        /** 2 or 4 bytes by operand size. */
        Z,
        /** 2, 4 or 8 bytes by operand size. */
        FULL,
        /** ENTER's two. */
        FRAME
    }

    /** What the ModRM byte may name. */
    enum Operand {
        NONE,
        /** The opcode's low bits name a register. */
        IN_OPCODE,
        ANY,
        MEMORY,
        /** Memory, indexed by the bit number in ModRM.reg. */
        BIT_STRING
    }

    /** Map and prefix of a VEX-coded form; map 0 for none. */
    record Vex(int map, int prefix) {}

    /** Which flags have a defined value afterwards. */
    enum Flags {
        ALL,
        ALL_BUT_AF,
        CF_OF,
        CF,
        ZF,
        CF_ZF,
        CF_ZF_SF_OF,
        CF_ZF_OF,
        NONE,
        /** By operation and count. */
        SHIFT,
        DOUBLE_SHIFT
    }

    private static final class Forms {
        final List<InstructionForm> all = new ArrayList<>();
        private Vex vex = new Vex(0, 0);

        Forms add(
                String name, String opcode, Immediate immediate, Flags flags, Operand operand, int group, int prefix) {
            byte[] bytes = HexFormat.of().parseHex(opcode.replace(" ", ""));
            all.add(new InstructionForm(name, bytes, group, immediate, prefix, operand, vex, flags));
            return this;
        }

        Forms modrm(String name, String opcode, Immediate immediate, Flags flags) {
            return add(name, opcode, immediate, flags, Operand.ANY, -1, 0);
        }

        Forms group(String name, String opcode, int group, Immediate immediate, Flags flags) {
            return add(name, opcode, immediate, flags, Operand.ANY, group, 0);
        }

        Forms plain(String name, String opcode, Immediate immediate, Flags flags) {
            return add(name, opcode, immediate, flags, Operand.NONE, -1, 0);
        }

        void vex(String name, int map, int prefix, String opcode, int group, Immediate immediate, Flags flags) {
            vex = new Vex(map, prefix);
            add(name, opcode, immediate, flags, Operand.ANY, group, 0);
            vex = new Vex(0, 0);
        }
    }

    private static String hex(int value) {
        return String.format("%02x", value);
    }

    static List<InstructionForm> arithmetic() {
        Forms f = new Forms();
        for (int op = 0; op < 8; op++) {
            Flags flags = op == 1 || op == 4 || op == 6 ? Flags.ALL_BUT_AF : Flags.ALL;
            for (int low = 0; low < 4; low++) {
                f.modrm("binary", hex(op * 8 + low), Immediate.NONE, flags);
            }
            f.plain("binary al", hex(op * 8 + 4), Immediate.BYTE, flags);
            f.plain("binary eax", hex(op * 8 + 5), Immediate.Z, flags);
            f.group("binary imm", "80", op, Immediate.BYTE, flags);
            f.group("binary imm", "83", op, Immediate.BYTE, flags);
            f.group("binary imm", "81", op, Immediate.Z, flags);
        }
        f.modrm("test", "84", Immediate.NONE, Flags.ALL_BUT_AF).modrm("test", "85", Immediate.NONE, Flags.ALL_BUT_AF);
        f.plain("test", "a8", Immediate.BYTE, Flags.ALL_BUT_AF).plain("test", "a9", Immediate.Z, Flags.ALL_BUT_AF);
        for (int group = 0; group < 2; group++) {
            f.group("test", "f6", group, Immediate.BYTE, Flags.ALL_BUT_AF);
            f.group("test", "f7", group, Immediate.Z, Flags.ALL_BUT_AF);
            f.group("inc dec", "fe", group, Immediate.NONE, Flags.ALL);
            f.group("inc dec", "ff", group, Immediate.NONE, Flags.ALL);
        }
        for (String op : new String[] {"f6", "f7"}) {
            f.group("not", op, 2, Immediate.NONE, Flags.ALL).group("neg", op, 3, Immediate.NONE, Flags.ALL);
            f.group("mul", op, 4, Immediate.NONE, Flags.CF_OF).group("imul", op, 5, Immediate.NONE, Flags.CF_OF);
            for (int i = 0; i < 3; i++) {
                f.group("div", op, 6, Immediate.NONE, Flags.NONE).group("idiv", op, 7, Immediate.NONE, Flags.NONE);
            }
        }
        f.modrm("imul", "0f af", Immediate.NONE, Flags.CF_OF).modrm("imul", "69", Immediate.Z, Flags.CF_OF);
        f.modrm("imul", "6b", Immediate.BYTE, Flags.CF_OF);
        f.add("adcx", "0f 38 f6", Immediate.NONE, Flags.ALL, Operand.ANY, -1, 0x66);
        f.add("adox", "0f 38 f6", Immediate.NONE, Flags.ALL, Operand.ANY, -1, 0xf3);
        return f.all;
    }

    static List<InstructionForm> shiftsAndBits() {
        Forms f = new Forms();
        for (int group = 0; group < 8; group++) {
            f.group("shift", "c0", group, Immediate.BYTE, Flags.SHIFT);
            f.group("shift", "c1", group, Immediate.BYTE, Flags.SHIFT);
            for (String op : new String[] {"d0", "d1", "d2", "d3"}) {
                f.group("shift", op, group, Immediate.NONE, Flags.SHIFT);
            }
        }
        f.modrm("shld", "0f a4", Immediate.BYTE, Flags.DOUBLE_SHIFT);
        f.modrm("shld", "0f a5", Immediate.NONE, Flags.DOUBLE_SHIFT);
        f.modrm("shrd", "0f ac", Immediate.BYTE, Flags.DOUBLE_SHIFT);
        f.modrm("shrd", "0f ad", Immediate.NONE, Flags.DOUBLE_SHIFT);
        for (String op : new String[] {"a3", "ab", "b3", "bb"}) {
            f.add("bt", "0f" + op, Immediate.NONE, Flags.CF, Operand.BIT_STRING, -1, 0);
        }
        for (int group = 4; group < 8; group++) {
            f.group("bt imm", "0fba", group, Immediate.BYTE, Flags.CF);
        }
        f.modrm("bsf", "0f bc", Immediate.NONE, Flags.ZF).modrm("bsr", "0f bd", Immediate.NONE, Flags.ZF);
        f.add("popcnt", "0f b8", Immediate.NONE, Flags.ALL, Operand.ANY, -1, 0xf3);
        f.add("tzcnt", "0f bc", Immediate.NONE, Flags.CF_ZF, Operand.ANY, -1, 0xf3);
        f.add("lzcnt", "0f bd", Immediate.NONE, Flags.CF_ZF, Operand.ANY, -1, 0xf3);
        f.add("crc32", "0f 38 f0", Immediate.NONE, Flags.ALL, Operand.ANY, -1, 0xf2);
        f.add("crc32", "0f 38 f1", Immediate.NONE, Flags.ALL, Operand.ANY, -1, 0xf2);
        f.vex("andn", 2, 0, "f2", -1, Immediate.NONE, Flags.CF_ZF_SF_OF);
        for (int group = 1; group < 4; group++) {
            f.vex("bls", 2, 0, "f3", group, Immediate.NONE, Flags.CF_ZF_SF_OF);
        }
        f.vex("bzhi", 2, 0, "f5", -1, Immediate.NONE, Flags.CF_ZF_SF_OF);
        f.vex("pext", 2, 2, "f5", -1, Immediate.NONE, Flags.ALL);
        f.vex("pdep", 2, 3, "f5", -1, Immediate.NONE, Flags.ALL);
        f.vex("mulx", 2, 3, "f6", -1, Immediate.NONE, Flags.ALL);
        f.vex("bextr", 2, 0, "f7", -1, Immediate.NONE, Flags.CF_ZF_OF);
        for (int prefix = 1; prefix < 4; prefix++) {
            f.vex("shift bmi", 2, prefix, "f7", -1, Immediate.NONE, Flags.ALL);
        }
        f.vex("rorx", 3, 3, "f0", -1, Immediate.BYTE, Flags.ALL);
        return f.all;
    }

    static List<InstructionForm> moves() {
        Forms f = new Forms();
        for (String op : new String[] {"88", "89", "8a", "8b", "63", "0fb6", "0fb7", "0fbe", "0fbf"}) {
            f.modrm("mov", op, Immediate.NONE, Flags.ALL);
        }
        for (String op : new String[] {"8d", "0f38f0", "0f38f1"}) {
            f.add("lea movbe", op, Immediate.NONE, Flags.ALL, Operand.MEMORY, -1, 0);
        }
        f.group("mov imm", "c6", 0, Immediate.BYTE, Flags.ALL).group("mov imm", "c7", 0, Immediate.Z, Flags.ALL);
        for (int i = 0; i < 16; i++) {
            f.modrm("cmov", "0f4" + hex(i).charAt(1), Immediate.NONE, Flags.ALL);
            f.modrm("set", "0f9" + hex(i).charAt(1), Immediate.NONE, Flags.ALL);
        }
        for (int i = 0; i < 8; i++) {
            Operand in = Operand.IN_OPCODE;
            f.add("xchg", hex(0x90 + i), Immediate.NONE, Flags.ALL, in, -1, 0);
            f.add("push", hex(0x50 + i), Immediate.NONE, Flags.ALL, in, -1, 0);
            f.add("pop", hex(0x58 + i), Immediate.NONE, Flags.ALL, in, -1, 0);
            f.add("mov imm", hex(0xb0 + i), Immediate.BYTE, Flags.ALL, in, -1, 0);
            f.add("mov imm", hex(0xb8 + i), Immediate.FULL, Flags.ALL, in, -1, 0);
            f.add("bswap", "0f" + hex(0xc8 + i), Immediate.NONE, Flags.ALL, in, -1, 0);
        }
        for (String op : new String[] {"98", "99", "9f", "9e", "f5", "f8", "f9", "c9", "d7"}) {
            f.plain("plain " + op, op, Immediate.NONE, Flags.ALL);
        }
        f.plain("push imm", "68", Immediate.Z, Flags.ALL).plain("push imm", "6a", Immediate.BYTE, Flags.ALL);
        f.plain("enter", "c8", Immediate.FRAME, Flags.ALL);
        f.group("push", "ff", 6, Immediate.NONE, Flags.ALL).group("pop", "8f", 0, Immediate.NONE, Flags.ALL);
        for (String op : new String[] {"86", "87", "0fc0", "0fc1", "0fb0", "0fb1"}) {
            f.modrm("exchange", op, Immediate.NONE, Flags.ALL);
        }
        f.add("cmpxchg8b/16b", "0f c7", Immediate.NONE, Flags.ALL, Operand.MEMORY, 1, 0);
        return f.all;
    }

    static List<InstructionForm> strings() {
        Forms f = new Forms();
        for (int prefix : new int[] {0, 0xf2, 0xf3}) {
            for (int op : new int[] {0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf}) {
                f.add("string", hex(op), Immediate.NONE, Flags.ALL, Operand.NONE, -1, prefix);
            }
        }
        return f.all;
    }
}
