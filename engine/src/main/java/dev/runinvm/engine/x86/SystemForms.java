package dev.runinvm.engine.x86;

import org.jspecify.annotations.Nullable;

/** Decoded forms of the system instructions; {@link SystemInstructions}, {@link FarControl} and others do the work. */
final class SystemForms {
    private SystemForms() {}

    /** What an instruction does. */
    interface Action {
        void run(Cpu cpu);
    }

    /** What an instruction does with the address of its memory operand. */
    interface MemoryAction {
        void run(Cpu cpu, long linear);
    }

    /** An instruction after which the block goes on. */
    static Insn plain(Action action) {
        return new Insn() {
            @Override
            boolean exec(Cpu cpu) {
                action.run(cpu);
                return true;
            }
        };
    }

    /** An instruction that ends its block; RIP is on the next one while it works. */
    static Insn ending(Decoder d, Action action) {
        long next = d.next;
        Insn insn = new Insn() {
            @Override
            boolean exec(Cpu cpu) {
                cpu.s.rip = next;
                action.run(cpu);
                return false;
            }
        };
        insn.ends = true;
        insn.leaves = true;
        return insn;
    }

    /** An instruction with a memory operand. */
    static Insn memory(Decoder d, MemoryAction action) {
        return new MemInsn(d) {
            @Override
            boolean exec(Cpu cpu) {
                action.run(cpu, linear(cpu.s));
                return true;
            }
        };
    }

    /** An instruction with a memory operand that ends its block. */
    static Insn endingMemory(Decoder d, MemoryAction action) {
        long next = d.next;
        Insn insn = new MemInsn(d) {
            @Override
            boolean exec(Cpu cpu) {
                cpu.s.rip = next;
                action.run(cpu, linear(cpu.s));
                return false;
            }
        };
        insn.ends = true;
        insn.leaves = true;
        return insn;
    }

    // -------------------------------------------------------------------------------------------- flags and control

    /** F5, F8 to FD. */
    static Insn flag(Decoder d) {
        switch (d.op) {
            case 0xf5:
                return plain(cpu -> cpu.s.setCarry(!cpu.s.cf()));
            case 0xf8:
                return plain(cpu -> cpu.s.setCarry(false));
            case 0xf9:
                return plain(cpu -> cpu.s.setCarry(true));
            case 0xfa:
                return plain(SystemInstructions::cli);
            case 0xfb:
                return ending(d, SystemInstructions::sti);
            case 0xfc:
                return plain(cpu -> cpu.s.setControlFlag(CpuState.FLAG_DF, false));
            default:
                return plain(cpu -> cpu.s.setControlFlag(CpuState.FLAG_DF, true));
        }
    }

    /** LAHF (9F) and SAHF (9E). */
    static Insn ahFlags(Decoder d) {
        if (d.op == 0x9f) {
            return plain(cpu -> Registers.set8(cpu.s, 16, cpu.s.rflags() & 0xd5 | 2));
        }
        return plain(cpu -> {
            CpuState s = cpu.s;
            s.setArithmetic(s.rflags() & CpuState.FLAG_OF | Registers.get8(s, 16) & 0xd5);
        });
    }

    static Insn pushFlags(Decoder d) {
        int size = StackInstructions.size(d);
        return plain(cpu -> StackInstructions.push(cpu, SystemInstructions.pushFlags(cpu), size));
    }

    static Insn popFlags(Decoder d) {
        int size = StackInstructions.size(d);
        return ending(d, cpu -> {
            CpuState s = cpu.s;
            long top = s.gpr[CpuState.RSP];
            long value = RmInsn.load(cpu.mmu, top, size) & Registers.mask(size);
            SystemInstructions.popFlags(cpu, value, size);
            s.gpr[CpuState.RSP] = top + size;
        });
    }

    /** CC, CD, CF, F1. */
    static Insn interrupt(Decoder d) {
        long next = d.next;
        int size = d.size;
        int vector = (int) d.immediate & 0xff;
        switch (d.op) {
            case 0xcc:
                return ending(d, cpu -> FarControl.int3(cpu, next));
            case 0xcd:
                return ending(d, cpu -> FarControl.interrupt(cpu, vector, next));
            case 0xcf:
                return ending(d, cpu -> FarControl.iret(cpu, size));
            default:
                return ending(d, cpu -> FarControl.int1(cpu, next));
        }
    }

