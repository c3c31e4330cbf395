package dev.runinvm.engine.x86;

/**
 * XCHG, XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B. While ring 0 is interpreted nothing else of a one-processor guest runs, so
 * a read and a write make an atomic operation.
 */
final class AtomicInstructions {
    private AtomicInstructions() {}

    /** 86 and 87. */
    static Insn exchange(Decoder d) {
        return new Exchange(d, d.sizeByLowBit());
    }

    /** 91 to 97, and 90 with REX.B: accumulator and register. */
    static Insn exchangeAccumulator(Decoder d) {
        int register = d.opcodeRegister();
        int size = d.size;
        return new Insn() {
            @Override
            boolean exec(Cpu cpu) {
                CpuState s = cpu.s;
                long a = s.gpr[CpuState.RAX];
                Registers.set(s, CpuState.RAX, size, s.gpr[register]);
                Registers.set(s, register, size, a);
                return true;
            }
        };
    }

    /** 0F C0 and C1. */
    static Insn exchangeAdd(Decoder d) {
        return new ExchangeAdd(d, d.sizeByLowBit());
    }

    /** 0F B0 and B1. */
    static Insn compareExchange(Decoder d) {
        return new CompareExchange(d, d.sizeByLowBit());
    }

    /** 0F C7 /1 with memory. */
    static Insn compareExchangeWide(Decoder d) {
        return d.size == 8 ? new CompareExchange16(d) : new CompareExchange8(d);
    }

    private static final class Exchange extends RmInsn {
        private final int register;

        Exchange(Decoder d, int size) {
            super(d, size);
            register = d.code(d.reg, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long at = where(s);
            long a = getForUpdate(cpu, at);
            put(cpu, at, Registers.get(s, register, size));
            Registers.set(s, register, size, a);
            return true;
        }
    }

    private static final class ExchangeAdd extends RmInsn {
        private final int register;

        ExchangeAdd(Decoder d, int size) {
            super(d, size);
            register = d.code(d.reg, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long at = where(s);
            long a = getForUpdate(cpu, at);
            long b = Registers.get(s, register, size);
            long r = Registers.extend(a + b, size);
            if (inMemory()) {
                put(cpu, at, r);
                Registers.set(s, register, size, a);
            } else {
                Registers.set(s, register, size, a);
                put(cpu, at, r); // the sum wins if both are the same register
            }
            s.flagsAdd(a, b, r);
            return true;
        }
    }

    private static final class CompareExchange extends RmInsn {
        private final int register;

        CompareExchange(Decoder d, int size) {
            super(d, size);
            register = d.code(d.reg, size);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long at = where(s);
            long a = Registers.get(s, CpuState.RAX, size);
            long b = getForUpdate(cpu, at);
            if (a == b) {
                put(cpu, at, Registers.get(s, register, size));
            } else {
                Registers.set(s, CpuState.RAX, size, b);
            }
            s.flagsSub(a, b, Registers.extend(a - b, size));
            return true;
        }
    }

    private static void setZero(CpuState s, boolean zero) {
        long flags = s.rflags() & ~CpuState.FLAG_ZF;
        s.setArithmetic(zero ? flags | CpuState.FLAG_ZF : flags);
    }

    private static final class CompareExchange8 extends MemInsn {
        CompareExchange8(Decoder d) {
            super(d);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long at = linear(s);
            long expected = s.gpr[CpuState.RAX] & 0xffff_ffffL | s.gpr[CpuState.RDX] << 32;
            long found = cpu.mmu.readRmw64(at);
            boolean equal = found == expected;
            if (equal) {
                cpu.mmu.write64(at, s.gpr[CpuState.RBX] & 0xffff_ffffL | s.gpr[CpuState.RCX] << 32);
            } else {
                cpu.mmu.write64(at, found);
                s.gpr[CpuState.RAX] = found & 0xffff_ffffL;
                s.gpr[CpuState.RDX] = found >>> 32;
            }
            setZero(s, equal);
            return true;
        }
    }

    private static final class CompareExchange16 extends MemInsn {
        CompareExchange16(Decoder d) {
            super(d);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long at = linear(s);
            if ((at & 15) != 0) {
                throw CpuException.of(CpuException.GP, 0);
            }
            long low = cpu.mmu.readRmw64(at);
            long high = cpu.mmu.readRmw64(at + 8);
            boolean equal = low == s.gpr[CpuState.RAX] && high == s.gpr[CpuState.RDX];
            if (equal) {
                cpu.mmu.write64(at, s.gpr[CpuState.RBX]);
                cpu.mmu.write64(at + 8, s.gpr[CpuState.RCX]);
            } else {
                s.gpr[CpuState.RAX] = low;
                s.gpr[CpuState.RDX] = high;
            }
            setZero(s, equal);
            return true;
        }
    }
}
