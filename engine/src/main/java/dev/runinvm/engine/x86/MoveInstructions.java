package dev.runinvm.engine.x86;

/** MOV, MOVZX, MOVSX, MOVSXD, LEA, CMOVcc, MOVNTI, CBW and CWD families, BSWAP, MOVBE, XLAT. */
final class MoveInstructions {
    private MoveInstructions() {}

    /** Opcodes 88 and 89. */
    static Insn toRm(Decoder d) {
        int size = d.sizeByLowBit();
        if (d.isRegister()) {
            return registers(d.rm, d.reg, size, d);
        }
        switch (size) {
            case 8:
                return new Store64(d);
            case 4:
                return new Store32(d);
            default:
                return new StoreSmall(d, size);
        }
    }

    /** Opcodes 8A and 8B. */
    static Insn fromRm(Decoder d) {
        int size = d.sizeByLowBit();
        if (d.isRegister()) {
            return registers(d.reg, d.rm, size, d);
        }
        switch (size) {
            case 8:
                return new Load64(d);
            case 4:
                return new Load32(d);
            default:
                return new LoadSmall(d, size);
        }
    }

    /** MOVNTI (0F C3). */
    static Insn nonTemporal(Decoder d) {
        return d.size == 8 ? new Store64(d) : new Store32(d);
    }

    private static Insn registers(int target, int source, int size, Decoder d) {
        switch (size) {
            case 8:
                return new Move64(target, source);
            case 4:
                return new Move32(target, source);
            default:
                return new MoveSmall(d.code(target, size), d.code(source, size), size);
        }
    }

    /** Opcodes A0 to A3: accumulator and absolute address. */
    static Insn offset(Decoder d) {
        int size = d.sizeByLowBit();
        d.reg = CpuState.RAX;
        d.mod = 0;
        if ((d.op & 2) != 0) {
            return size == 8 ? new Store64(d) : size == 4 ? new Store32(d) : new StoreSmall(d, size);
        }
        return size == 8 ? new Load64(d) : size == 4 ? new Load32(d) : new LoadSmall(d, size);
    }

    /** Opcodes B0 to BF. */
    static Insn immediateToRegister(Decoder d) {
        int size = (d.op & 8) == 0 ? 1 : d.size;
        int register = d.opcodeRegister();
        if (size >= 4) {
            return new MoveImmediate(register, size == 8 ? d.immediate : d.immediate & 0xffff_ffffL);
        }
        return new MoveImmediateSmall(d.code(register, size), d.immediate, size);
    }

    /** Opcodes C6 and C7, /0. */
    static Insn immediateToRm(Decoder d) {
        int size = d.sizeByLowBit();
        if (!d.isRegister()) {
            return size == 8
                    ? new StoreImmediate64(d)
                    : size == 4 ? new StoreImmediate32(d) : new StoreImmediateSmall(d, size);
        }
        if (size >= 4) {
            return new MoveImmediate(d.rm, size == 8 ? d.immediate : d.immediate & 0xffff_ffffL);
        }
        return new MoveImmediateSmall(d.code(d.rm, size), d.immediate, size);
    }

    /** MOVZX: 0F B6 and B7. */
    static Insn zeroExtend(Decoder d) {
        int from = (d.op & 1) == 0 ? 1 : 2;
        if (d.size == 2) {
            return new ExtendTo16(d, from, false);
        }
        if (d.isRegister()) {
            int code = d.code(d.rm, from);
            return new ExtractRegister(d.reg, code & 15, code >> 4 << 3, from == 1 ? 0xff : 0xffff);
        }
        return from == 1 ? new LoadByte(d) : new LoadWord(d);
    }

    /** MOVSX: 0F BE and BF; MOVSXD: 63. */
    static Insn signExtend(Decoder d) {
        int from = d.op == 0x63 ? Math.min(4, d.size) : (d.op & 1) == 0 ? 1 : 2;
        if (d.size == 2) {
            return new ExtendTo16(d, from, true);
        }
        return new SignExtend(d, from);
    }

    static Insn lea(Decoder d) {
        switch (d.size) {
            case 8:
                return new Lea64(d);
            case 4:
                return new Lea32(d);
            default:
                return new Lea16(d);
        }
    }

    /** CMOVcc: 0F 40 to 4F. */
    static Insn conditional(Decoder d) {
        return new ConditionalMove(d);
    }

    /** CBW, CWDE, CDQE (98). */
    static Insn extendAccumulator(Decoder d) {
        int size = d.size;
        return new Insn() {
            @Override
            boolean exec(Cpu cpu) {
                Registers.set(cpu.s, CpuState.RAX, size, Registers.get(cpu.s, CpuState.RAX, size >> 1));
                return true;
            }
        };
    }

    /** CWD, CDQ, CQO (99). */
    static Insn extendToData(Decoder d) {
        int size = d.size;
        return new Insn() {
            @Override
            boolean exec(Cpu cpu) {
                Registers.set(cpu.s, CpuState.RDX, size, Registers.get(cpu.s, CpuState.RAX, size) >> 63);
                return true;
            }
        };
    }

