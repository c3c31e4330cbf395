package dev.runinvm.engine.x86;

import org.jspecify.annotations.Nullable;

/**
 * ADD, OR, AND, SUB, XOR, CMP and TEST on registers of 4 or 8 bytes. The shift, 32 or 0, sign-extends operands and
 * result, which is how the flags want them, and clears the upper half of the target of a 4-byte operation.
 */
final class AluRegister {
    private AluRegister() {}

    /** The form for an operation (0 to 7 as in ModRM.reg of opcode 81, 8 for TEST), or null for ADC and SBB. */
    static @Nullable Insn registers(int operation, int target, int source, int size) {
        byte t = (byte) target;
        byte s = (byte) source;
        byte shift = (byte) (size == 8 ? 0 : 32);
        switch (operation) {
            case AluOperation.ADD:
                return new AddRR(t, s, shift);
            case AluOperation.OR:
                return new OrRR(t, s, shift);
            case AluOperation.AND:
                return new AndRR(t, s, shift);
            case AluOperation.SUB:
                return new SubRR(t, s, shift);
            case AluOperation.XOR:
                return target == source ? new Zero(t) : new XorRR(t, s, shift);
            case AluOperation.CMP:
                return new CmpRR(t, s, shift);
            case AluOperation.TEST:
                return target == source ? new TestSelf(t, shift) : new TestRR(t, s, shift);
            default:
                return null;
        }
    }

    /** As {@link #registers}, with a sign-extended immediate as the source. */
    static @Nullable Insn immediate(int operation, int target, long source, int size) {
        byte t = (byte) target;
        byte shift = (byte) (size == 8 ? 0 : 32);
        switch (operation) {
            case AluOperation.ADD:
                return new AddRI(t, source, shift);
            case AluOperation.OR:
                return new OrRI(t, source, shift);
            case AluOperation.AND:
                return new AndRI(t, source, shift);
            case AluOperation.SUB:
                return new SubRI(t, source, shift);
            case AluOperation.XOR:
                return new XorRI(t, source, shift);
            case AluOperation.CMP:
                return new CmpRI(t, source, shift);
            case AluOperation.TEST:
                return new TestRI(t, source, shift);
            default:
                return null;
        }
    }

    private abstract static class RR extends Insn {
        final byte target;
        final byte source;
        final byte shift;

        RR(byte target, byte source, byte shift) {
            this.target = target;
            this.source = source;
            this.shift = shift;
        }
    }

    private abstract static class RI extends Insn {
        final byte target;
        final byte shift;
        final long immediate;

        RI(byte target, long immediate, byte shift) {
            this.target = target;
            this.immediate = immediate;
            this.shift = shift;
        }
    }

    /** XOR of a register with itself. */
    private static final class Zero extends Insn {
        private final byte target;

        Zero(byte target) {
            this.target = target;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.gpr[target] = 0;
            s.flagsLogic(0);
            return true;
        }
    }

    /** TEST of a register with itself. */
    private static final class TestSelf extends Insn {
        private final byte target;
        private final byte shift;

        TestSelf(byte target, byte shift) {
            this.target = target;
            this.shift = shift;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.flagsLogic(s.gpr[target] << shift >> shift);
            return true;
        }
    }

    private static final class AddRR extends RR {
        AddRR(byte target, byte source, byte shift) {
            super(target, source, shift);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long[] g = s.gpr;
            long a = g[target] << shift >> shift;
            long b = g[source] << shift >> shift;
            long r = a + b << shift >> shift;
            g[target] = r << shift >>> shift;
            s.flagsAdd(a, b, r);
            return true;
        }
    }

    private static final class AddRI extends RI {
        AddRI(byte target, long immediate, byte shift) {
            super(target, immediate, shift);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long[] g = s.gpr;
            long a = g[target] << shift >> shift;
            long b = immediate;
            long r = a + b << shift >> shift;
            g[target] = r << shift >>> shift;
            s.flagsAdd(a, b, r);
            return true;
        }
    }

