package dev.runinvm.engine.x86;

import org.jspecify.annotations.Nullable;

/** BT, BTS, BTR, BTC, BSF, BSR, TZCNT, LZCNT, POPCNT, CRC32, ADCX, ADOX and BMI1/BMI2 without their shifts. */
final class BitInstructions {
    private BitInstructions() {}

    /** 0F A3, AB, B3, BB: the bit number in a register. */
    static Insn byRegister(Decoder d) {
        int operation = d.op >> 3 & 3;
        return d.isRegister() ? new BitInRegister(d, operation, d.reg, 0) : new BitInMemory(d, operation);
    }

    /** 0F BA /4 to /7: the bit number in an immediate. */
    static Insn byImmediate(Decoder d) {
        int number = (int) d.immediate & d.size * 8 - 1;
        int operation = d.group() & 3;
        return d.isRegister()
                ? new BitInRegister(d, operation, CpuState.NO_REGISTER, number)
                : new BitImmediate(d, operation, number);
    }

    static final int BT = 0;
    private static final int BTS = 1;
    private static final int BTR = 2;

    private static long change(int operation, long value, long bit) {
        switch (operation) {
            case BT:
                return value;
            case BTS:
                return value | bit;
            case BTR:
                return value & ~bit;
            default:
                return value ^ bit;
        }
    }

    private static final class BitInRegister extends Insn {
        private final int operation;
        private final int target;
        private final int source;
        private final int number;
        private final int size;

        BitInRegister(Decoder d, int operation, int source, int number) {
            this.operation = operation;
            this.target = d.rm;
            this.source = source;
            this.number = number;
            this.size = d.size;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long value = s.gpr[target];
            int n = ((int) s.gpr[source] | number) & size * 8 - 1;
            s.setCarry((value >>> n & 1) != 0);
            if (operation != BT) {
                Registers.set(s, target, size, change(operation, value, 1L << n));
            }
            return true;
        }
    }

    /** The bit string starts at the operand and reaches 2^(bits-1) bits either way. */
    private static final class BitInMemory extends MemInsn {
        private final int operation;
        private final int register;
        private final int size;

        BitInMemory(Decoder d, int operation) {
            super(d);
            this.operation = operation;
            this.register = d.reg;
            this.size = d.size;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long offset = Registers.get(s, register, size);
            int step = Integer.numberOfTrailingZeros(size) + 3;
            bit(cpu, operation, linear(s, (offset >> step) * size), (int) offset & size * 8 - 1, size);
            return true;
        }
    }

    private static final class BitImmediate extends MemInsn {
        private final int operation;
        private final int number;
        private final int size;

        BitImmediate(Decoder d, int operation, int number) {
            super(d);
            this.operation = operation;
            this.number = number;
            this.size = d.size;
        }

        @Override
        boolean exec(Cpu cpu) {
            bit(cpu, operation, linear(cpu.s), number, size);
            return true;
        }
    }

    private static void bit(Cpu cpu, int operation, long at, int n, int size) {
        if (operation == BT) {
            cpu.s.setCarry((RmInsn.load(cpu.mmu, at, size) >>> n & 1) != 0);
            return;
        }
        long value = RmInsn.loadForUpdate(cpu.mmu, at, size);
        RmInsn.store(cpu.mmu, at, size, change(operation, value, 1L << n));
        cpu.s.setCarry((value >>> n & 1) != 0);
    }

    /** 0F BC and BD without F3: the target stays if the source is zero. */
    static Insn scan(Decoder d) {
        return new Scan(d);
    }

    private static final class Scan extends RmInsn {
        private final int target;
        private final boolean reverse;

        Scan(Decoder d) {
            super(d, d.size);
            target = d.reg;
            reverse = (d.op & 1) != 0;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long value = get(cpu) & Registers.mask(size);
            s.flagsLogic(value);
            if (value != 0) {
                int n = reverse ? 63 - Long.numberOfLeadingZeros(value) : Long.numberOfTrailingZeros(value);
                Registers.set(s, target, size, n);
            }
            return true;
        }
    }

    /** F3 0F B8, BC, BD: POPCNT, TZCNT, LZCNT. */
    static Insn count(Decoder d) {
        return new Count(d);
    }

    private static final class Count extends RmInsn {
        private final int target;
        private final int kind;

        Count(Decoder d) {
            super(d, d.size);
            target = d.reg;
            kind = d.op & 0xff;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long value = get(cpu) & Registers.mask(size);
            int bits = size * 8;
            long r;
            if (kind == 0xb8) {
                r = Long.bitCount(value);
                s.setArithmetic(value == 0 ? CpuState.FLAG_ZF : 0);
            } else {
                r = kind == 0xbc
                        ? value == 0 ? bits : Long.numberOfTrailingZeros(value)
                        : Long.numberOfLeadingZeros(value) - (64 - bits);
                s.setArithmetic((r == 0 ? CpuState.FLAG_ZF : 0) | (value == 0 ? CpuState.FLAG_CF : 0));
            }
            Registers.set(s, target, size, r);
            return true;
        }
    }

    /** CRC32 (Castagnoli): F2 0F38 F0 and F1. */
    static Insn crc32(Decoder d) {
        return new Crc32(d, d.sizeByLowBit());
    }

    private static final class Crc32 extends RmInsn {
        private final int target;