    /** BSWAP: 0F C8 to CF; of 16 bits it gives zero, as processors do. */
    static Insn byteSwap(Decoder d) {
        int register = d.opcodeRegister();
        int size = d.size;
        return new Insn() {
            @Override
            boolean exec(Cpu cpu) {
                Registers.set(cpu.s, register, size, swap(cpu.s.gpr[register], size));
                return true;
            }
        };
    }

    private static long swap(long value, int size) {
        switch (size) {
            case 8:
                return Long.reverseBytes(value);
            case 4:
                return Integer.reverseBytes((int) value);
            default:
                return 0;
        }
    }

    /** MOVBE: 0F38 F0 loads, F1 stores. */
    static Insn swapped(Decoder d) {
        return new MoveSwapped(d);
    }

    /** XLAT (D7). */
    static Insn translate(Decoder d) {
        long mask = d.address32 ? 0xffff_ffffL : -1L;
        int segment = d.segment;
        return new Insn() {
            @Override
            boolean exec(Cpu cpu) {
                CpuState s = cpu.s;
                long offset = s.gpr[CpuState.RBX] + (s.gpr[CpuState.RAX] & 0xff) & mask;
                Registers.set8(s, CpuState.RAX, cpu.mmu.read8(offset + s.base[segment]));
                return true;
            }
        };
    }

    private static final class Move64 extends Insn {
        private final byte target;
        private final byte source;

        Move64(int target, int source) {
            this.target = (byte) target;
            this.source = (byte) source;
        }

        @Override
        boolean exec(Cpu cpu) {
            long[] g = cpu.s.gpr;
            g[target] = g[source];
            return true;
        }
    }

    private static final class Move32 extends Insn {
        private final byte target;
        private final byte source;

        Move32(int target, int source) {
            this.target = (byte) target;
            this.source = (byte) source;
        }

        @Override
        boolean exec(Cpu cpu) {
            long[] g = cpu.s.gpr;
            g[target] = g[source] & 0xffff_ffffL;
            return true;
        }
    }

    private static final class MoveSmall extends Insn {
        private final int target;
        private final int source;
        private final int size;

        MoveSmall(int target, int source, int size) {
            this.target = target;
            this.source = source;
            this.size = size;
        }

        @Override
        boolean exec(Cpu cpu) {
            Registers.set(cpu.s, target, size, Registers.get(cpu.s, source, size));
            return true;
        }
    }

    private static final class MoveImmediate extends Insn {
        private final int target;
        private final long value;

        MoveImmediate(int target, long value) {
            this.target = target;
            this.value = value;
        }

        @Override
        boolean exec(Cpu cpu) {
            cpu.s.gpr[target] = value;
            return true;
        }
    }

    private static final class MoveImmediateSmall extends Insn {
        private final int target;
        private final long value;
        private final int size;

        MoveImmediateSmall(int target, long value, int size) {
            this.target = target;
            this.value = value;
            this.size = size;
        }

        @Override
        boolean exec(Cpu cpu) {
            Registers.set(cpu.s, target, size, value);
            return true;
        }
    }

    private static final class Load64 extends MemInsn {
        private final byte target;

        Load64(Decoder d) {
            super(d);
            target = (byte) d.reg;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.gpr[target] = cpu.mmu.read64(linear(s));
            return true;
        }
    }

    private static final class Load32 extends MemInsn {
        private final byte target;

        Load32(Decoder d) {
            super(d);
            target = (byte) d.reg;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.gpr[target] = cpu.mmu.read32(linear(s));
            return true;
        }
    }

    private static final class LoadSmall extends MemInsn {
        private final int target;
        private final int size;

        LoadSmall(Decoder d, int size) {
            super(d);
            this.target = d.code(d.reg, size);
            this.size = size;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            Registers.set(s, target, size, RmInsn.load(cpu.mmu, linear(s), size));
            return true;
        }
    }

    private static final class LoadByte extends MemInsn {
        private final byte target;

        LoadByte(Decoder d) {
            super(d);
            target = (byte) d.reg;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.gpr[target] = cpu.mmu.read8(linear(s));
            return true;
        }
    }

    private static final class LoadWord extends MemInsn {
        private final byte target;

        LoadWord(Decoder d) {
            super(d);
            target = (byte) d.reg;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.gpr[target] = cpu.mmu.read16(linear(s));
            return true;
        }
    }

    private static final class Store64 extends MemInsn {
        private final byte source;

        Store64(Decoder d) {
            super(d);
            source = (byte) d.reg;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            cpu.mmu.write64(linear(s), s.gpr[source]);
            return true;
        }
    }

    private static final class Store32 extends MemInsn {
        private final byte source;

        Store32(Decoder d) {
            super(d);
            source = (byte) d.reg;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            cpu.mmu.write32(linear(s), s.gpr[source]);
            return true;
        }
    }

