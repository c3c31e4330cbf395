package dev.runinvm.engine.x86;

/** Shifts and rotates: opcodes C0, C1, D0 to D3, SHLD and SHRD, and the BMI2 shifts without flags. */
final class ShiftInstructions {
    private static final int ROL = 0;
    private static final int ROR = 1;
    private static final int RCL = 2;
    private static final int RCR = 3;
    private static final int SHR = 5;
    private static final int SAR = 7;
    private static final int BY_CL = -1;

    private ShiftInstructions() {}

    /** C0, C1 (imm8), D0, D1 (by one), D2, D3 (by CL). */
    static Insn group(Decoder d) {
        int size = d.sizeByLowBit();
        int operation = d.group();
        int count = d.op < 0xd0 ? (int) d.immediate & 0xff : d.op < 0xd2 ? 1 : BY_CL;
        if (count != BY_CL) {
            count &= size == 8 ? 63 : 31;
        }
        if (d.isRegister() && size >= 4 && count > 0 && operation >= 4) {
            switch (operation) {
                case SHR:
                    return new ShrRI(d.rm, count, size);
                case SAR:
                    return new SarRI(d.rm, count, size);
                default:
                    return new ShlRI(d.rm, count, size);
            }
        }
        return new Shift(d, size, operation, count);
    }

    /** SHLD (0F A4, A5) and SHRD (0F AC, AD). */
    static Insn doubleShift(Decoder d) {
        return new DoubleShift(d);
    }

    /** SHLX, SHRX and SARX (VEX 0F38 F7 with 66, F2, F3). */
    static Insn bmi(Decoder d) {
        return new BmiShift(d);
    }

    /** RORX (VEX F2 0F3A F0). */
    static Insn rorx(Decoder d) {
        return new Rorx(d);
    }

    /** Shifts or rotates and sets the flags; a count of zero changes neither. Operand and result sign-extended. */
    static long apply(CpuState s, int operation, long a, int rawCount, int size) {
        int bits = size * 8;
        int count = rawCount & (size == 8 ? 63 : 31);
        if (count == 0) {
            return a;
        }
        switch (operation) {
            case ROL:
                return rol(s, a, count & bits - 1, size);
            case ROR:
                return ror(s, a, count & bits - 1, size);
            case RCL:
                return rcl(s, a, count % (bits + 1), size);
            case RCR:
                return rcr(s, a, count % (bits + 1), size);
            case SHR:
                return shr(s, a & Registers.mask(size), count, size);
            case SAR:
                return sar(s, a, count);
            default:
                return shl(s, a, count, size);
        }
    }

    private static long shl(CpuState s, long a, int count, int size) {
        long r = Registers.extend(a << count, size);
        boolean carry = count <= size * 8 && (a << count - 1 >>> size * 8 - 1 & 1) != 0;
        s.flagsResult(AluOperation.bits(carry, r < 0 != carry, 0), r);
        return r;
    }

    private static long shr(CpuState s, long a, int count, int size) {
        long r = Registers.extend(a >>> count, size);
        boolean carry = (a >>> count - 1 & 1) != 0;
        boolean overflow = count == 1 && (a >>> size * 8 - 1) != 0;
        s.flagsResult(AluOperation.bits(carry, overflow, 0), r);
        return r;
    }

    private static long sar(CpuState s, long a, int count) {
        long r = a >> count;
        s.flagsResult(AluOperation.bits((a >> count - 1 & 1) != 0, false, 0), r);
        return r;
    }

    private static void rotated(CpuState s, boolean carry, boolean overflow) {
        long kept = s.rflags() & ~(CpuState.FLAG_CF | CpuState.FLAG_OF);
        s.setArithmetic(kept | (carry ? CpuState.FLAG_CF : 0) | (overflow ? CpuState.FLAG_OF : 0));
    }

    private static long rol(CpuState s, long a, int count, int size) {
        int bits = size * 8;
        long u = a & Registers.mask(size);
        long r = count == 0 ? a : Registers.extend(u << count | u >>> bits - count, size);
        boolean carry = (r & 1) != 0;
        rotated(s, carry, r < 0 != carry);
        return r;
    }

    private static long ror(CpuState s, long a, int count, int size) {
        int bits = size * 8;
        long u = a & Registers.mask(size);
        long r = count == 0 ? a : Registers.extend(u >>> count | u << bits - count, size);
        rotated(s, r < 0, r < 0 ^ (r >> bits - 2 & 1) != 0);
        return r;
    }

    private static long rcl(CpuState s, long a, int count, int size) {
        if (count == 0) {
            return a;
        }
        int bits = size * 8;
        long u = a & Registers.mask(size);
        long carryIn = s.cf() ? 1 : 0;
        long low = count == 1 ? 0 : u >>> bits + 1 - count;
        long r = Registers.extend((count == 64 ? 0 : u << count) | carryIn << count - 1 | low, size);
        boolean carry = (u >>> bits - count & 1) != 0;
        rotated(s, carry, r < 0 != carry);
        return r;
    }

