package dev.runinvm.engine.x86;

import org.jspecify.annotations.Nullable;

/** The common forms of the binary operations with one operand in memory. */
final class AluMemory {
    private AluMemory() {}

    /** Register op= memory, CMP register with memory, TEST of both; null for ADC and SBB. */
    static @Nullable Insn load(Decoder d, int operation, int size) {
        switch (operation) {
            case AluOperation.ADD:
                return new AddRM(d, size);
            case AluOperation.OR:
                return new OrRM(d, size);
            case AluOperation.AND:
                return new AndRM(d, size);
            case AluOperation.SUB:
                return new SubRM(d, size);
            case AluOperation.XOR:
                return new XorRM(d, size);
            case AluOperation.CMP:
                return new CmpRM(d, size);
            case AluOperation.TEST:
                return new TestMR(d, size);
            default:
                return null;
        }
    }

    /** An operand of 4 or 8 bytes in memory and a register. */
    private abstract static class Loading extends MemInsn {
        final byte register;
        private final byte shift;

        Loading(Decoder d, int size) {
            super(d);
            register = (byte) d.reg;
            shift = (byte) (size == 8 ? 0 : 32);
        }

        final long register(CpuState s) {
            return s.gpr[register] << shift >> shift;
        }

        final long memory(Cpu cpu) {
            long linear = linear(cpu.s);
            return shift == 0 ? cpu.mmu.read64(linear) : (int) cpu.mmu.read32(linear);
        }

        final long extend(long value) {
            return value << shift >> shift;
        }

        final void set(CpuState s, long value) {
            s.gpr[register] = value << shift >>> shift;
        }
    }

    /** CMP memory, register. */
    static final class CmpMR extends Loading {
        CmpMR(Decoder d, int size) {
            super(d, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long a = memory(cpu);
            long b = register(s);
            s.flagsSub(a, b, extend(a - b));
            return true;
        }
    }

    /** CMP memory, immediate. */
    static final class CmpMI extends Loading {
        private final long immediate;

        CmpMI(Decoder d, int size) {
            super(d, size);
            immediate = d.immediate;
        }

        @Override
        boolean exec(Cpu cpu) {
            long a = memory(cpu);
            cpu.s.flagsSub(a, immediate, extend(a - immediate));
            return true;
        }
    }

    /** TEST memory, immediate. */
    static final class TestMI extends Loading {
        private final long immediate;

        TestMI(Decoder d, int size) {
            super(d, size);
            immediate = d.immediate;
        }

        @Override
        boolean exec(Cpu cpu) {
            cpu.s.flagsLogic(memory(cpu) & immediate);
            return true;
        }
    }

    /** CMP of a byte in memory with an immediate. */
    static final class CmpMI8 extends MemInsn {
        private final long immediate;

        CmpMI8(Decoder d) {
            super(d);
            immediate = d.immediate;
        }

        @Override
        boolean exec(Cpu cpu) {
            long a = (byte) cpu.mmu.read8(linear(cpu.s));
            cpu.s.flagsSub(a, immediate, (byte) (a - immediate));
            return true;
        }
    }

    /** TEST of a byte in memory with an immediate. */
    static final class TestMI8 extends MemInsn {
        private final long immediate;

        TestMI8(Decoder d) {
            super(d);
            immediate = d.immediate;
        }

        @Override
        boolean exec(Cpu cpu) {
            cpu.s.flagsLogic((byte) cpu.mmu.read8(linear(cpu.s)) & immediate);
            return true;
        }
    }

    private static final class AddRM extends Loading {
        AddRM(Decoder d, int size) {
            super(d, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long b = memory(cpu);
            long a = register(s);
            long r = extend(a + b);
            set(s, r);
            s.flagsAdd(a, b, r);
            return true;
        }
    }

    private static final class OrRM extends Loading {
        OrRM(Decoder d, int size) {
            super(d, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long b = memory(cpu);
            long a = register(s);
            long r = a | b;
            set(s, r);
            s.flagsLogic(r);
            return true;
        }
    }

    private static final class AndRM extends Loading {
        AndRM(Decoder d, int size) {
            super(d, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long b = memory(cpu);
            long a = register(s);
            long r = a & b;
            set(s, r);
            s.flagsLogic(r);
            return true;
        }
    }

    private static final class SubRM extends Loading {
        SubRM(Decoder d, int size) {
            super(d, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long b = memory(cpu);
            long a = register(s);
            long r = extend(a - b);
            set(s, r);
            s.flagsSub(a, b, r);
            return true;
        }
    }

    private static final class XorRM extends Loading {
        XorRM(Decoder d, int size) {
            super(d, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long b = memory(cpu);
            long a = register(s);
            long r = a ^ b;
            set(s, r);
            s.flagsLogic(r);
            return true;
        }
    }

    private static final class CmpRM extends Loading {
        CmpRM(Decoder d, int size) {
            super(d, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long b = memory(cpu);
            long a = register(s);
            long r = extend(a - b);
            s.flagsSub(a, b, r);
            return true;
        }
    }

    private static final class TestMR extends Loading {
        TestMR(Decoder d, int size) {
            super(d, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.flagsLogic(memory(cpu) & register(s));
            return true;
        }
    }
}