        Crc32(Decoder d, int size) {
            super(d, size);
            target = d.reg;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long data = get(cpu);
            int crc = (int) s.gpr[target];
            for (int i = 0; i < size; i++) {
                crc ^= (int) (data >>> 8 * i) & 0xff;
                for (int j = 0; j < 8; j++) {
                    crc = crc >>> 1 ^ -(crc & 1) & 0x82f6_3b78;
                }
            }
            s.gpr[target] = crc & 0xffff_ffffL;
            return true;
        }
    }

    /** ADCX (66 0F38 F6) and ADOX (F3 0F38 F6). */
    static Insn addCarry(Decoder d) {
        return new AddCarry(d);
    }

    private static final class AddCarry extends RmInsn {
        private final int target;
        private final long flag;

        AddCarry(Decoder d) {
            super(d, d.rex >= 0x48 ? 8 : 4);
            target = d.reg;
            flag = d.rep == 0 ? CpuState.FLAG_CF : CpuState.FLAG_OF;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long b = get(cpu);
            long a = Registers.get(s, target, size);
            long flags = s.rflags();
            boolean in = (flags & flag) != 0;
            long r = Registers.extend(a + b + (in ? 1 : 0), size);
            int order = Long.compareUnsigned(r, a);
            boolean out = order < 0 || in && order == 0;
            Registers.set(s, target, size, r);
            s.setArithmetic(out ? flags | flag : flags & ~flag);
            return true;
        }
    }

    /** ANDN, BLSR, BLSMSK, BLSI, BZHI, BEXTR, PEXT, PDEP; null for another VEX-coded general-register instruction. */
    static @Nullable Insn bmi(Decoder d) {
        switch (d.op) {
            case 0x2f2:
                return d.rep == 0 && !d.operand16 ? new Andn(d) : null;
            case 0x2f3:
                return d.rep == 0 && !d.operand16 && d.group() >= 1 && d.group() <= 3 ? new LowestBit(d) : null;
            case 0x2f5:
                return d.operand16 ? null : d.rep == 0 ? new Bzhi(d) : new Scatter(d);
            case 0x2f7:
                return d.rep == 0 && !d.operand16 ? new Bextr(d) : null;
            default:
                return null;
        }
    }

    private static final class Andn extends RmInsn {
        private final int target;
        private final int inverted;

        Andn(Decoder d) {
            super(d, d.size);
            target = d.reg;
            inverted = d.vexRegister;
        }

        @Override
        boolean exec(Cpu cpu) {
            long b = get(cpu);
            long r = ~Registers.get(cpu.s, inverted, size) & b;
            Registers.set(cpu.s, target, size, r);
            cpu.s.flagsLogic(r);
            return true;
        }
    }

    private static final class LowestBit extends RmInsn {
        private final int target;
        private final int kind;

        LowestBit(Decoder d) {
            super(d, d.size);
            target = d.vexRegister;
            kind = d.group();
        }

        @Override
        boolean exec(Cpu cpu) {
            long a = get(cpu);
            long r = Registers.extend(kind == 1 ? a & a - 1 : kind == 2 ? a ^ a - 1 : a & -a, size);
            boolean carry = kind == 3 ? a != 0 : a == 0;
            Registers.set(cpu.s, target, size, r);
            cpu.s.flagsResult(carry ? CpuState.FLAG_CF : 0, r);
            return true;
        }
    }

    private static final class Bzhi extends RmInsn {
        private final int target;
        private final int counter;

        Bzhi(Decoder d) {
            super(d, d.size);
            target = d.reg;
            counter = d.vexRegister;
        }

        @Override
        boolean exec(Cpu cpu) {
            long a = get(cpu);
            int n = (int) cpu.s.gpr[counter] & 0xff;
            boolean all = n >= size * 8;
            long r = all ? a : a & (1L << n) - 1;
            Registers.set(cpu.s, target, size, r);
            cpu.s.flagsResult(all ? CpuState.FLAG_CF : 0, Registers.extend(r, size));
            return true;
        }
    }

    private static final class Bextr extends RmInsn {
        private final int target;
        private final int control;

        Bextr(Decoder d) {
            super(d, d.size);
            target = d.reg;
            control = d.vexRegister;
        }

        @Override
        boolean exec(Cpu cpu) {
            long a = get(cpu) & Registers.mask(size);
            int from = (int) cpu.s.gpr[control] & 0xff;
            int count = (int) (cpu.s.gpr[control] >>> 8) & 0xff;
            long r = from >= 64 ? 0 : a >>> from;
            r = count >= 64 ? r : r & (1L << count) - 1;
            Registers.set(cpu.s, target, size, r);
            cpu.s.flagsLogic(Registers.extend(r, size));
            return true;
        }
    }

    /** PEXT (F3) and PDEP (F2). */
    private static final class Scatter extends RmInsn {
        private final int target;
        private final int source;
        private final boolean extract;

        Scatter(Decoder d) {
            super(d, d.size);
            target = d.reg;
            source = d.vexRegister;
            extract = d.rep == 0xf3;
        }

        @Override
        boolean exec(Cpu cpu) {
            long mask = get(cpu) & Registers.mask(size);
            long value = cpu.s.gpr[source];
            long r = 0;
            for (int n = 0; mask != 0; n++, mask &= mask - 1) {
                int at = Long.numberOfTrailingZeros(mask);
                r |= extract ? (value >>> at & 1) << n : (value >>> n & 1) << at;
            }
            Registers.set(cpu.s, target, size, r);
            return true;
        }
    }
}