    /** 0F 05, 07, 34, 35. */
    static Insn fastCall(Decoder d) {
        long next = d.next;
        int size = d.size;
        switch (d.op & 0xff) {
            case 0x05:
                return ending(d, cpu -> FarControl.syscall(cpu, next));
            case 0x07:
                return ending(d, cpu -> FarControl.sysret(cpu, size));
            case 0x34:
                return ending(d, FarControl::sysenter);
            default:
                return ending(d, cpu -> FarControl.sysexit(cpu, size));
        }
    }

    /** CA and CB. */
    static Insn farReturn(Decoder d) {
        int size = d.size;
        int bytes = d.op == 0xca ? (int) d.immediate : 0;
        return ending(d, cpu -> FarControl.farReturn(cpu, size, bytes));
    }

    /** FF /3 and /5: the selector follows an offset of the operand size. */
    static Insn farIndirect(Decoder d) {
        long next = d.next;
        int size = d.size;
        boolean call = d.group() == 3;
        return endingMemory(d, (cpu, at) -> {
            long offset = RmInsn.load(cpu.mmu, at, size) & Registers.mask(size);
            int selector = (int) cpu.mmu.read16(at + size);
            if (call) {
                FarControl.farCall(cpu, selector, offset, size, next);
            } else {
                FarControl.farJump(cpu, selector, offset);
            }
        });
    }

    // ----------------------------------------------------------------------------------------------------- segments

    /** MOV r/m, Sreg (8C): a register gets the operand size, memory 16 bits. */
    static Insn storeSegment(Decoder d) {
        int segment = d.group();
        return new StoreWord(d, cpu -> cpu.s.selector[segment]);
    }

    /** MOV Sreg, r/m (8E). */
    static Insn loadSegment(Decoder d) {
        int segment = d.group();
        return new LoadWord(d, (cpu, selector) -> {
            Segments.load(cpu, segment, selector);
            if (segment == CpuState.SS) {
                cpu.s.interruptShadow = true;
            }
        });
    }

    /** 0F A0 and A8. */
    static Insn pushSegment(Decoder d, int segment) {
        int size = StackInstructions.size(d);
        return plain(cpu -> StackInstructions.push(cpu, cpu.s.selector[segment], size));
    }

    /** 0F A1 and A9. */
    static Insn popSegment(Decoder d, int segment) {
        int size = StackInstructions.size(d);
        return ending(d, cpu -> {
            CpuState s = cpu.s;
            long top = s.gpr[CpuState.RSP];
            int selector = (int) RmInsn.load(cpu.mmu, top, size) & 0xffff;
            Segments.load(cpu, segment, selector);
            s.gpr[CpuState.RSP] = top + size;
        });
    }

    /** LSS, LFS, LGS: 0F B2, B4, B5. */
    static Insn loadFarPointer(Decoder d, int segment) {
        int size = d.size;
        int register = d.reg;
        return endingMemory(d, (cpu, at) -> {
            long offset = RmInsn.load(cpu.mmu, at, size);
            Segments.load(cpu, segment, (int) cpu.mmu.read16(at + size));
            Registers.set(cpu.s, register, size, offset);
        });
    }

    /** Gives a 16-bit value. */
    interface Source {
        long get(Cpu cpu);
    }

    /** Takes a 16-bit value. */
    interface Sink {
        void put(Cpu cpu, int value);
    }

    private static final class StoreWord extends RmInsn {
        private final Source source;
        private final int registerSize;

        StoreWord(Decoder d, Source source) {
            super(d, d.isRegister() ? d.size : 2);
            this.source = source;
            this.registerSize = d.size;
        }

        @Override
        boolean exec(Cpu cpu) {
            long at = where(cpu.s);
            put(cpu, at, inMemory() || registerSize == 2 ? source.get(cpu) & 0xffff : source.get(cpu));
            return true;
        }
    }

    private static final class LoadWord extends RmInsn {
        private final Sink sink;
        private final long next;

        LoadWord(Decoder d, Sink sink) {
            super(d, 2);
            this.sink = sink;
            this.next = d.next;
            ends = true;
            leaves = true;
        }

        @Override
        boolean exec(Cpu cpu) {
            int value = (int) get(cpu) & 0xffff;
            cpu.s.rip = next;
            sink.put(cpu, value);
            return false;
        }
    }

    // ----------------------------------------------------------------------------------------------- groups 6 and 7

