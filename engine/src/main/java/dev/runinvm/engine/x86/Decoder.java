package dev.runinvm.engine.x86;

/**
 * Takes 64-bit mode instructions apart: prefixes, opcode, ModRM, SIB, displacement, immediate (SDM vol. 2, chapter 2).
 * One object, reused: the fields describe the last instruction until the next one. {@link InsnFactory} turns them into
 * an {@link Insn}.
 */
final class Decoder {
    /** Longest instruction, bytes. */
    static final int MAX_LENGTH = 15;

    /** {@link #decode}: the bytes given end within the instruction. */
    static final int TRUNCATED = -1;
    /** {@link #decode}: longer than {@link #MAX_LENGTH}, #GP(0). */
    static final int TOO_LONG = -2;

    /** Maps: the opcode is in the low byte of {@link #op}, the map above it. */
    static final int MAP_0F = 0x100;

    static final int MAP_0F38 = 0x200;
    static final int MAP_0F3A = 0x300;

    /**
     * Form of each opcode: n nothing follows; m ModRM; b imm8; w imm16; z imm16/32; v imm of operand size; d rel32;
     * e imm16 and imm8; o memory offset; B ModRM, imm8; Z ModRM, imm16/32; g and G ModRM and, for TEST only, imm8 or
     * imm16/32; x invalid; p prefix.
     */
    private static final String ONE_BYTE = "mmmmbzxxmmmmbzxp" // 00
            + "mmmmbzxxmmmmbzxx" // 10
            + "mmmmbzpxmmmmbzpx" // 20
            + "mmmmbzpxmmmmbzpx" // 30
            + "pppppppppppppppp" // 40
            + "nnnnnnnnnnnnnnnn" // 50
            + "xxpmppppzZbBnnnn" // 60
            + "bbbbbbbbbbbbbbbb" // 70
            + "BZxBmmmmmmmmmmmm" // 80
            + "nnnnnnnnnnxnnnnn" // 90
            + "oooonnnnbznnnnnn" // a0
            + "bbbbbbbbvvvvvvvv" // b0
            + "BBwnppBZenwnnbxn" // c0
            + "mmmmxxxnmmmmmmmm" // d0
            + "bbbbbbbbddxbnnnn" // e0
            + "pnppnngGnnnnnnmm"; // f0

    private static final String TWO_BYTE = "mmmmxnnnnnxnxmnB" // 00
            + "mmmmmmmmmmmmmmmm" // 10
            + "mmmmxxxxmmmmmmmm" // 20
            + "nnnnnnxnpxpxxxxx" // 30
            + "mmmmmmmmmmmmmmmm" // 40
            + "mmmmmmmmmmmmmmmm" // 50
            + "mmmmmmmmmmmmmmmm" // 60
            + "BBBBmmmnmmxxmmmm" // 70
            + "dddddddddddddddd" // 80
            + "mmmmmmmmmmmmmmmm" // 90
            + "nnnmBmxxnnnmBmmm" // a0
            + "mmmmmmmmmmBmmmmm" // b0
            + "mmBmBBBmnnnnnnnn" // c0
            + "mmmmmmmmmmmmmmmm" // d0
            + "mmmmmmmmmmmmmmmm" // e0
            + "mmmmmmmmmmmmmmmm"; // f0

    private static final byte[] FORMS = forms();

    private static byte[] forms() {
        byte[] forms = new byte[0x400];
        for (int i = 0; i < 256; i++) {
            forms[i] = (byte) ONE_BYTE.charAt(i);
            forms[MAP_0F | i] = (byte) TWO_BYTE.charAt(i);
            forms[MAP_0F38 | i] = 'm';
            forms[MAP_0F3A | i] = 'B';
        }
        return forms;
    }

    private byte[] code = new byte[0];
    private int at;
    private int end;
    private boolean truncated;

    /** Start of the instruction in the array given. */
    int start;
    /** Linear address of the instruction, and of the one after it. */
    long address;

    long next;
    int length;

    int op;
    int rex;
    boolean lock;
    boolean operand16;
    boolean address32;
    /** 0, 0xF2 or 0xF3. */
    int rep;
    /** Operand size from 66 and REX.W: 2, 4 or 8 bytes. */
    int size;

    boolean hasModrm;
    int mod;
    /** ModRM.reg with REX.R, ModRM.rm with REX.B. */
    int reg;

    int rm;
    /** Position of the ModRM byte in the instruction. */
    int modrmOffset;

    /** The memory operand, in the terms of {@link MemInsn}. */
    int base;

    int index;
    int scale;
    long displacement;
    boolean ripRelative;
    /** Index in {@link CpuState#base}: FLAT, FS or GS. */
    int segment;

