package dev.runinvm.engine.x86;

/** ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, INC, DEC, NOT and NEG: chooses the form, and holds the general ones. */
final class AluInstructions {
    private AluInstructions() {}

    /** Opcodes 00 to 3D whose low three bits are 0 to 5. */
    static Insn binary(Decoder d) {
        int operation = d.op >> 3;
        int size = d.sizeByLowBit();
        switch (d.op & 7) {
            case 0:
            case 1:
                return registerToRm(d, operation, size);
            case 2:
            case 3:
                return rmToRegister(d, operation, size);
            default:
                return immediateToAccumulator(d, operation, size);
        }
    }

    /** Opcodes 80, 81 and 83. */
    static Insn immediate(Decoder d) {
        return immediateToRm(d, d.group(), d.sizeByLowBit());
    }

    /** Opcodes 84 and 85. */
    static Insn test(Decoder d) {
        return registerToRm(d, AluOperation.TEST, d.sizeByLowBit());
    }

    /** Opcodes A8, A9 and the immediate forms that imply the accumulator. */
    static Insn immediateToAccumulator(Decoder d, int operation, int size) {
        Insn special = size >= 4 ? AluRegister.immediate(operation, CpuState.RAX, d.immediate, size) : null;
        return special != null ? special : new Accumulator(d, operation, size);
    }

    /** TEST with an immediate: F6 and F7, /0 and /1. */
    static Insn immediateToRm(Decoder d, int operation, int size) {
        Insn special = null;
        if (d.isRegister()) {
            special = size >= 4 ? AluRegister.immediate(operation, d.rm, d.immediate, size) : null;
        } else if (operation == AluOperation.CMP) {
            special = size >= 4 ? new AluMemory.CmpMI(d, size) : size == 1 ? new AluMemory.CmpMI8(d) : null;
        } else if (operation == AluOperation.TEST) {
            special = size >= 4 ? new AluMemory.TestMI(d, size) : size == 1 ? new AluMemory.TestMI8(d) : null;
        }
        return special != null ? special : new RmImmediate(d, operation, size);
    }

    private static Insn registerToRm(Decoder d, int operation, int size) {
        Insn special = null;
        if (size >= 4) {
            if (d.isRegister()) {
                special = AluRegister.registers(operation, d.rm, d.reg, size);
            } else if (operation == AluOperation.CMP) {
                special = new AluMemory.CmpMR(d, size);
            } else if (operation == AluOperation.TEST) {
                special = AluMemory.load(d, operation, size);
            }
        }
        return special != null ? special : new RmRegister(d, operation, size);
    }

    private static Insn rmToRegister(Decoder d, int operation, int size) {
        Insn special = null;
        if (size >= 4) {
            special = d.isRegister()
                    ? AluRegister.registers(operation, d.reg, d.rm, size)
                    : AluMemory.load(d, operation, size);
        }
        return special != null ? special : new RegisterRm(d, operation, size);
    }

    /** INC and DEC: FE and FF, /0 and /1. */
    static Insn incDec(Decoder d, int size) {
        boolean down = d.group() == 1;
        if (d.isRegister() && size >= 4) {
            return down ? new DecR(d.rm, size) : new IncR(d.rm, size);
        }
        return new IncDec(d, size, down);
    }

    /** NOT and NEG: F6 and F7, /2 and /3. */
    static Insn notNeg(Decoder d, int size) {
        return d.group() == 2 ? new Not(d, size) : new Neg(d, size);
    }

    private static final class Accumulator extends Insn {
        private final int operation;
        private final int size;
        private final long immediate;

        Accumulator(Decoder d, int operation, int size) {
            this.operation = operation;
            this.size = size;
            this.immediate = d.immediate;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long a = Registers.get(s, CpuState.RAX, size);
            long r = AluOperation.apply(s, operation, a, immediate, size);
            if (!AluOperation.comparesOnly(operation)) {
                Registers.set(s, CpuState.RAX, size, r);
            }
            return true;
        }
    }

    private static final class RmImmediate extends RmInsn {
        private final int operation;
        private final long immediate;

        RmImmediate(Decoder d, int operation, int size) {
            super(d, size);
            this.operation = operation;
            this.immediate = d.immediate;
        }

        @Override
        boolean exec(Cpu cpu) {
            if (AluOperation.comparesOnly(operation)) {
                AluOperation.apply(cpu.s, operation, get(cpu), immediate, size);
                return true;
            }
            long at = where(cpu.s);
            long a = getForUpdate(cpu, at);
            put(cpu, at, AluOperation.apply(cpu.s, operation, a, immediate, size));
            return true;
        }
    }

    private static final class RmRegister extends RmInsn {
        private final int operation;
        private final int register;

        RmRegister(Decoder d, int operation, int size) {
            super(d, size);
            this.operation = operation;
            this.register = d.code(d.reg, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long b = Registers.get(s, register, size);
            if (AluOperation.comparesOnly(operation)) {
                AluOperation.apply(s, operation, get(cpu), b, size);
                return true;
            }
            long at = where(s);
            long a = getForUpdate(cpu, at);
            put(cpu, at, AluOperation.apply(s, operation, a, b, size));
            return true;
        }
    }

    private static final class RegisterRm extends RmInsn {
        private final int operation;
        private final int register;

        RegisterRm(Decoder d, int operation, int size) {
            super(d, size);
            this.operation = operation;
            this.register = d.code(d.reg, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long b = get(cpu);
            long r = AluOperation.apply(s, operation, Registers.get(s, register, size), b, size);
            if (!AluOperation.comparesOnly(operation)) {
                Registers.set(s, register, size, r);
            }
            return true;
        }
    }

    private static final class IncR extends Insn {
        private final byte register;
        private final byte shift;

        IncR(int register, int size) {
            this.register = (byte) register;
            this.shift = (byte) (size == 8 ? 0 : 32);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long a = s.gpr[register] << shift >> shift;
            long r = a + 1 << shift >> shift;
            s.gpr[register] = r << shift >>> shift;
            s.flagsResult(AluOperation.bits(s.cf(), (~a & r) < 0, a ^ r), r);
            return true;
        }
    }

    private static final class DecR extends Insn {
        private final byte register;
        private final byte shift;

        DecR(int register, int size) {
            this.register = (byte) register;
            this.shift = (byte) (size == 8 ? 0 : 32);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long a = s.gpr[register] << shift >> shift;
            long r = a - 1 << shift >> shift;
            s.gpr[register] = r << shift >>> shift;
            s.flagsResult(AluOperation.bits(s.cf(), (a & ~r) < 0, a ^ r), r);
            return true;
        }
    }

    private static final class IncDec extends RmInsn {
        private final boolean down;

        IncDec(Decoder d, int size, boolean down) {
            super(d, size);
            this.down = down;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long at = where(s);
            long a = getForUpdate(cpu, at);
            put(cpu, at, down ? AluOperation.dec(s, a, size) : AluOperation.inc(s, a, size));
            return true;
        }
    }

    private static final class Not extends RmInsn {
        Not(Decoder d, int size) {
            super(d, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            long at = where(cpu.s);
            put(cpu, at, ~getForUpdate(cpu, at));
            return true;
        }
    }

    private static final class Neg extends RmInsn {
        Neg(Decoder d, int size) {
            super(d, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            long at = where(cpu.s);
            long a = getForUpdate(cpu, at);
            put(cpu, at, AluOperation.neg(cpu.s, a, size));
            return true;
        }
    }
}
