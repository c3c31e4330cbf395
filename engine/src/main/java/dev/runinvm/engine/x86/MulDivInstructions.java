package dev.runinvm.engine.x86;

/** MUL, IMUL, DIV, IDIV, MULX. SF, ZF, AF and PF after a multiplication, and all flags after a division, are undefined. */
final class MulDivInstructions {
    private MulDivInstructions() {}

    /** F6 and F7, /4 to /7. */
    static Insn group(Decoder d) {
        int size = d.sizeByLowBit();
        switch (d.group()) {
            case 4:
                return new Multiply(d, size, false);
            case 5:
                return new Multiply(d, size, true);
            case 6:
                return new Divide(d, size, false);
            default:
                return new Divide(d, size, true);
        }
    }

    /** IMUL register, r/m: 0F AF. */
    static Insn toRegister(Decoder d) {
        return new MultiplyRegister(d);
    }

    /** IMUL register, r/m, immediate: 69 and 6B. */
    static Insn byImmediate(Decoder d) {
        return new MultiplyImmediate(d);
    }

    /** MULX: VEX F2 0F38 F6. */
    static Insn mulx(Decoder d) {
        return new Mulx(d);
    }

    private static void flags(CpuState s, boolean overflow, long low) {
        s.flagsResult(overflow ? CpuState.FLAG_CF | CpuState.FLAG_OF : 0, low);
    }

    /** High half of an unsigned product. */
    static long unsignedHigh(long a, long b) {
        return Math.multiplyHigh(a, b) + (a >> 63 & b) + (b >> 63 & a);
    }

    private static final class Multiply extends RmInsn {
        private final boolean signed;

        Multiply(Decoder d, int size, boolean signed) {
            super(d, size);
            this.signed = signed;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long b = get(cpu);
            long a = Registers.get(s, CpuState.RAX, size);
            if (size == 8) {
                long low = a * b;
                long high = signed ? Math.multiplyHigh(a, b) : unsignedHigh(a, b);
                s.gpr[CpuState.RAX] = low;
                s.gpr[CpuState.RDX] = high;
                flags(s, high != (signed ? low >> 63 : 0), low);
                return true;
            }
            long mask = Registers.mask(size);
            long product = signed ? a * b : (a & mask) * (b & mask);
            long low = Registers.extend(product, size);
            if (size == 1) {
                Registers.set(s, CpuState.RAX, 2, product);
            } else {
                Registers.set(s, CpuState.RAX, size, product);
                Registers.set(s, CpuState.RDX, size, product >>> size * 8);
            }
            flags(s, product != (signed ? low : low & mask), low);
            return true;
        }
    }

    private static final class MultiplyRegister extends RmInsn {
        private final int register;

        MultiplyRegister(Decoder d) {
            super(d, d.size);
            register = d.reg;
        }

        @Override
        boolean exec(Cpu cpu) {
            long b = get(cpu);
            product(cpu.s, register, Registers.get(cpu.s, register, size), b, size);
            return true;
        }
    }

    private static final class MultiplyImmediate extends RmInsn {
        private final int register;
        private final long immediate;

        MultiplyImmediate(Decoder d) {
            super(d, d.size);
            register = d.reg;
            immediate = d.immediate;
        }

        @Override
        boolean exec(Cpu cpu) {
            product(cpu.s, register, get(cpu), immediate, size);
            return true;
        }
    }

    private static void product(CpuState s, int register, long a, long b, int size) {
        long full = a * b;
        long low = Registers.extend(full, size);
        boolean overflow = size == 8 ? Math.multiplyHigh(a, b) != full >> 63 : full != low;
        Registers.set(s, register, size, low);
        flags(s, overflow, low);
    }

    private static final class Mulx extends RmInsn {
        private final int high;
        private final int low;

        Mulx(Decoder d) {
            super(d, d.size);
            high = d.reg;
            low = d.vexRegister;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long b = get(cpu);
            long a = s.gpr[CpuState.RDX];
            if (size == 8) {
                s.gpr[low] = a * b;
                s.gpr[high] = unsignedHigh(a, b);
                return true;
            }
            long product = (a & 0xffff_ffffL) * (b & 0xffff_ffffL);
            s.gpr[low] = product & 0xffff_ffffL;
            s.gpr[high] = product >>> 32;
            return true;
        }
    }

    private static final class Divide extends RmInsn {
        private final boolean signed;

        Divide(Decoder d, int size, boolean signed) {
            super(d, size);
            this.signed = signed;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long divisor = get(cpu);
            if (divisor == 0) {
                throw CpuException.of(CpuException.DE);
            }
            if (size == 8) {
                divide64(s, divisor);
            } else {
                divideSmall(s, divisor);
            }
            return true;
        }