    /** 0F 00; null if undefined. */
    static @Nullable Insn group6(Decoder d) {
        switch (d.group()) {
            case 0:
                return new StoreWord(d, SystemInstructions::sldt);
            case 1:
                return new StoreWord(d, SystemInstructions::str);
            case 2:
                return new LoadWord(d, SystemInstructions::lldt);
            case 3:
                return new LoadWord(d, SystemInstructions::ltr);
            case 4:
                return new LoadWord(d, (cpu, selector) -> setZero(cpu.s, SystemInstructions.verr(cpu, selector)));
            case 5:
                return new LoadWord(d, (cpu, selector) -> setZero(cpu.s, SystemInstructions.verw(cpu, selector)));
            default:
                return null;
        }
    }

    private static void setZero(CpuState s, boolean zero) {
        long flags = s.rflags() & ~CpuState.FLAG_ZF;
        s.setArithmetic(zero ? flags | CpuState.FLAG_ZF : flags);
    }

    /** 0F 01; null if undefined. */
    static @Nullable Insn group7(Decoder d) {
        if (d.isRegister() && d.group() != 4 && d.group() != 6) {
            return group7Registers(d);
        }
        switch (d.group()) {
            case 0:
                return memory(d, SystemInstructions::sgdt);
            case 1:
                return memory(d, SystemInstructions::sidt);
            case 2:
                return endingMemory(d, SystemInstructions::lgdt);
            case 3:
                return endingMemory(d, SystemInstructions::lidt);
            case 4:
                return new StoreWord(d, SystemInstructions::smsw);
            case 6:
                return new LoadWord(d, SystemInstructions::lmsw);
            case 7:
                return endingMemory(d, SystemInstructions::invlpg);
            default:
                return null;
        }
    }

    private static @Nullable Insn group7Registers(Decoder d) {
        switch (d.group() << 3 | d.rm & 7) {
            case 001:
                return ending(d, SystemInstructions::vmcall);
            case 010:
                return ending(d, SystemInstructions::monitor);
            case 011:
                return ending(d, SystemInstructions::mwait);
            case 012:
                return plain(SystemInstructions::clac);
            case 013:
                return plain(SystemInstructions::stac);
            case 020:
                return plain(SystemInstructions::xgetbv);
            case 021:
                return ending(d, SystemInstructions::xsetbv);
            case 031:
                return ending(d, SystemInstructions::vmcall);
            case 056:
                return plain(SystemInstructions::rdpkru);
            case 070:
                return plain(SystemInstructions::swapgs);
            case 071:
                return plain(SystemInstructions::rdtscp);
            default:
                return null;
        }
    }

    // ---------------------------------------------------------------------------- control registers, MSRs, LAR, LSL

    /** 0F 20 to 23; null if undefined. In 64-bit mode the operand is 8 bytes whatever the prefixes. */
    static @Nullable Insn controlRegister(Decoder d) {
        int n = d.reg;
        int register = d.rm;
        boolean debug = (d.op & 1) != 0;
        if (debug ? n > 7 : n == 1 || n > 4 && n != 8) {
            return null;
        }
        switch (d.op & 3) {
            case 0:
                return plain(cpu -> cpu.s.gpr[register] = SystemInstructions.readCr(cpu, n));
            case 1:
                return plain(cpu -> cpu.s.gpr[register] = SystemInstructions.readDr(cpu, n));
            case 2:
                return ending(d, cpu -> SystemInstructions.writeCr(cpu, n, cpu.s.gpr[register]));
            default:
                return ending(d, cpu -> SystemInstructions.writeDr(cpu, n, cpu.s.gpr[register]));
        }
    }

    /** LAR (0F 02) and LSL (0F 03): a negative answer says that the selector is not good for it. */
    static Insn segmentRights(Decoder d) {
        int size = d.size;
        int target = d.reg;
        boolean limit = (d.op & 1) != 0;
        return new LoadWord(d, (cpu, selector) -> {
            long value = limit ? SystemInstructions.lsl(cpu, selector) : SystemInstructions.lar(cpu, selector);
            if (value >= 0) {
                Registers.set(cpu.s, target, size, value);
            }
            setZero(cpu.s, value >= 0);
        });
    }