    long immediate;

    /** 0 none, 1 VEX, 2 EVEX; the prefix's payload: map is in {@link #op}, pp as {@link #rep} and 66. */
    int vex;

    int vexRegister;
    boolean vexL;
    /** First and third byte of the EVEX payload. */
    private int evexFirst;

    private int evexThird;
    /** An EVEX displacement of one byte has been multiplied already. */
    boolean scaled;

    boolean invalid;

    /**
     * Decodes one instruction.
     *
     * @param bytes holds it
     * @param from its first byte
     * @param limit end of the valid bytes
     * @param linear its linear address
     * @return its length in bytes, {@link #TRUNCATED} or {@link #TOO_LONG}
     */
    int decode(byte[] bytes, int from, int limit, long linear) {
        code = bytes;
        at = from;
        start = from;
        end = Math.min(limit, from + MAX_LENGTH);
        truncated = false;
        address = linear;
        reset();
        int opcode = prefixes();
        if (vex == 0 && !truncated) {
            opcode = map(opcode);
        }
        op = opcode;
        size = (rex & 8) != 0 ? 8 : operand16 && vex == 0 ? 2 : 4;
        if (!invalid && !truncated) {
            operands(FORMS[op]);
        }
        if (truncated) {
            return limit - from >= MAX_LENGTH ? TOO_LONG : TRUNCATED;
        }
        length = at - start;
        next = linear + length;
        if (ripRelative) {
            displacement += next;
            if (address32) {
                displacement &= 0xffff_ffffL;
            }
        }
        return length;
    }

    private void reset() {
        rex = 0;
        lock = false;
        operand16 = false;
        address32 = false;
        rep = 0;
        hasModrm = false;
        mod = 3;
        segment = CpuState.FLAT;
        base = CpuState.NO_REGISTER;
        index = CpuState.NO_REGISTER;
        scale = 0;
        displacement = 0;
        ripRelative = false;
        immediate = 0;
        vex = 0;
        vexRegister = 0;
        vexL = false;
        evexFirst = 0;
        evexThird = 0;
        scaled = false;
        invalid = false;
    }

    private int u8() {
        if (at >= end) {
            truncated = true;
            return 0x90; // any opcode without operands: ends the decoding
        }
        return code[at++] & 0xff;
    }

    private int s8() {
        return (byte) u8();
    }

    private int u16() {
        int low = u8();
        return low | u8() << 8;
    }

    private int s32() {
        if (at + 4 > end) {
            at = end;
            truncated = true;
            return 0;
        }
        int value = code[at] & 0xff | (code[at + 1] & 0xff) << 8 | (code[at + 2] & 0xff) << 16 | code[at + 3] << 24;
        at += 4;
        return value;
    }

    private long s64() {
        long low = s32() & 0xffff_ffffL;
        return low | (long) s32() << 32;
    }

    private int prefixes() {
        for (; ; ) {
            int b = u8();
            switch (b) {
                case 0x26:
                case 0x2e:
                case 0x36:
                case 0x3e:
                    break;
                case 0x64:
                    segment = CpuState.FS;
                    break;
                case 0x65:
                    segment = CpuState.GS;
                    break;
                case 0x66:
                    operand16 = true;
                    break;
                case 0x67:
                    address32 = true;
                    break;
                case 0xf0:
                    lock = true;
                    break;
                case 0xf2:
                case 0xf3:
                    rep = b;
                    break;
                case 0x62:
                case 0xc4:
                case 0xc5:
                    return vexPrefix(b);
                default:
                    if ((b & 0xf0) != 0x40) {
                        return b;
                    }
                    rex = b;
                    continue;
            }
            rex = 0; // a REX prefix counts only right before the opcode
        }
    }

    private int map(int first) {
        if (first != 0x0f) {
            return first;
        }
        int second = u8();
        if (second == 0x38) {
            return MAP_0F38 | u8();
        }
        if (second == 0x3a) {
            return MAP_0F3A | u8();
        }
        return MAP_0F | second;
    }

    private int vexPrefix(int b) {
        invalid = lock || operand16 || rep != 0 || rex != 0;
        vex = b == 0x62 ? 2 : 1;
        int p = u8();
        int map = 1;
        int w = 0;
        int last = p;
        if (b != 0xc5) {
            map = p & (b == 0x62 ? 7 : 0x1f);
            last = u8();
            w = last >> 4 & 8;
        }
        rex = 0x40 | w | (p & 0x80) >> 5 ^ 4;
        if (b != 0xc5) {
            rex |= ((p & 0x40) >> 5 ^ 2) | ((p & 0x20) >> 5 ^ 1);
        }
        vexRegister = ~(last >> 3) & 15;
        vexL = (last & 4) != 0;
        if (b == 0x62) {
            evexFirst = p;
            evexThird = u8();
            vexL = (evexThird & 0x60) != 0;
            invalid |= (last & 4) == 0 || (p & 8) != 0;
        }
        operand16 = (last & 3) == 1;
        rep = (last & 3) == 2 ? 0xf3 : (last & 3) == 3 ? 0xf2 : 0;
        int opcode = u8();
        if (map == 0 || map > 3) {
            invalid = true;
            return opcode;
        }
        return map << 8 | opcode;
    }

