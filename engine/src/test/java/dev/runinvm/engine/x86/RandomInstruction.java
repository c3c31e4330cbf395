package dev.runinvm.engine.x86;

import dev.runinvm.engine.direct.InstructionRunner;
import java.io.ByteArrayOutputStream;
import java.util.Random;

/** One instruction of a form with random operands, prefixes and surroundings; memory operands hit the window. */
final class RandomInstruction {
    /** The bytes that are compared: across the border of the two pages. */
    static final int WINDOW_OFFSET = 4096 - 256;

    static final int WINDOW_SIZE = 512;
    static final long WINDOW = InstructionRunner.WRITABLE + WINDOW_OFFSET;
    private static final long STATUS = CpuState.ARITHMETIC;

    final InstructionForm form;
    final long[] gpr = new long[16];
    final byte[] window = new byte[WINDOW_SIZE];
    byte[] code = new byte[0];
    long flags;
    /** Flags that have a defined value afterwards. */
    long defined;

    private final Random random;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private int rex;
    private boolean operand16;
    private boolean wide;

    private RandomInstruction(InstructionForm form, Random random) {
        this.form = form;
        this.random = random;
    }

    static RandomInstruction of(InstructionForm form, Random random) {
        while (true) {
            RandomInstruction i = new RandomInstruction(form, random);
            if (i.build()) {
                return i;
            }
        }
    }

    /** Values near the edges, and any. */
    private long value() {
        switch (random.nextInt(8)) {
            case 0:
                return 0;
            case 1:
                return -1;
            case 2:
                return random.nextInt(64);
            case 3:
                return 1L << random.nextInt(64);
            case 4:
                return random.nextInt();
            case 5:
                return Long.MIN_VALUE >> random.nextInt(64);
            case 6:
                return (1L << random.nextInt(63)) - 1 + random.nextInt(3);
            default:
                return random.nextLong();
        }
    }

    private boolean build() {
        for (int i = 0; i < 16; i++) {
            gpr[i] = value();
        }
        gpr[CpuState.RSP] = WINDOW + 256 + random.nextInt(16);
        random.nextBytes(window);
        flags = random.nextLong() & STATUS | CpuState.FLAG_IF | 2;
        prefixes();
        out.writeBytes(form.opcode());
        if (form.operand() != InstructionForm.Operand.NONE
                && form.operand() != InstructionForm.Operand.IN_OPCODE
                && !modrm()) {
            return false;
        }
        immediate();
        surroundings();
        code = out.toByteArray();
        return code.length <= 15 && flagsAreKnown();
    }

    private void prefixes() {
        boolean fixed = form.prefix() == 0x66 || form.name().equals("bswap");
        operand16 = !fixed && form.vex().map() == 0 && random.nextInt(4) == 0;
        if (operand16) {
            out.write(0x66);
        }
        if (form.prefix() != 0) {
            out.write(form.prefix());
        }
        rex = random.nextInt(3) == 0 ? 0 : 0x40 | random.nextInt(16);
        boolean toStackPointer = form.operand() == InstructionForm.Operand.IN_OPCODE
                && (form.opcode()[form.opcode().length - 1] & 7) == CpuState.RSP;
        if (toStackPointer) {
            rex |= 0x41; // RSP must go on pointing to the stack
        }
        if (form.vex().map() != 0) {
            int source = form.vex().map() == 3 ? 0 : random.nextInt(16) & ~(random.nextBoolean() ? 4 : 0);
            rex = 0x40 | random.nextInt(16);
            out.write(0xc4);
            out.write((~rex & 4) << 5
                    | (~rex & 2) << 5
                    | (~rex & 1) << 5
                    | form.vex().map());
            out.write((rex & 8) << 4 | (~source & 15) << 3 | form.vex().prefix());
        } else if (rex != 0) {
            out.write(rex);
        }
        wide = (rex & 8) != 0;
    }

    private int size() {
        return wide ? 8 : operand16 ? 2 : 4;
    }

    private boolean modrm() {
        int reg = form.group() >= 0 ? form.group() : random.nextInt(8);
        boolean memory = form.operand() == InstructionForm.Operand.MEMORY || random.nextBoolean();
        int rm = random.nextInt(8);
        if (!memory) {
            out.write(0xc0 | reg << 3 | rm);
            return true;
        }
        int mod = rm == 5 ? 1 : random.nextInt(2);
        int displacement = mod == 1 ? (byte) random.nextInt() : 0;
        out.write(mod << 6 | reg << 3 | rm);
        long target = WINDOW + 128 + random.nextInt(256);
        if (form.operand() == InstructionForm.Operand.BIT_STRING && !bitNumber(reg | (rex & 4) << 1, rm)) {
            return false;
        }
        if (rm != 4) {
            gpr[rm | (rex & 1) << 3] = target - displacement;
        } else if (!sib(mod, target - displacement)) {
            return false;
        }
        if (mod == 1) {
            out.write(displacement);
        }
        return true;
    }