    /** IN and OUT: E4 to E7, EC to EF. */
    static Insn port(Decoder d) {
        int size = (d.op & 1) == 0 ? 1 : d.size == 2 ? 2 : 4;
        int fixed = (d.op & 8) == 0 ? (int) d.immediate & 0xff : -1;
        if ((d.op & 2) == 0) {
            return plain(cpu -> {
                int port = fixed >= 0 ? fixed : (int) cpu.s.gpr[CpuState.RDX] & 0xffff;
                Registers.set(cpu.s, CpuState.RAX, size, SystemInstructions.in(cpu, port, size));
            });
        }
        return ending(d, cpu -> {
            int port = fixed >= 0 ? fixed : (int) cpu.s.gpr[CpuState.RDX] & 0xffff;
            SystemInstructions.out(cpu, port, size, (int) cpu.s.gpr[CpuState.RAX]);
        });
    }

    /** INVPCID (66 0F38 82). */
    static @Nullable Insn invpcid(Decoder d) {
        int register = d.reg;
        return endingMemory(d, (cpu, at) -> SystemInstructions.invpcid(cpu, cpu.s.gpr[register], at));
    }

    // ----------------------------------------------------------------------------------------------- groups 15 and 9

    /** 0F AE; null if undefined. */
    static @Nullable Insn group15(Decoder d) {
        return d.isRegister() ? group15Registers(d) : group15Memory(d);
    }

    private static @Nullable Insn group15Registers(Decoder d) {
        int register = d.rm;
        int size = d.size == 8 ? 8 : 4;
        if (d.rep == 0 && !d.operand16) {
            return d.group() >= 5 ? new Nop() : null;
        }
        if (d.rep != 0xf3) {
            return null;
        }
        switch (d.group()) {
            case 0:
                return plain(cpu -> Registers.set(cpu.s, register, size, SystemInstructions.readFsBase(cpu)));
            case 1:
                return plain(cpu -> Registers.set(cpu.s, register, size, SystemInstructions.readGsBase(cpu)));
            case 2:
                return plain(cpu -> SystemInstructions.writeFsBase(cpu, cpu.s.gpr[register] & Registers.mask(size)));
            case 3:
                return plain(cpu -> SystemInstructions.writeGsBase(cpu, cpu.s.gpr[register] & Registers.mask(size)));
            default:
                return null;
        }
    }

    private static @Nullable Insn group15Memory(Decoder d) {
        boolean wide = d.size == 8;
        if (d.operand16) {
            return d.rep == 0 && d.group() >= 6 ? memory(d, SystemInstructions::clflush) : null;
        }
        if (d.rep != 0) {
            return null;
        }
        switch (d.group()) {
            case 0:
                return memory(d, (cpu, at) -> XStateInstructions.fxsave(cpu, at, wide));
            case 1:
                return memory(d, (cpu, at) -> XStateInstructions.fxrstor(cpu, at, wide));
            case 2:
                return memory(d, (cpu, at) -> {
                    VectorForm.Kind.SSE.check(cpu.s);
                    XStateInstructions.ldmxcsr(cpu, (int) cpu.mmu.read32(at));
                });
            case 3:
                return memory(d, (cpu, at) -> {
                    VectorForm.Kind.SSE.check(cpu.s);
                    cpu.mmu.write32(at, XStateInstructions.stmxcsr(cpu));
                });
            case 4:
                return memory(d, (cpu, at) -> XStateInstructions.xsave(cpu, at, wide));
            case 5:
                return memory(d, (cpu, at) -> XStateInstructions.xrstor(cpu, at, wide));
            case 6:
                return memory(d, (cpu, at) -> XStateInstructions.xsaveopt(cpu, at, wide));
            default:
                return memory(d, SystemInstructions::clflush);
        }
    }

    /** 0F C7; null if undefined, and for RDPID, which this processor has not. */
    static @Nullable Insn group9(Decoder d) {
        if (!d.isRegister()) {
            return d.group() == 1 ? AtomicInstructions.compareExchangeWide(d) : null;
        }
        int register = d.rm;
        int size = d.size;
        if (d.group() < 6 || d.rep != 0) {
            return null;
        }
        return plain(cpu -> {
            Registers.set(cpu.s, register, size, cpu.random.next());
            cpu.s.setArithmetic(CpuState.FLAG_CF);
        });
    }

    /** NOP, PAUSE, ENDBR, PREFETCH, the fences: nothing is reordered here. */
    static final class Nop extends Insn {
        @Override
        boolean exec(Cpu cpu) {
            return true;
        }
    }

    /** Faults whenever it is executed. */
    static final class Fault extends Insn {
        private final int vector;

        Fault(int vector) {
            this.vector = vector;
            ends = true;
        }

        @Override
        boolean exec(Cpu cpu) {
            throw vector == CpuException.GP ? CpuException.of(vector, 0) : CpuException.of(vector);
        }
    }
}