    private void operands(int form) {
        switch (form) {
            case 'n':
                break;
            case 'm':
                modrm();
                break;
            case 'b':
                immediate = s8();
                break;
            case 'B':
                modrm();
                immediate = s8();
                break;
            case 'w':
                immediate = u16();
                break;
            case 'z':
                immediateZ();
                break;
            case 'Z':
                modrm();
                immediateZ();
                break;
            case 'v':
                immediate = size == 8 ? s64() : size == 2 ? (short) u16() : s32();
                break;
            case 'd':
                immediate = s32();
                break;
            case 'e':
                immediate = u16();
                immediate |= (long) u8() << 16;
                break;
            case 'o':
                displacement = address32 ? s32() & 0xffff_ffffL : s64();
                break;
            case 'g':
            case 'G':
                modrm();
                testImmediate(form);
                break;
            default:
                invalid = true;
        }
    }

    private void testImmediate(int form) {
        if ((reg & 7) > 1) {
            return;
        }
        if (form == 'g') {
            immediate = s8();
        } else {
            immediateZ();
        }
    }

    private void immediateZ() {
        immediate = size == 2 ? (short) u16() : s32();
    }

    private void modrm() {
        hasModrm = true;
        modrmOffset = at - start;
        int b = u8();
        mod = b >> 6;
        reg = b >> 3 & 7 | (rex & 4) << 1;
        rm = b & 7;
        boolean controlRegister = op >= 0x120 && op <= 0x123 && vex == 0;
        if (mod == 3 || controlRegister) {
            rm |= (rex & 1) << 3;
            mod = 3;
            return;
        }
        if (rm == 4) {
            sib();
        } else if (rm == 5 && mod == 0) {
            ripRelative = true;
            displacement = s32();
        } else {
            base = rm | (rex & 1) << 3;
        }
        if (mod == 1) {
            displacement = s8();
        } else if (mod == 2) {
            displacement = s32();
        }
    }

    private void sib() {
        int b = u8();
        int i = b >> 3 & 7 | (rex & 2) << 2;
        if (i != 4) {
            index = i;
            scale = b >> 6;
        }
        if ((b & 7) == 5 && mod == 0) {
            displacement = s32();
        } else {
            base = b & 7 | (rex & 1) << 3;
        }
    }

    /** Whether the operand is a register. */
    boolean isRegister() {
        return mod == 3;
    }

    /** ModRM.reg without REX.R: the selector of an opcode group. */
    int group() {
        return reg & 7;
    }

    /** The operand size of an opcode whose bit 0 says "not a byte". */
    int sizeByLowBit() {
        return (op & 1) == 0 ? 1 : size;
    }

    /** EVEX without mask, zeroing, broadcast and rounding. */
    boolean plainEvex() {
        return (evexThird & 0x97) == 0 && (evexThird & 0x60) != 0x60;
    }

    /** Length of the vectors in quadwords. */
    int vectorQuads() {
        return vex == 2 ? 2 << (evexThird >> 5 & 3) : vexL ? 4 : 2;
    }

    /** Vector register of ModRM.reg. */
    int vectorTarget() {
        return reg | (vex == 2 ? ~evexFirst & 0x10 : 0);
    }

    /** Vector register of ModRM.rm, which is a register. */
    int vectorOperand() {
        return rm | (vex == 2 ? (~evexFirst & 0x40) >> 2 : 0);
    }

    /** Vector register of VEX.vvvv. */
    int vectorSource() {
        return vexRegister | (vex == 2 ? (~evexThird & 8) << 1 : 0);
    }

    /** Register number in an opcode's low three bits, with REX.B. */
    int opcodeRegister() {
        return op & 7 | (rex & 1) << 3;
    }

    /** {@link Registers} code of a register of the size given. */
    int code(int register, int bytes) {
        return bytes == 1 && rex == 0 && register >= 4 && register < 8 ? register - 4 | 16 : register;
    }

    /** The instruction's bytes. */
    byte[] bytes() {
        return java.util.Arrays.copyOfRange(code, start, start + length);
    }

    /** Target of a relative branch. */
    long target() {
        return next + immediate;
    }
}
