package dev.runinvm.engine.x86;

/**
 * MOVS, CMPS, STOS, LODS, SCAS, INS and OUTS. Repeated ones work in pieces of up to a page and may stop between
 * pieces, with the registers as they are then and RIP still on the instruction, for interrupts and for faults.
 */
final class StringInstructions {
    private StringInstructions() {}

    /** A4 to A7, AA to AF. */
    static Insn create(Decoder d) {
        switch (d.op & 0xfe) {
            case 0xa4:
                return new Movs(d);
            case 0xa6:
                return new Cmps(d);
            case 0xaa:
                return new Stos(d);
            case 0xac:
                return new Lods(d);
            default:
                return new Scas(d);
        }
    }

    /** 6C to 6F. */
    static Insn createPort(Decoder d) {
        return (d.op & 2) == 0 ? new Ins(d) : new Outs(d);
    }

    private abstract static class StringInsn extends Insn {
        final int size;
        /** 0, F2 or F3. */
        final int rep;

        private final int segment;
        private final boolean address32;
        private final long self;
        private final long next;

        StringInsn(Decoder d, int size) {
            this.size = size;
            rep = d.rep;
            segment = d.segment;
            address32 = d.address32;
            self = d.address;
            next = d.next;
            ends = rep != 0;
        }

        @Override
        final boolean exec(Cpu cpu) {
            if (rep == 0) {
                element(cpu);
                return true;
            }
            repeat(cpu);
            return false;
        }

        private void repeat(Cpu cpu) {
            CpuState s = cpu.s;
            do {
                long count = address32 ? s.gpr[CpuState.RCX] & 0xffff_ffffL : s.gpr[CpuState.RCX];
                if (count == 0) {
                    s.rip = next;
                    return;
                }
                int most = count < 0 ? Integer.MAX_VALUE >> 4 : (int) Math.min(count, Integer.MAX_VALUE >> 4);
                int done = bulkAllowed(s) ? bulk(cpu, most) : 0;
                boolean more = true;
                if (done == 0) {
                    more = element(cpu);
                    done = 1;
                }
                s.gpr[CpuState.RCX] = count - done;
                if (!more || count == done) {
                    s.rip = next;
                    return;
                }
            } while (!cpu.attention());
            s.rip = self;
        }

        private boolean bulkAllowed(CpuState s) {
            return !address32 && !s.controlFlag(CpuState.FLAG_DF);
        }

        /** Does one element and moves the index registers; answers whether a repetition goes on. */
        abstract boolean element(Cpu cpu);

        /** Does up to {@code most} elements, DF clear; answers how many, 0 to have {@link #element} called. */
        int bulk(Cpu cpu, int most) {
            return 0;
        }

        final long source(CpuState s) {
            long rsi = s.gpr[CpuState.RSI];
            return (address32 ? rsi & 0xffff_ffffL : rsi) + s.base[segment];
        }

        final long destination(CpuState s) {
            long rdi = s.gpr[CpuState.RDI];
            return address32 ? rdi & 0xffff_ffffL : rdi;
        }

        final void advance(CpuState s, int register, long bytes) {
            long value = s.gpr[register] + (s.controlFlag(CpuState.FLAG_DF) ? -bytes : bytes);
            s.gpr[register] = address32 ? value & 0xffff_ffffL : value;
        }
    }

    private static final class Movs extends StringInsn {
        Movs(Decoder d) {
            super(d, d.sizeByLowBit());
        }

        @Override
        boolean element(Cpu cpu) {
            CpuState s = cpu.s;
            long value = RmInsn.load(cpu.mmu, source(s), size);
            RmInsn.store(cpu.mmu, destination(s), size, value);
            advance(s, CpuState.RSI, size);
            advance(s, CpuState.RDI, size);
            return true;
        }

        @Override
        int bulk(Cpu cpu, int most) {
            CpuState s = cpu.s;
            int bytes = cpu.mmu.strings.copyForward(destination(s), source(s), most * size, size);
            s.gpr[CpuState.RSI] += bytes;
            s.gpr[CpuState.RDI] += bytes;
            return bytes / size;
        }
    }

