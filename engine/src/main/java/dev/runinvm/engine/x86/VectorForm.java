package dev.runinvm.engine.x86;

import org.jspecify.annotations.Nullable;

/** SSE, AVX, MMX and x87: checks that the instruction set is switched on, then leaves the rest to the vector unit. */
final class VectorForm extends MemInsn implements VectorInsn {
    /** Which rules say whether it may execute (SDM vol. 3, 13.1 and 2.5). */
    enum Kind {
        X87,
        MMX,
        SSE,
        AVX
    }

    private final Kind kind;
    private final byte[] bytes;
    private final int modrmOffset;
    private final boolean hasMemory;
    private final long address;

    VectorForm(Decoder d, Kind kind) {
        super(scaled(d));
        this.kind = kind;
        this.bytes = d.bytes();
        this.modrmOffset = d.hasModrm ? d.modrmOffset : -1;
        this.hasMemory = d.hasModrm && !d.isRegister();
        this.address = d.address;
    }

    /** An EVEX displacement of one byte counts in operands; here those of full vectors and broadcasts. */
    private static Decoder scaled(Decoder d) {
        if (d.vex == 2 && d.mod == 1) {
            byte[] bytes = d.bytes();
            int third = bytes[d.modrmOffset - 2];
            boolean broadcast = (third & 0x10) != 0;
            d.displacement *= broadcast ? ((d.rex & 8) != 0 ? 8 : 4) : 16 << (third >> 5 & 3);
        }
        return d;
    }

    /** D8 to DF; the control instructions are done here. */
    static Insn x87(Decoder d) {
        if (d.isRegister()) {
            return x87Registers(d);
        }
        int key = d.op << 4 | d.group();
        switch (key) {
            case 0xd95:
                return SystemForms.memory(d, (cpu, at) -> XStateInstructions.fldcw(cpu, (int) cpu.mmu.read16(at)));
            case 0xd97:
                return SystemForms.memory(d, (cpu, at) -> cpu.mmu.write16(at, XStateInstructions.fnstcw(cpu)));
            case 0xdd7:
                return SystemForms.memory(d, (cpu, at) -> cpu.mmu.write16(at, XStateInstructions.fnstsw(cpu)));
            default:
                return new VectorForm(d, Kind.X87);
        }
    }

    private static Insn x87Registers(Decoder d) {
        int key = d.op << 8 | 0xc0 | d.group() << 3 | d.rm & 7;
        switch (key) {
            case 0xdbe2:
                return SystemForms.plain(XStateInstructions::fnclex);
            case 0xdbe3:
                return SystemForms.plain(XStateInstructions::fninit);
            case 0xdfe0:
                return SystemForms.plain(
                        cpu -> Registers.set(cpu.s, CpuState.RAX, 2, XStateInstructions.fnstsw(cpu)));
            default:
                return new VectorForm(d, Kind.X87);
        }
    }

    /** A vector instruction by its opcode; null if there is none. */
    static @Nullable Insn of(Decoder d) {
        if (d.vex != 0) {
            return new VectorForm(d, Kind.AVX);
        }
        return new VectorForm(d, isMmx(d) ? Kind.MMX : Kind.SSE);
    }

    private static boolean isMmx(Decoder d) {
        if (d.operand16 || d.rep != 0) {
            return false;
        }
        int op = d.op;
        return op >= 0x160 && op <= 0x17f || op >= 0x1d0 || op == 0x1c4 || op == 0x1c5;
    }

    @Override
    void exec(Cpu cpu) {
        CpuState s = cpu.s;
        switch (kind) {
            case X87:
                if ((s.cr0 & (CpuState.CR0_EM | CpuState.CR0_TS)) != 0) {
                    throw CpuException.of(CpuException.NM);
                }
                break;
            case MMX:
                check((s.cr0 & CpuState.CR0_EM) == 0, s);
                break;
            case SSE:
                checkSse(s);
                break;
            default:
                check((s.cr4 & CpuState.CR4_OSXSAVE) != 0 && (s.xcr0 & 6) == 6, s);
        }
        s.rip = address;
        cpu.vectorUnit.execute(cpu, this);
    }

    /** #UD or #NM if SSE instructions may not execute. */
    static void checkSse(CpuState s) {
        check((s.cr0 & CpuState.CR0_EM) == 0 && (s.cr4 & CpuState.CR4_OSFXSR) != 0, s);
    }

    private static void check(boolean enabled, CpuState s) {
        if (!enabled) {
            throw CpuException.of(CpuException.UD);
        }
        if ((s.cr0 & CpuState.CR0_TS) != 0) {
            throw CpuException.of(CpuException.NM);
        }
    }

    @Override
    public byte[] bytes() {
        return bytes;
    }

    @Override
    public int modrmOffset() {
        return modrmOffset;
    }

    @Override
    public boolean hasMemory() {
        return hasMemory;
    }

    @Override
    public long linearAddress(Cpu cpu) {
        return linear(cpu.s);
    }
}
