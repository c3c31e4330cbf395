package dev.runinvm.engine.x86;

/** SSE, AVX, MMX and x87: checks that the instruction set is switched on, then leaves the rest to the vector unit. */
final class VectorForm extends MemInsn implements VectorInsn {
    /** Which rules say whether it may execute (SDM vol. 3, 13.1 and 2.5). */
    enum Kind {
        X87,
        MMX,
        SSE,
        AVX,
        AVX512;

        private static final long XCR0_AVX = 6;
        private static final long XCR0_AVX512 = 0xe6;

        /** #UD or #NM if the instruction set is not switched on. */
        void check(CpuState s) {
            boolean enabled;
            switch (this) {
                case X87:
                    enabled = true;
                    break;
                case MMX:
                    enabled = (s.cr0 & CpuState.CR0_EM) == 0;
                    break;
                case SSE:
                    enabled = (s.cr0 & CpuState.CR0_EM) == 0 && (s.cr4 & CpuState.CR4_OSFXSR) != 0;
                    break;
                default:
                    long needed = this == AVX ? XCR0_AVX : XCR0_AVX512;
                    enabled = (s.cr4 & CpuState.CR4_OSXSAVE) != 0 && (s.xcr0 & needed) == needed;
            }
            if (!enabled) {
                throw CpuException.of(CpuException.UD);
            }
            long unavailable = this == X87 ? CpuState.CR0_TS | CpuState.CR0_EM : CpuState.CR0_TS;
            if ((s.cr0 & unavailable) != 0) {
                throw CpuException.of(CpuException.NM);
            }
        }
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

    /** An EVEX displacement of one byte counts in operands. */
    static Decoder scaled(Decoder d) {
        if (d.vex == 2 && d.mod == 1 && !d.scaled) {
            d.scaled = true;
            byte[] bytes = d.bytes();
            d.displacement *= EvexDisplacement.factor(d, bytes[d.modrmOffset - 2]);
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
                return SystemForms.plain(cpu -> Registers.set(cpu.s, CpuState.RAX, 2, XStateInstructions.fnstsw(cpu)));
            default:
                return new VectorForm(d, Kind.X87);
        }
    }

    /** A vector instruction by its opcode. */
    static Insn of(Decoder d) {
        Insn known = VectorInstructions.of(d);
        if (known != null) {
            return known;
        }
        if (d.vex != 0) {
            return new VectorForm(d, d.vex == 1 ? Kind.AVX : Kind.AVX512);
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
    boolean exec(Cpu cpu) {
        kind.check(cpu.s);
        cpu.s.rip = address;
        cpu.vectorUnit.execute(cpu, this);
        return true;
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