    private static final class SubRR extends RR {
        SubRR(byte target, byte source, byte shift) {
            super(target, source, shift);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long[] g = s.gpr;
            long a = g[target] << shift >> shift;
            long b = g[source] << shift >> shift;
            long r = a - b << shift >> shift;
            g[target] = r << shift >>> shift;
            s.flagsSub(a, b, r);
            return true;
        }
    }

    private static final class SubRI extends RI {
        SubRI(byte target, long immediate, byte shift) {
            super(target, immediate, shift);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long[] g = s.gpr;
            long a = g[target] << shift >> shift;
            long b = immediate;
            long r = a - b << shift >> shift;
            g[target] = r << shift >>> shift;
            s.flagsSub(a, b, r);
            return true;
        }
    }

    private static final class AndRR extends RR {
        AndRR(byte target, byte source, byte shift) {
            super(target, source, shift);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long[] g = s.gpr;
            long a = g[target] << shift >> shift;
            long b = g[source] << shift >> shift;
            long r = a & b;
            g[target] = r << shift >>> shift;
            s.flagsLogic(r);
            return true;
        }
    }

    private static final class AndRI extends RI {
        AndRI(byte target, long immediate, byte shift) {
            super(target, immediate, shift);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long[] g = s.gpr;
            long a = g[target] << shift >> shift;
            long b = immediate;
            long r = a & b;
            g[target] = r << shift >>> shift;
            s.flagsLogic(r);
            return true;
        }
    }

    private static final class OrRR extends RR {
        OrRR(byte target, byte source, byte shift) {
            super(target, source, shift);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long[] g = s.gpr;
            long a = g[target] << shift >> shift;
            long b = g[source] << shift >> shift;
            long r = a | b;
            g[target] = r << shift >>> shift;
            s.flagsLogic(r);
            return true;
        }
    }

    private static final class OrRI extends RI {
        OrRI(byte target, long immediate, byte shift) {
            super(target, immediate, shift);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long[] g = s.gpr;
            long a = g[target] << shift >> shift;
            long b = immediate;
            long r = a | b;
            g[target] = r << shift >>> shift;
            s.flagsLogic(r);
            return true;
        }
    }

    private static final class XorRR extends RR {
        XorRR(byte target, byte source, byte shift) {
            super(target, source, shift);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long[] g = s.gpr;
            long a = g[target] << shift >> shift;
            long b = g[source] << shift >> shift;
            long r = a ^ b;
            g[target] = r << shift >>> shift;
            s.flagsLogic(r);
            return true;
        }
    }

    private static final class XorRI extends RI {
        XorRI(byte target, long immediate, byte shift) {
            super(target, immediate, shift);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long[] g = s.gpr;
            long a = g[target] << shift >> shift;
            long b = immediate;
            long r = a ^ b;
            g[target] = r << shift >>> shift;
            s.flagsLogic(r);
            return true;
        }
    }

    private static final class CmpRR extends RR {
        CmpRR(byte target, byte source, byte shift) {
            super(target, source, shift);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long[] g = s.gpr;
            long a = g[target] << shift >> shift;
            long b = g[source] << shift >> shift;
            long r = a - b << shift >> shift;
            s.flagsSub(a, b, r);
            return true;
        }
    }

    private static final class CmpRI extends RI {
        CmpRI(byte target, long immediate, byte shift) {
            super(target, immediate, shift);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long a = s.gpr[target] << shift >> shift;
            long b = immediate;
            long r = a - b << shift >> shift;
            s.flagsSub(a, b, r);
            return true;
        }
    }

    private static final class TestRR extends RR {
        TestRR(byte target, byte source, byte shift) {
            super(target, source, shift);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long[] g = s.gpr;
            long a = g[target] << shift >> shift;
            long b = g[source] << shift >> shift;
            long r = a & b;
            s.flagsLogic(r);
            return true;
        }
    }

    private static final class TestRI extends RI {
        TestRI(byte target, long immediate, byte shift) {
            super(target, immediate, shift);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long a = s.gpr[target] << shift >> shift;
            long b = immediate;
            long r = a & b;
            s.flagsLogic(r);
            return true;
        }
    }
}