    private static final class Stos extends StringInsn {
        Stos(Decoder d) {
            super(d, d.sizeByLowBit());
        }

        @Override
        boolean element(Cpu cpu) {
            CpuState s = cpu.s;
            RmInsn.store(cpu.mmu, destination(s), size, s.gpr[CpuState.RAX]);
            advance(s, CpuState.RDI, size);
            return true;
        }

        @Override
        int bulk(Cpu cpu, int most) {
            CpuState s = cpu.s;
            int done = cpu.mmu.strings.fill(destination(s), s.gpr[CpuState.RAX], size, most);
            s.gpr[CpuState.RDI] += (long) done * size;
            return done;
        }
    }

    private static final class Lods extends StringInsn {
        Lods(Decoder d) {
            super(d, d.sizeByLowBit());
        }

        @Override
        boolean element(Cpu cpu) {
            CpuState s = cpu.s;
            Registers.set(s, CpuState.RAX, size, RmInsn.load(cpu.mmu, source(s), size));
            advance(s, CpuState.RSI, size);
            return true;
        }
    }

    private static final class Scas extends StringInsn {
        Scas(Decoder d) {
            super(d, d.sizeByLowBit());
        }

        @Override
        boolean element(Cpu cpu) {
            CpuState s = cpu.s;
            long b = RmInsn.load(cpu.mmu, destination(s), size);
            long a = Registers.get(s, CpuState.RAX, size);
            advance(s, CpuState.RDI, size);
            s.flagsSub(a, b, Registers.extend(a - b, size));
            return (a == b) == (rep == 0xf3);
        }

        @Override
        int bulk(Cpu cpu, int most) {
            CpuState s = cpu.s;
            int skipped = cpu.mmu.strings.scan(destination(s), s.gpr[CpuState.RAX], size, most - 1, rep == 0xf3);
            s.gpr[CpuState.RDI] += (long) skipped * size;
            return skipped;
        }
    }

    private static final class Cmps extends StringInsn {
        Cmps(Decoder d) {
            super(d, d.sizeByLowBit());
        }

        @Override
        boolean element(Cpu cpu) {
            CpuState s = cpu.s;
            long a = RmInsn.load(cpu.mmu, source(s), size);
            long b = RmInsn.load(cpu.mmu, destination(s), size);
            advance(s, CpuState.RSI, size);
            advance(s, CpuState.RDI, size);
            s.flagsSub(a, b, Registers.extend(a - b, size));
            return (a == b) == (rep == 0xf3);
        }

        @Override
        int bulk(Cpu cpu, int most) {
            if (rep != 0xf3 || most == 1) {
                return 0;
            }
            CpuState s = cpu.s;
            int bytes = cpu.mmu.strings.compare(source(s), destination(s), (most - 1) * size, size);
            s.gpr[CpuState.RSI] += bytes;
            s.gpr[CpuState.RDI] += bytes;
            return bytes / size;
        }
    }

    private static int portSize(Decoder d) {
        return (d.op & 1) == 0 ? 1 : d.size == 2 ? 2 : 4;
    }

    private static final class Ins extends StringInsn {
        Ins(Decoder d) {
            super(d, portSize(d));
        }

        @Override
        boolean element(Cpu cpu) {
            CpuState s = cpu.s;
            int port = (int) s.gpr[CpuState.RDX] & 0xffff;
            long at = destination(s);
            SystemInstructions.checkPort(cpu, port, size);
            cpu.mmu.probe(at, size, true); // the device must not be read in vain
            RmInsn.store(cpu.mmu, at, size, SystemInstructions.in(cpu, port, size));
            advance(s, CpuState.RDI, size);
            return true;
        }
    }

    private static final class Outs extends StringInsn {
        Outs(Decoder d) {
            super(d, portSize(d));
        }

        @Override
        boolean element(Cpu cpu) {
            CpuState s = cpu.s;
            int port = (int) s.gpr[CpuState.RDX] & 0xffff;
            SystemInstructions.checkPort(cpu, port, size);
            SystemInstructions.out(cpu, port, size, (int) RmInsn.load(cpu.mmu, source(s), size));
            advance(s, CpuState.RSI, size);
            return true;
        }
    }
}