    private static final class StoreSmall extends MemInsn {
        private final int source;
        private final int size;

        StoreSmall(Decoder d, int size) {
            super(d);
            this.source = d.code(d.reg, size);
            this.size = size;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            if (size == 1) {
                cpu.mmu.write8(linear(s), Registers.get8(s, source));
            } else {
                cpu.mmu.write16(linear(s), s.gpr[source]);
            }
            return true;
        }
    }

    private static final class StoreImmediate64 extends MemInsn {
        private final long value;

        StoreImmediate64(Decoder d) {
            super(d);
            value = d.immediate;
        }

        @Override
        boolean exec(Cpu cpu) {
            cpu.mmu.write64(linear(cpu.s), value);
            return true;
        }
    }

    private static final class StoreImmediate32 extends MemInsn {
        private final int value;

        StoreImmediate32(Decoder d) {
            super(d);
            value = (int) d.immediate;
        }

        @Override
        boolean exec(Cpu cpu) {
            cpu.mmu.write32(linear(cpu.s), value);
            return true;
        }
    }

    private static final class StoreImmediateSmall extends MemInsn {
        private final int value;
        private final int size;

        StoreImmediateSmall(Decoder d, int size) {
            super(d);
            this.value = (int) d.immediate;
            this.size = size;
        }

        @Override
        boolean exec(Cpu cpu) {
            RmInsn.store(cpu.mmu, linear(cpu.s), size, value);
            return true;
        }
    }

    /** MOVZX between registers. */
    private static final class ExtractRegister extends Insn {
        private final byte target;
        private final byte source;
        private final byte shift;
        private final int mask;

        ExtractRegister(int target, int source, int shift, int mask) {
            this.target = (byte) target;
            this.source = (byte) source;
            this.shift = (byte) shift;
            this.mask = mask;
        }

        @Override
        boolean exec(Cpu cpu) {
            long[] g = cpu.s.gpr;
            g[target] = g[source] >>> shift & mask;
            return true;
        }
    }

    private static final class SignExtend extends RmInsn {
        private final byte target;
        private final byte shift;

        SignExtend(Decoder d, int from) {
            super(d, from);
            target = (byte) d.reg;
            shift = (byte) (d.size == 8 ? 0 : 32);
        }

        @Override
        boolean exec(Cpu cpu) {
            cpu.s.gpr[target] = get(cpu) << shift >>> shift;
            return true;
        }
    }

    /** MOVZX, MOVSX and MOVSXD with a 16-bit target. */
    private static final class ExtendTo16 extends RmInsn {
        private final int target;
        private final boolean signed;

        ExtendTo16(Decoder d, int from, boolean signed) {
            super(d, from);
            this.target = d.reg;
            this.signed = signed;
        }

        @Override
        boolean exec(Cpu cpu) {
            long value = get(cpu);
            Registers.set(cpu.s, target, 2, signed ? value : value & Registers.mask(size));
            return true;
        }
    }

    private static final class Lea64 extends MemInsn {
        private final byte target;

        Lea64(Decoder d) {
            super(d);
            target = (byte) d.reg;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.gpr[target] = offset(s);
            return true;
        }
    }

    private static final class Lea32 extends MemInsn {
        private final byte target;

        Lea32(Decoder d) {
            super(d);
            target = (byte) d.reg;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.gpr[target] = offset(s) & 0xffff_ffffL;
            return true;
        }
    }

    private static final class Lea16 extends MemInsn {
        private final int target;

        Lea16(Decoder d) {
            super(d);
            target = d.reg;
        }

        @Override
        boolean exec(Cpu cpu) {
            Registers.set(cpu.s, target, 2, offset(cpu.s));
            return true;
        }
    }

    /** The source is read, and the upper half of a 32-bit target cleared, whether or not the condition holds. */
    private static final class ConditionalMove extends RmInsn {
        private final int target;
        private final int condition;

        ConditionalMove(Decoder d) {
            super(d, d.size);
            target = d.reg;
            condition = d.op & 15;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long value = get(cpu);
            if (s.condition(condition)) {
                Registers.set(s, target, size, value);
            } else if (size == 4) {
                s.gpr[target] &= 0xffff_ffffL;
            }
            return true;
        }
    }

    private static final class MoveSwapped extends MemInsn {
        private final int register;
        private final int size;
        private final boolean store;

        MoveSwapped(Decoder d) {
            super(d);
            register = d.reg;
            size = d.size;
            store = (d.op & 1) != 0;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            if (store) {
                RmInsn.store(cpu.mmu, linear(s), size, reversed(s.gpr[register]));
            } else {
                Registers.set(s, register, size, reversed(RmInsn.load(cpu.mmu, linear(s), size)));
            }
            return true;
        }

        private long reversed(long value) {
            return size == 2 ? Short.reverseBytes((short) value) : swap(value, size);
        }
    }
}
