package dev.runinvm.engine.x86;

/** PUSH, POP, ENTER, LEAVE. The operand size is 8 bytes, or 2 with 66. RSP changes only after all accesses. */
final class StackInstructions {
    private StackInstructions() {}

    static int size(Decoder d) {
        return d.size == 2 ? 2 : 8;
    }

    /** 50 to 57. */
    static Insn push(Decoder d) {
        int register = d.opcodeRegister();
        return d.size == 2 ? new PushGeneral(2, register, 0) : new Push64(register);
    }

    /** 58 to 5F. */
    static Insn pop(Decoder d) {
        int register = d.opcodeRegister();
        return d.size == 2 ? new PopSmall(register) : new Pop64(register);
    }

    /** 68 and 6A. */
    static Insn pushImmediate(Decoder d) {
        return new PushGeneral(size(d), CpuState.NO_REGISTER, d.immediate);
    }

    /** FF /6. */
    static Insn pushRm(Decoder d) {
        return new PushRm(d, size(d));
    }

    /** 8F /0. */
    static Insn popRm(Decoder d) {
        return new PopRm(d, size(d));
    }

    /** C9. */
    static Insn leave(Decoder d) {
        int size = size(d);
        return new Insn() {
            @Override
            boolean exec(Cpu cpu) {
                CpuState s = cpu.s;
                long frame = s.gpr[CpuState.RBP];
                long value = RmInsn.load(cpu.mmu, frame, size);
                s.gpr[CpuState.RSP] = frame + size;
                Registers.set(s, CpuState.RBP, size, value);
                return true;
            }
        };
    }

    /** C8. */
    static Insn enter(Decoder d) {
        return new Enter(d, size(d));
    }

    static void push64(Cpu cpu, long value) {
        CpuState s = cpu.s;
        long top = s.gpr[CpuState.RSP] - 8;
        cpu.mmu.write64(top, value);
        s.gpr[CpuState.RSP] = top;
    }

    static void push(Cpu cpu, long value, int size) {
        CpuState s = cpu.s;
        long top = s.gpr[CpuState.RSP] - size;
        RmInsn.store(cpu.mmu, top, size, value);
        s.gpr[CpuState.RSP] = top;
    }

    private static final class Push64 extends Insn {
        private final byte register;

        Push64(int register) {
            this.register = (byte) register;
        }

        @Override
        boolean exec(Cpu cpu) {
            long[] g = cpu.s.gpr;
            long top = g[CpuState.RSP] - 8;
            cpu.mmu.write64(top, g[register]);
            g[CpuState.RSP] = top;
            return true;
        }
    }

    private static final class Pop64 extends Insn {
        private final byte register;

        Pop64(int register) {
            this.register = (byte) register;
        }

        @Override
        boolean exec(Cpu cpu) {
            long[] g = cpu.s.gpr;
            long top = g[CpuState.RSP];
            long value = cpu.mmu.read64(top);
            g[CpuState.RSP] = top + 8;
            g[register] = value;
            return true;
        }
    }

    private static final class PopSmall extends Insn {
        private final int register;

        PopSmall(int register) {
            this.register = register;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long top = s.gpr[CpuState.RSP];
            long value = cpu.mmu.read16(top);
            s.gpr[CpuState.RSP] = top + 2;
            Registers.set(s, register, 2, value);
            return true;
        }
    }

    private static final class PushGeneral extends Insn {
        private final int size;
        private final int register;
        private final long immediate;

        PushGeneral(int size, int register, long immediate) {
            this.size = size;
            this.register = register;
            this.immediate = immediate;
        }

        @Override
        boolean exec(Cpu cpu) {
            push(cpu, cpu.s.gpr[register] | immediate, size);
            return true;
        }
    }

    private static final class PushRm extends RmInsn {
        PushRm(Decoder d, int size) {
            super(d, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            push(cpu, get(cpu), size);
            return true;
        }
    }

    /** An address based on RSP is computed with the RSP after the pop (SDM vol. 2, POP). */
    private static final class PopRm extends RmInsn {
        PopRm(Decoder d, int size) {
            super(d, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long top = s.gpr[CpuState.RSP];
            long value = load(cpu.mmu, top, size);
            s.gpr[CpuState.RSP] = top + size;
            try {
                put(cpu, where(s), value);
            } catch (CpuException e) {
                s.gpr[CpuState.RSP] = top;
                throw e;
            }
            return true;
        }
    }

    private static final class Enter extends Insn {
        private final int size;
        private final int bytes;
        private final int level;

        Enter(Decoder d, int size) {
            this.size = size;
            this.bytes = (int) d.immediate & 0xffff;
            this.level = (int) (d.immediate >> 16) & 31;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long top = s.gpr[CpuState.RSP] - size;
            RmInsn.store(cpu.mmu, top, size, s.gpr[CpuState.RBP]);
            long frame = top;
            for (int i = 1; i < level; i++) {
                top -= size;
                long outer = RmInsn.load(cpu.mmu, s.gpr[CpuState.RBP] - (long) i * size, size);
                RmInsn.store(cpu.mmu, top, size, outer);
            }
            if (level > 0) {
                top -= size;
                RmInsn.store(cpu.mmu, top, size, frame);
            }
            top -= bytes;
            cpu.mmu.readRmw8(top);
            s.gpr[CpuState.RSP] = top;
            Registers.set(s, CpuState.RBP, size, frame);
            return true;
        }
    }
}