        /** The dividend, up to 64 bits, fits a long; as an unsigned one it may look negative. */
        private void divideSmall(CpuState s, long divisor) {
            int bits = size * 8;
            long mask = Registers.mask(size);
            long dividend = size == 1
                    ? s.gpr[CpuState.RAX] & 0xffff
                    : s.gpr[CpuState.RAX] & mask | (s.gpr[CpuState.RDX] & mask) << bits;
            long quotient;
            long remainder;
            if (signed) {
                dividend = Registers.extend(dividend, size * 2);
                quotient = dividend / divisor;
                remainder = dividend % divisor;
                if (quotient != Registers.extend(quotient, size) || dividend == Long.MIN_VALUE && divisor == -1) {
                    throw CpuException.of(CpuException.DE);
                }
            } else {
                quotient = Long.divideUnsigned(dividend, divisor & mask);
                remainder = Long.remainderUnsigned(dividend, divisor & mask);
                if ((quotient & ~mask) != 0) {
                    throw CpuException.of(CpuException.DE);
                }
            }
            if (size == 1) {
                Registers.set(s, CpuState.RAX, 2, quotient & 0xff | (remainder & 0xff) << 8);
            } else {
                Registers.set(s, CpuState.RAX, size, quotient);
                Registers.set(s, CpuState.RDX, size, remainder);
            }
        }

        private void divide64(CpuState s, long divisor) {
            long low = s.gpr[CpuState.RAX];
            long high = s.gpr[CpuState.RDX];
            if (!signed) {
                if (Long.compareUnsigned(high, divisor) >= 0) {
                    throw CpuException.of(CpuException.DE);
                }
                divideUnsigned(s, high, low, divisor);
                return;
            }
            if (high == low >> 63 && !(low == Long.MIN_VALUE && divisor == -1)) {
                s.gpr[CpuState.RAX] = low / divisor;
                s.gpr[CpuState.RDX] = low % divisor;
                return;
            }
            divideWide(s, high, low, divisor);
        }

        /** Signed, by magnitudes. */
        private static void divideWide(CpuState s, long high, long low, long divisor) {
            boolean negative = high < 0;
            long h = negative ? ~high + (low == 0 ? 1 : 0) : high;
            long l = negative ? -low : low;
            long m = Math.abs(divisor);
            if (Long.compareUnsigned(h, m) >= 0) {
                throw CpuException.of(CpuException.DE);
            }
            long quotient = quotient(h, l, m);
            boolean minus = negative != divisor < 0;
            if (minus ? Long.compareUnsigned(quotient, Long.MIN_VALUE) > 0 : quotient < 0) {
                throw CpuException.of(CpuException.DE);
            }
            long remainder = l - quotient * m;
            s.gpr[CpuState.RAX] = minus ? -quotient : quotient;
            s.gpr[CpuState.RDX] = negative ? -remainder : remainder;
        }

        private static void divideUnsigned(CpuState s, long high, long low, long divisor) {
            long quotient = high == 0 ? Long.divideUnsigned(low, divisor) : quotient(high, low, divisor);
            s.gpr[CpuState.RAX] = quotient;
            s.gpr[CpuState.RDX] = low - quotient * divisor;
        }

        /** 128 by 64 bits unsigned, high below the divisor: schoolbook division in two steps of 32 bits. */
        private static long quotient(long high, long low, long divisor) {
            int shift = Long.numberOfLeadingZeros(divisor);
            long v = divisor << shift;
            long u = shift == 0 ? high : high << shift | low >>> 64 - shift;
            long rest = low << shift;
            long q1 = digit(u, rest >>> 32, v);
            u = (u << 32 | rest >>> 32) - q1 * v;
            long q0 = digit(u, rest & 0xffff_ffffL, v);
            return q1 << 32 | q0;
        }

        /** One 32-bit digit of (u, next) / v (Knuth, The Art of Computer Programming, vol. 2, 4.3.1, algorithm D). */
        private static long digit(long u, long next, long v) {
            long vh = v >>> 32;
            long vl = v & 0xffff_ffffL;
            long q = Long.divideUnsigned(u, vh);
            long r = u - q * vh;
            while (q >>> 32 != 0 || Long.compareUnsigned(q * vl, r << 32 | next) > 0) {
                q--;
                r += vh;
                if (r >>> 32 != 0) {
                    break;
                }
            }
            return q;
        }
    }
}