    private static long rcr(CpuState s, long a, int count, int size) {
        if (count == 0) {
            return a;
        }
        int bits = size * 8;
        long u = a & Registers.mask(size);
        long carryIn = s.cf() ? 1 : 0;
        long high = count == 1 ? 0 : u << bits + 1 - count;
        long r = Registers.extend((count == 64 ? 0 : u >>> count) | carryIn << bits - count | high, size);
        boolean carry = (u >>> count - 1 & 1) != 0;
        rotated(s, carry, r < 0 ^ (r >> bits - 2 & 1) != 0);
        return r;
    }

    private static final class Shift extends RmInsn {
        private final int operation;
        private final int count;

        Shift(Decoder d, int size, int operation, int count) {
            super(d, size);
            this.operation = operation;
            this.count = count;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            int n = count == BY_CL ? (int) s.gpr[CpuState.RCX] & 0xff : count;
            long at = where(s);
            long a = getForUpdate(cpu, at);
            put(cpu, at, apply(s, operation, a, n, size));
            return true;
        }
    }

    private abstract static class ByConstant extends Insn {
        final byte register;
        final byte count;
        final byte shift;

        ByConstant(int register, int count, int size) {
            this.register = (byte) register;
            this.count = (byte) count;
            this.shift = (byte) (size == 8 ? 0 : 32);
        }
    }

    private static final class ShlRI extends ByConstant {
        ShlRI(int register, int count, int size) {
            super(register, count, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long before = s.gpr[register] << count - 1 << shift >> shift;
            long r = before << 1 << shift >> shift;
            s.gpr[register] = r << shift >>> shift;
            s.flagsResult(AluOperation.bits(before < 0, (before ^ r) < 0, 0), r);
            return true;
        }
    }

    private static final class ShrRI extends ByConstant {
        ShrRI(int register, int count, int size) {
            super(register, count, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long a = s.gpr[register] << shift >>> shift;
            long before = a >>> count - 1;
            long r = before >>> 1;
            s.gpr[register] = r;
            boolean overflow = count == 1 && a << shift < 0;
            s.flagsResult(AluOperation.bits((before & 1) != 0, overflow, 0), r);
            return true;
        }
    }

    private static final class SarRI extends ByConstant {
        SarRI(int register, int count, int size) {
            super(register, count, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long before = s.gpr[register] << shift >> shift >> count - 1;
            long r = before >> 1;
            s.gpr[register] = r << shift >>> shift;
            s.flagsResult(AluOperation.bits((before & 1) != 0, false, 0), r);
            return true;
        }
    }

    private static final class DoubleShift extends RmInsn {
        private final int register;
        private final int count;
        private final boolean left;

        DoubleShift(Decoder d) {
            super(d, d.size);
            register = d.reg;
            count = (d.op & 1) != 0 ? BY_CL : (int) d.immediate & 0xff;
            left = d.op < 0x1a8;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            int n = (count == BY_CL ? (int) s.gpr[CpuState.RCX] : count) & (size == 8 ? 63 : 31);
            long at = where(s);
            long a = getForUpdate(cpu, at);
            if (n == 0) {
                put(cpu, at, a);
                return true;
            }
            long mask = Registers.mask(size);
            long filler = s.gpr[register] & mask;
            long before = left ? left(a & mask, filler, n - 1) : right(a & mask, filler, n - 1);
            long r = Registers.extend(left ? left(a & mask, filler, n) : right(a & mask, filler, n), size);
            put(cpu, at, r);
            boolean carry = left ? Registers.extend(before, size) < 0 : (before & 1) != 0;
            s.flagsResult(AluOperation.bits(carry, (a ^ r) < 0, 0), r);
            return true;
        }

        /** Counts beyond 16 of a 16-bit operand go on with the operand itself, as processors do. */
        private long left(long a, long filler, int n) {
            if (n == 0) {
                return a;
            }
            if (size == 2) {
                long wide = a << 32 | filler << 16 | a;
                return wide >>> 32 - n & 0xffff;
            }
            return a << n | filler >>> size * 8 - n;
        }

        private long right(long a, long filler, int n) {
            if (n == 0) {
                return a;
            }
            if (size == 2) {
                long wide = a << 32 | filler << 16 | a;
                return wide >>> n & 0xffff;
            }
            return a >>> n | filler << size * 8 - n;
        }
    }

    private static final class BmiShift extends RmInsn {
        private final int target;
        private final int counter;
        private final int kind;

        BmiShift(Decoder d) {
            super(d, d.size);
            target = d.reg;
            counter = d.vexRegister;
            kind = d.rep;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long a = get(cpu);
            int n = (int) s.gpr[counter] & (size == 8 ? 63 : 31);
            long r = kind == 0xf3 ? a >> n : kind == 0xf2 ? (a & Registers.mask(size)) >>> n : a << n;
            Registers.set(s, target, size, r);
            return true;
        }
    }

    private static final class Rorx extends RmInsn {
        private final int target;
        private final int count;

        Rorx(Decoder d) {
            super(d, d.size);
            target = d.reg;
            count = (int) d.immediate;
        }

        @Override
        boolean exec(Cpu cpu) {
            long a = get(cpu);
            long r = size == 8 ? Long.rotateRight(a, count) : Integer.rotateRight((int) a, count);
            Registers.set(cpu.s, target, size, r);
            return true;
        }
    }
}
