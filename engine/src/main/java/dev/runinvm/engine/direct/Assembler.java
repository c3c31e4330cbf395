package dev.runinvm.engine.direct;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes x86-64 machine code: the few instructions {@link StubCode} is made of, with labels. Registers are named by
 * their number (SDM vol. 2, table 2-4): RAX 0, RCX 1, RDX 2, RBX 3, RSP 4, RBP 5, RSI 6, RDI 7, R8 to R15.
 */
final class Assembler {
    static final int RAX = 0;
    static final int RCX = 1;
    static final int RDX = 2;
    static final int RBX = 3;
    static final int RSP = 4;
    static final int RBP = 5;
    static final int RSI = 6;
    static final int RDI = 7;
    static final int R8 = 8;
    static final int R9 = 9;
    static final int R10 = 10;
    static final int R12 = 12;
    static final int R13 = 13;
    static final int R14 = 14;
    static final int R15 = 15;

    /** Condition codes of Jcc. */
    static final int EQUAL = 4;

    static final int NOT_EQUAL = 5;
    static final int NEGATIVE = 8;

    private final ByteArrayOutputStream code = new ByteArrayOutputStream();
    private final Map<String, Integer> labels = new HashMap<>();
    private final List<Fixup> fixups = new ArrayList<>();

    /** A 32-bit displacement at {@code at}, relative to the byte after it. */
    private record Fixup(int at, String label) {}

    /** Offset of the next instruction. */
    int position() {
        return code.size();
    }

    /** Names the next instruction; a name may be used before it is bound. */
    Assembler label(String name) {
        if (labels.put(name, position()) != null) {
            throw new IllegalStateException("label bound twice: " + name);
        }
        return this;
    }

    /** Offset of a bound label. */
    int offset(String name) {
        Integer o = labels.get(name);
        if (o == null) {
            throw new IllegalStateException("no label " + name);
        }
        return o;
    }

    /** The code, all displacements filled in. */
    byte[] assemble() {
        byte[] b = code.toByteArray();
        for (Fixup f : fixups) {
            int d = offset(f.label) - (f.at + 4);
            for (int i = 0; i < 4; i++) {
                b[f.at + i] = (byte) (d >> 8 * i);
            }
        }
        return b;
    }

    Assembler bytes(int... values) {
        for (int v : values) {
            code.write(v);
        }
        return this;
    }

    private Assembler imm32(int v) {
        return bytes(v & 255, v >> 8 & 255, v >> 16 & 255, v >>> 24);
    }

    private Assembler rexW(int reg, int rm) {
        return bytes(0x48 | (reg >> 3) << 2 | rm >> 3);
    }

    /** ModRM (and SIB) of [base + disp32]. */
    private Assembler memory(int reg, int base, int displacement) {
        bytes(0x80 | (reg & 7) << 3 | base & 7);
        if ((base & 7) == 4) {
            bytes(0x24);
        }
        return imm32(displacement);
    }

    /** mov target, [base + displacement] (64 bits). */
    Assembler load(int target, int base, int displacement) {
        return rexW(target, base).bytes(0x8b).memory(target, base, displacement);
    }

    /** mov [base + displacement], source (64 bits). */
    Assembler store(int base, int displacement, int source) {
        return rexW(source, base).bytes(0x89).memory(source, base, displacement);
    }

    /** mov qword [base + displacement], sign-extended imm32. */
    Assembler storeImmediate(int base, int displacement, int value) {
        return rexW(0, base).bytes(0xc7).memory(0, base, displacement).imm32(value);
    }

    /** cmp qword [base + displacement], sign-extended imm32. */
    Assembler compareMemory(int base, int displacement, int value) {
        return rexW(7, base).bytes(0x81).memory(7, base, displacement).imm32(value);
    }

    /** mov r64, imm64. */
    Assembler move(int target, long value) {
        rexW(0, target).bytes(0xb8 | target & 7);
        return imm32((int) value).imm32((int) (value >>> 32));
    }

    /** mov target, source (64 bits). */
    Assembler moveRegister(int target, int source) {
        return rexW(source, target).bytes(0x89, 0xc0 | (source & 7) << 3 | target & 7);
    }

    /** lea target, [base + displacement]. */
    Assembler lea(int target, int base, int displacement) {
        return rexW(target, base).bytes(0x8d).memory(target, base, displacement);
    }

    /** lea target, the address at {@code offset} from the first byte of this code (RIP-relative). */
    Assembler leaCode(int target, int offset) {
        rexW(target, 0).bytes(0x8d, (target & 7) << 3 | 5);
        return imm32(offset - (position() + 4));
    }

    Assembler or(int target, int source) {
        return rexW(source, target).bytes(0x09, 0xc0 | (source & 7) << 3 | target & 7);
    }

    Assembler xor(int target, int source) {
        return rexW(source, target).bytes(0x31, 0xc0 | (source & 7) << 3 | target & 7);
    }

    Assembler sub(int target, int source) {
        return rexW(source, target).bytes(0x29, 0xc0 | (source & 7) << 3 | target & 7);
    }

    Assembler test(int a, int b) {
        return rexW(b, a).bytes(0x85, 0xc0 | (b & 7) << 3 | a & 7);
    }

    /** cmp a, b (64 bits). */
    Assembler compare(int a, int b) {
        return rexW(b, a).bytes(0x39, 0xc0 | (b & 7) << 3 | a & 7);
    }

    /** cmp a, sign-extended imm32. */
    Assembler compareImmediate(int a, int value) {
        return rexW(7, a).bytes(0x81, 0xf8 | a & 7).imm32(value);
    }

    /** add target, sign-extended imm32. */
    Assembler addImmediate(int target, int value) {
        return rexW(0, target).bytes(0x81, 0xc0 | target & 7).imm32(value);
    }

    Assembler shiftLeft(int target, int count) {
        return rexW(0, target).bytes(0xc1, 0xe0 | target & 7, count);
    }

    Assembler jump(String label) {
        bytes(0xe9);
        return displacement(label);
    }

    Assembler jumpIf(int condition, String label) {
        bytes(0x0f, 0x80 | condition);
        return displacement(label);
    }

    private Assembler displacement(String label) {
        fixups.add(new Fixup(position(), label));
        return imm32(0);
    }

    Assembler syscall() {
        return bytes(0x0f, 0x05);
    }

    Assembler ud2() {
        return bytes(0x0f, 0x0b);
    }

    Assembler rdtsc() {
        return bytes(0x0f, 0x31);
    }

    private Assembler fsGsBase(int operation, int register) {
        bytes(0xf3);
        return rexW(0, register).bytes(0x0f, 0xae, 0xc0 | operation << 3 | register & 7);
    }

    Assembler rdfsbase(int register) {
        return fsGsBase(0, register);
    }

    Assembler rdgsbase(int register) {
        return fsGsBase(1, register);
    }

    Assembler wrfsbase(int register) {
        return fsGsBase(2, register);
    }

    Assembler wrgsbase(int register) {
        return fsGsBase(3, register);
    }
}