    private boolean sib(int mod, long target) {
        int index = random.nextInt(8) | (rex & 2) << 2;
        int base = random.nextInt(8) | (rex & 1) << 3;
        int scale = random.nextInt(4);
        if ((base & 7) == 5 && mod == 0 || base == index || base == CpuState.RSP && form.group() >= 0) {
            return false;
        }
        out.write(scale << 6 | (index & 7) << 3 | base & 7);
        long distance = 0;
        if (index != 4) {
            gpr[index] = random.nextInt(16);
            distance = gpr[index] << scale;
        }
        gpr[base] = target - distance;
        return true;
    }

    /** A bit number within 100 bytes either way of the operand; what the operand size leaves out is anything. */
    private boolean bitNumber(int register, int rm) {
        if (register == CpuState.RSP || rm == 4 || register == (rm | (rex & 1) << 3)) {
            return false;
        }
        long number = random.nextInt(1600) - 800;
        long kept = wide ? -1 : operand16 ? 0xffff : 0xffff_ffffL;
        gpr[register] = number & kept | random.nextLong() & ~kept;
        return true;
    }

    private void immediate() {
        switch (form.immediate()) {
            case BYTE:
                out.write(random.nextBoolean() ? random.nextInt(256) : random.nextInt(70));
                break;
            case Z:
                number(Math.min(size(), 4));
                break;
            case FULL:
                number(size());
                break;
            case FRAME:
                out.write(random.nextInt(64));
                out.write(0);
                out.write(random.nextInt(3));
                gpr[CpuState.RBP] = WINDOW + 300;
                break;
            default:
                break;
        }
    }

    private void number(int bytes) {
        long v = value();
        for (int i = 0; i < bytes; i++) {
            out.write((int) (v >>> 8 * i));
        }
    }

    private void surroundings() {
        switch (form.name()) {
            case "string":
                gpr[CpuState.RSI] = WINDOW + 128 + random.nextInt(128);
                gpr[CpuState.RDI] = WINDOW + 128 + random.nextInt(128);
                gpr[CpuState.RCX] = random.nextInt(17);
                flags |= random.nextInt(4) == 0 ? CpuState.FLAG_DF : 0;
                if (random.nextBoolean()) {
                    for (int i = 0; i < WINDOW_SIZE; i++) {
                        window[i] = (byte) (random.nextInt(30) == 0 ? 7 : 1);
                    }
                    gpr[CpuState.RAX] = 0x0101_0101_0101_0101L;
                }
                break;
            case "plain c9":
                gpr[CpuState.RBP] = WINDOW + 256;
                break;
            case "plain d7":
                gpr[CpuState.RBX] = WINDOW + 100;
                break;
            case "div":
            case "idiv":
                if (random.nextInt(3) != 0) {
                    gpr[CpuState.RDX] = random.nextBoolean() ? random.nextInt(100) : gpr[CpuState.RAX] >> 63;
                }
                break;
            default:
                break;
        }
    }

    /** Works out the defined flags; false where the result itself is undefined. */
    private boolean flagsAreKnown() {
        defined = switch (form.flags()) {
            case ALL -> STATUS;
            case ALL_BUT_AF -> STATUS & ~CpuState.FLAG_AF;
            case CF_OF -> CpuState.FLAG_CF | CpuState.FLAG_OF;
            case CF -> CpuState.FLAG_CF;
            case ZF -> CpuState.FLAG_ZF;
            case CF_ZF -> CpuState.FLAG_CF | CpuState.FLAG_ZF;
            case CF_ZF_OF -> CpuState.FLAG_CF | CpuState.FLAG_ZF | CpuState.FLAG_OF;
            case CF_ZF_SF_OF -> CpuState.FLAG_CF | CpuState.FLAG_ZF | CpuState.FLAG_SF | CpuState.FLAG_OF;
            case NONE -> 0;
            case SHIFT -> shiftFlags();
            case DOUBLE_SHIFT -> doubleShiftFlags();
        };
        return defined >= 0;
    }

    private int count() {
        boolean byImmediate = form.immediate() == InstructionForm.Immediate.BYTE;
        return byImmediate ? code[code.length - 1] & 0xff : (int) gpr[CpuState.RCX] & 0xff;
    }

    private long shiftFlags() {
        int op = form.opcode()[0] & 0xff;
        int bits = (op & 1) == 0 ? 8 : size() * 8;
        int count = (op == 0xd0 || op == 0xd1 ? 1 : count()) & (bits == 64 ? 63 : 31);
        if (count == 0) {
            return STATUS;
        }
        long overflow = count == 1 ? 0 : CpuState.FLAG_OF;
        if (form.group() < 4) {
            return STATUS & ~overflow;
        }
        return STATUS & ~CpuState.FLAG_AF & ~overflow & ~(count >= bits ? CpuState.FLAG_CF : 0);
    }

    private long doubleShiftFlags() {
        int count = count() & (wide ? 63 : 31);
        if (count == 0) {
            return STATUS;
        }
        return count > size() * 8 ? -1 : STATUS & ~CpuState.FLAG_AF & ~(count == 1 ? 0 : CpuState.FLAG_OF);
    }
}
