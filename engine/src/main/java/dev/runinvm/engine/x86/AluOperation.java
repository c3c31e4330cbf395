package dev.runinvm.engine.x86;

/** The binary and unary arithmetic operations with their flags, on operands sign-extended from any size. */
final class AluOperation {
    /** As in ModRM.reg of opcodes 80 to 83. */
    static final int ADD = 0;

    static final int OR = 1;
    static final int ADC = 2;
    static final int SBB = 3;
    static final int AND = 4;
    static final int SUB = 5;
    static final int XOR = 6;
    static final int CMP = 7;
    static final int TEST = 8;

    private AluOperation() {}

    /** Whether the result is not stored. */
    static boolean comparesOnly(int operation) {
        return operation >= CMP;
    }

    /** Computes the result, sign-extended, and sets the flags. */
    static long apply(CpuState s, int operation, long a, long b, int size) {
        long r;
        switch (operation) {
            case ADD:
                r = Registers.extend(a + b, size);
                s.flagsAdd(a, b, r);
                return r;
            case OR:
                r = a | b;
                break;
            case ADC:
                return s.cf() ? adc1(s, a, b, size) : apply(s, ADD, a, b, size);
            case SBB:
                return s.cf() ? sbb1(s, a, b, size) : apply(s, SUB, a, b, size);
            case AND:
            case TEST:
                r = a & b;
                break;
            case XOR:
                r = a ^ b;
                break;
            default:
                r = Registers.extend(a - b, size);
                s.flagsSub(a, b, r);
                return r;
        }
        s.flagsLogic(r);
        return r;
    }

    /** a + b + 1: carries out exactly when the sum is not above a. */
    private static long adc1(CpuState s, long a, long b, int size) {
        long r = Registers.extend(a + b + 1, size);
        boolean carry = Long.compareUnsigned(r, a) <= 0;
        boolean overflow = ((a ^ r) & (b ^ r)) < 0;
        s.flagsResult(bits(carry, overflow, a ^ b ^ r), r);
        return r;
    }

    private static long sbb1(CpuState s, long a, long b, int size) {
        long r = Registers.extend(a - b - 1, size);
        boolean carry = Long.compareUnsigned(a, b) <= 0;
        boolean overflow = ((a ^ b) & (a ^ r)) < 0;
        s.flagsResult(bits(carry, overflow, a ^ b ^ r), r);
        return r;
    }

    /** CF, OF and, from bit 4 of the last argument, AF. */
    static long bits(boolean carry, boolean overflow, long auxiliary) {
        return (carry ? CpuState.FLAG_CF : 0) | (overflow ? CpuState.FLAG_OF : 0) | auxiliary & CpuState.FLAG_AF;
    }

    /** INC: CF stays. */
    static long inc(CpuState s, long a, int size) {
        long r = Registers.extend(a + 1, size);
        s.flagsResult(bits(s.cf(), (~a & r) < 0, a ^ r), r);
        return r;
    }

    /** DEC: CF stays. */
    static long dec(CpuState s, long a, int size) {
        long r = Registers.extend(a - 1, size);
        s.flagsResult(bits(s.cf(), (a & ~r) < 0, a ^ r), r);
        return r;
    }

    static long neg(CpuState s, long a, int size) {
        long r = Registers.extend(-a, size);
        s.flagsSub(0, a, r);
        return r;
    }
}
