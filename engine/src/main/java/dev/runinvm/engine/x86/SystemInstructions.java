package dev.runinvm.engine.x86;

import dev.runinvm.engine.x86.AddressSpaceListener.Flush;
import static dev.runinvm.engine.x86.CpuState.FLAG_AC;
import static dev.runinvm.engine.x86.CpuState.FLAG_IF;
import static dev.runinvm.engine.x86.CpuState.FLAG_IOPL;
import static dev.runinvm.engine.x86.CpuState.FS;
import static dev.runinvm.engine.x86.CpuState.GS;
import static dev.runinvm.engine.x86.CpuState.RAX;
import static dev.runinvm.engine.x86.CpuState.RCX;
import static dev.runinvm.engine.x86.CpuState.RDX;

/**
 * Privileged and system instructions in 64-bit mode. Operands come decoded; RIP is the caller's business. Each checks
 * the privilege level itself and throws {@link CpuException} with the state unchanged.
 */
final class SystemInstructions {
    private static final long DR6_FIXED = 0xffff_0ff0L;
    private static final long DR6_WRITABLE = 0xe00fL;
    private static final long DR7_FIXED = 0x400;
    private static final long DR7_WRITABLE = 0xffff_23ffL;
    private static final long DR7_GD = 1 << 13;
    private static final long DR6_BD = 1 << 13;

    private static final int IO_BITMAP_BASE = 0x66;

    /** CF PF AF ZF SF TF DF OF NT AC ID: what POPF may change at any level. */
    private static final long POPF_ALWAYS = 0x24_4dd5;

    private SystemInstructions() {}

    static void requireCpl0(Cpu cpu) {
        if (cpu.s.cpl != 0) {
            throw generalProtection();
        }
    }

    private static CpuException generalProtection() {
        return CpuException.of(CpuException.GP, 0);
    }

    private static CpuException undefined() {
        return CpuException.of(CpuException.UD);
    }

    // --------------------------------------------------------------------------------------- control registers

    /** MOV r64, CRn. */
    static long readCr(Cpu cpu, int n) {
        CpuState s = cpu.s;
        if (n != 0 && n != 2 && n != 3 && n != 4 && n != 8) {
            throw undefined();
        }
        requireCpl0(cpu);
        return switch (n) {
            case 0 -> s.cr0;
            case 2 -> s.cr2;
            case 3 -> s.cr3;
            case 4 -> s.cr4;
            default -> s.cr8;
        };
    }

    /** MOV CRn, r64. */
    static void writeCr(Cpu cpu, int n, long value) {
        CpuState s = cpu.s;
        if (n != 0 && n != 2 && n != 3 && n != 4 && n != 8) {
            throw undefined();
        }
        requireCpl0(cpu);
        switch (n) {
            case 0 -> ControlRegisters.writeCr0(cpu, value);
            case 2 -> s.cr2 = value;
            case 3 -> ControlRegisters.writeCr3(cpu, value);
            case 4 -> ControlRegisters.writeCr4(cpu, value);
            default -> {
                if ((value & ~15L) != 0) {
                    throw generalProtection();
                }
                s.cr8 = value; // a task priority, which without a local APIC nothing looks at
            }
        }
    }

    /** SMSW; the caller cuts the value to its operand's size. */
    static long smsw(Cpu cpu) {
        return cpu.s.cr0;
    }

    /** LMSW: PE, MP, EM and TS, of which PE cannot be cleared. */
    static void lmsw(Cpu cpu, int value) {
        requireCpl0(cpu);
        cpu.s.cr0 = cpu.s.cr0 & ~0xeL | value & 0xf;
    }

    static void clts(Cpu cpu) {
        requireCpl0(cpu);
        cpu.s.cr0 &= ~CpuState.CR0_TS;
    }

    private static int debugRegister(Cpu cpu, int n) {
        CpuState s = cpu.s;
        boolean extensions = (s.cr4 & 1 << 3) != 0;
        if (n > 7 || extensions && (n == 4 || n == 5)) {
            throw undefined();
        }
        requireCpl0(cpu);
        if ((s.dr[7] & DR7_GD) != 0) {
            s.dr[6] |= DR6_BD;
            throw CpuException.of(CpuException.DB);
        }
        return n == 4 || n == 5 ? n + 2 : n;
    }

    /** MOV r64, DRn. */
    static long readDr(Cpu cpu, int n) {
        int dr = debugRegister(cpu, n);
        long value = cpu.s.dr[dr];
        return dr == 6 ? value | DR6_FIXED : dr == 7 ? value | DR7_FIXED : value;
    }

    /** MOV DRn, r64. Breakpoints are kept but never hit. */
    static void writeDr(Cpu cpu, int n, long value) {
        int dr = debugRegister(cpu, n);
        if (dr >= 6 && value >>> 32 != 0) {
            throw generalProtection();
        }
        cpu.s.dr[dr] = dr == 6 ? value & DR6_WRITABLE | DR6_FIXED : dr == 7 ? value & DR7_WRITABLE | DR7_FIXED : value;
    }

    static void xgetbv(Cpu cpu) {
        CpuState s = cpu.s;
        if ((s.cr4 & CpuState.CR4_OSXSAVE) == 0) {
            throw undefined();
        }
        if ((int) s.gpr[RCX] != 0) {
            throw generalProtection();
        }
        setEdxEax(s, s.xcr0);
    }

    static void xsetbv(Cpu cpu) {
        CpuState s = cpu.s;
        if ((s.cr4 & CpuState.CR4_OSXSAVE) == 0) {
            throw undefined();
        }
        requireCpl0(cpu);
        long value = edxEax(s);
        if ((int) s.gpr[RCX] != 0 || !cpu.cpuid.xcr0Valid(value)) {
            throw generalProtection();
        }
        s.xcr0 = value;
    }

    static long edxEax(CpuState s) {
        return s.gpr[RDX] << 32 | s.gpr[RAX] & 0xffff_ffffL;
    }

    static void setEdxEax(CpuState s, long value) {
        s.gpr[RAX] = value & 0xffff_ffffL;
        s.gpr[RDX] = value >>> 32;
    }

    // ---------------------------------------------------------------------------------------- descriptor tables

    /** LGDT m16:64. */
    static void lgdt(Cpu cpu, long linear) {
        requireCpl0(cpu);
        int limit = (int) cpu.mmu.read16(linear);
        long base = cpu.mmu.read64(linear + 2);
        if (!Mmu.canonical(base)) {
            throw generalProtection();
        }
        cpu.s.gdtrLimit = limit;
        cpu.s.gdtrBase = base;
    }

    /** LIDT m16:64. */
    static void lidt(Cpu cpu, long linear) {
        requireCpl0(cpu);
        int limit = (int) cpu.mmu.read16(linear);
        long base = cpu.mmu.read64(linear + 2);
        if (!Mmu.canonical(base)) {
            throw generalProtection();
        }
        cpu.s.idtrLimit = limit;
        cpu.s.idtrBase = base;
    }

    static void sgdt(Cpu cpu, long linear) {
        storeTable(cpu, linear, cpu.s.gdtrLimit, cpu.s.gdtrBase);
    }

    static void sidt(Cpu cpu, long linear) {
        storeTable(cpu, linear, cpu.s.idtrLimit, cpu.s.idtrBase);
    }

    private static void storeTable(Cpu cpu, long linear, int limit, long base) {
        cpu.mmu.probe(linear, 10, true);
        cpu.mmu.write16(linear, limit);
        cpu.mmu.write64(linear + 2, base);
    }

    static int sldt(Cpu cpu) {
        return cpu.s.ldtrSelector;
    }

    static int str(Cpu cpu) {
        return cpu.s.trSelector;
    }

    static void lldt(Cpu cpu, int selector) {
        requireCpl0(cpu);
        CpuState s = cpu.s;
        int sel = selector & 0xffff;
        if (Segments.isNull(sel)) {
            s.ldtrSelector = sel;
            s.ldtrBase = 0;
            s.ldtrLimit = 0;
            return;
        }
        long raw = systemDescriptor(cpu, sel, 2);
        long high = cpu.mmu.readSystem(Segments.entry(s, sel, 16) + 8, 8);
        s.ldtrBase = Segments.base(raw) | high << 32;
        s.ldtrLimit = Segments.limit(raw);
        s.ldtrSelector = sel;
    }

    static void ltr(Cpu cpu, int selector) {
        requireCpl0(cpu);
        CpuState s = cpu.s;
        int sel = selector & 0xffff;
        if (Segments.isNull(sel)) {
            throw generalProtection();
        }
        long raw = systemDescriptor(cpu, sel, 9);
        long at = Segments.entry(s, sel, 16);
        long high = cpu.mmu.readSystem(at + 8, 8);
        long base = Segments.base(raw) | high << 32;
        if (!Mmu.canonical(base)) {
            throw CpuException.of(CpuException.GP, sel & 0xfffc);
        }
        int busy = 2;
        cpu.mmu.writeSystem(at + 5, 1, raw >>> 40 & 0xff | busy);
        s.trBase = base;
        s.trLimit = Segments.limit(raw);
        s.trAccess = Segments.access(raw) | busy;
        s.trSelector = sel;
    }

    /** A present 16-byte system descriptor of the GDT. */
    private static long systemDescriptor(Cpu cpu, int selector, int type) {
        if ((selector & 4) != 0 || Segments.entry(cpu.s, selector, 16) == -1) {
            throw CpuException.of(CpuException.GP, selector & 0xfffc);
        }
        long raw = Segments.descriptor(cpu, selector, 0);
        int access = Segments.access(raw);
        if ((access & 0x1f) != type) {
            throw CpuException.of(CpuException.GP, selector & 0xfffc);
        }
        if ((access & Segments.PRESENT) == 0) {
            throw CpuException.of(CpuException.NP, selector & 0xfffc);
        }
        return raw;
    }

    /**
     * LAR.
     *
     * @return the access rights (bits 8 to 23), or -1 where ZF is to be cleared
     */
    static long lar(Cpu cpu, int selector) {
        long raw = visible(cpu, selector, 1 << 2 | 1 << 9 | 1 << 11 | 1 << 12);
        return raw == 0 ? -1 : raw >>> 32 & 0x00ff_ff00L;
    }

    /**
     * LSL.
     *
     * @return the limit in bytes, or -1 where ZF is to be cleared
     */
    static long lsl(Cpu cpu, int selector) {
        long raw = visible(cpu, selector, 1 << 2 | 1 << 9 | 1 << 11);
        return raw == 0 ? -1 : Segments.limit(raw) & 0xffff_ffffL;
    }

    /** VERR: the value of ZF. */
    static boolean verr(Cpu cpu, int selector) {
        int access = Segments.access(visible(cpu, selector, 0));
        return (access & Segments.NORMAL) != 0 && ((access & Segments.CODE) == 0 || (access & Segments.READABLE) != 0);
    }

    /** VERW: the value of ZF. */
    static boolean verw(Cpu cpu, int selector) {
        int access = Segments.access(visible(cpu, selector, 0));
        return (access & (Segments.NORMAL | Segments.CODE | Segments.WRITABLE))
                == (Segments.NORMAL | Segments.WRITABLE);
    }

    /** The descriptor of a selector if it may be seen from here, else 0; system types are given as a bit set. */
    private static long visible(Cpu cpu, int selector, int systemTypes) {
        int sel = selector & 0xffff;
        long at = Segments.isNull(sel) ? -1 : Segments.entry(cpu.s, sel, 8);
        if (at == -1) {
            return 0;
        }
        long raw = cpu.mmu.readSystem(at, 8);
        int access = Segments.access(raw);
        if ((access & Segments.NORMAL) == 0) {
            if ((systemTypes >> (access & 15) & 1) == 0) {
                return 0;
            }
        } else if ((access & (Segments.CODE | Segments.CONFORMING)) == (Segments.CODE | Segments.CONFORMING)) {
            return raw;
        }
        return Math.max(cpu.s.cpl, sel & 3) <= Segments.dpl(access) ? raw : 0;
    }

    // ------------------------------------------------------------------------------------ model-specific, time

    static void rdmsr(Cpu cpu) {
        requireCpl0(cpu);
        setEdxEax(cpu.s, Msrs.read(cpu, (int) cpu.s.gpr[RCX]));
    }

    static void wrmsr(Cpu cpu) {
        requireCpl0(cpu);
        Msrs.write(cpu, (int) cpu.s.gpr[RCX], edxEax(cpu.s));
    }

    static void rdtsc(Cpu cpu) {
        if (cpu.s.cpl != 0 && (cpu.s.cr4 & 1 << 2) != 0) {
            throw generalProtection();
        }
        setEdxEax(cpu.s, cpu.time.tsc() + cpu.s.tscOffset);
    }

    /** Not offered: it would tell the host's CPU number in direct execution. */
    static void rdtscp(Cpu cpu) {
        throw undefined();
    }

    /** There are no performance counters to read. */
    static void rdpmc(Cpu cpu) {
        throw generalProtection();
    }

    static void cpuid(Cpu cpu) {
        cpu.cpuid.execute(cpu.s);
    }

    static void swapgs(Cpu cpu) {
        requireCpl0(cpu);
        CpuState s = cpu.s;
        long base = s.base[GS];
        s.base[GS] = s.kernelGsBase;
        s.kernelGsBase = base;
    }

    private static void requireFsGsBase(Cpu cpu) {
        if ((cpu.s.cr4 & CpuState.CR4_FSGSBASE) == 0) {
            throw undefined();
        }
    }

    static long readFsBase(Cpu cpu) {
        requireFsGsBase(cpu);
        return cpu.s.base[FS];
    }

    static void writeFsBase(Cpu cpu, long value) {
        requireFsGsBase(cpu);
        cpu.s.base[FS] = Msrs.requireCanonical(value);
    }

    static long readGsBase(Cpu cpu) {
        requireFsGsBase(cpu);
        return cpu.s.base[GS];
    }

    static void writeGsBase(Cpu cpu, long value) {
        requireFsGsBase(cpu);
        cpu.s.base[GS] = Msrs.requireCanonical(value);
    }

    // -------------------------------------------------------------------------------------- flags, halting, caches

    static void hlt(Cpu cpu) {
        requireCpl0(cpu);
        cpu.s.halted = true;
    }

    private static void requireIopl(Cpu cpu) {
        if (cpu.s.cpl != 0 && cpu.s.cpl > (cpu.s.rflags() & FLAG_IOPL) >>> 12) {
            throw generalProtection();
        }
    }

    static void cli(Cpu cpu) {
        requireIopl(cpu);
        cpu.s.setControlFlag(FLAG_IF, false);
    }

    /** STI: interrupts stay inhibited for one more instruction if they were off. */
    static void sti(Cpu cpu) {
        requireIopl(cpu);
        CpuState s = cpu.s;
        if (!s.controlFlag(FLAG_IF)) {
            s.setControlFlag(FLAG_IF, true);
            s.interruptShadow = true;
            FarControl.interruptsMayBeOpen(cpu);
        }
    }

    /** The value PUSHF pushes; the caller cuts it to its operand's size. */
    static long pushFlags(Cpu cpu) {
        return cpu.s.rflags() & ~(CpuState.FLAG_RF | CpuState.FLAG_VM);
    }

    /**
     * POPF's effect on RFLAGS (SDM vol. 2, table 4-16).
     *
     * @param size operand size in bytes, 2 or 8
     */
    static void popFlags(Cpu cpu, long value, int size) {
        CpuState s = cpu.s;
        long flags = s.rflags();
        long mask = size == 2 ? POPF_ALWAYS & 0xffff : POPF_ALWAYS;
        if (s.cpl <= (flags & FLAG_IOPL) >>> 12) {
            mask |= FLAG_IF;
        }
        if (s.cpl == 0) {
            mask |= FLAG_IOPL;
        }
        long now = flags & ~mask & ~CpuState.FLAG_RF | value & mask;
        s.setRflags(now);
        if (((flags ^ now) & FLAG_AC) != 0) {
            cpu.mmu.rightsChanged();
        }
        if ((now & ~flags & FLAG_IF) != 0) {
            FarControl.interruptsMayBeOpen(cpu);
        }
    }

    private static void requireSmap(Cpu cpu) {
        if (!cpu.cpuid.smap() || cpu.s.cpl != 0) {
            throw undefined();
        }
    }

    static void stac(Cpu cpu) {
        requireSmap(cpu);
        cpu.s.setControlFlag(FLAG_AC, true);
        cpu.mmu.acIs(true);
    }

    static void clac(Cpu cpu) {
        requireSmap(cpu);
        cpu.s.setControlFlag(FLAG_AC, false);
        cpu.mmu.acIs(false);
    }

    static void invlpg(Cpu cpu, long linear) {
        requireCpl0(cpu);
        if (Mmu.canonical(linear)) {
            cpu.mmu.invalidatePage(linear);
        }
    }

    static void invpcid(Cpu cpu, long type, long linearOfDescriptor) {
        if (!cpu.cpuid.invpcid()) {
            throw undefined();
        }
        requireCpl0(cpu);
        long pcid = cpu.mmu.read64(linearOfDescriptor);
        long linear = cpu.mmu.read64(linearOfDescriptor + 8);
        boolean enabled = (cpu.s.cr4 & CpuState.CR4_PCIDE) != 0;
        if (Long.compareUnsigned(type, 3) > 0
                || pcid >>> 12 != 0
                || type <= 1 && !enabled && pcid != 0
                || type == 0 && !Mmu.canonical(linear)) {
            throw generalProtection();
        }
        Flush kind = switch ((int) type) {
            case 0 -> Flush.ADDRESS;
            case 1 -> Flush.PCID;
            case 2 -> Flush.ALL;
            default -> Flush.ALL_BUT_GLOBAL;
        };
        cpu.mmu.invalidate(kind, (int) pcid, linear);
    }

    static void wbinvd(Cpu cpu) {
        requireCpl0(cpu); // caches are coherent and cannot be seen
    }

    static void invd(Cpu cpu) {
        requireCpl0(cpu);
    }

    /** CLFLUSH, CLFLUSHOPT, CLWB: a permission check, as for a load of one byte. */
    static void clflush(Cpu cpu, long linear) {
        cpu.mmu.probe(linear, 1, false);
    }

    // ------------------------------------------------------------------------------------------------------ ports

    /**
     * IN, and each element of INS.
     *
     * @param size 1, 2 or 4 bytes
     * @return zero-extended into the int's low bits
     */
    static int in(Cpu cpu, int port, int size) {
        checkPort(cpu, port, size);
        return cpu.ports.in(port & 0xffff, size);
    }

    /** OUT, and each element of OUTS. */
    static void out(Cpu cpu, int port, int size, int value) {
        checkPort(cpu, port, size);
        cpu.ports.out(port & 0xffff, size, value);
    }

    /** Whether the current level may use ports: by IOPL, else by the TSS's bitmap (SDM vol. 1, 19.5). */
    static void checkPort(Cpu cpu, int port, int size) {
        CpuState s = cpu.s;
        if (s.cpl == 0 || s.cpl <= (s.rflags() & FLAG_IOPL) >>> 12) {
            return;
        }
        int number = port & 0xffff;
        if (Integer.compareUnsigned(IO_BITMAP_BASE + 1, s.trLimit) > 0) {
            throw generalProtection();
        }
        long at = cpu.mmu.readSystem(s.trBase + IO_BITMAP_BASE, 2) + (number >>> 3);
        if (at + 1 > (s.trLimit & 0xffff_ffffL)) {
            throw generalProtection();
        }
        long bits = cpu.mmu.readSystem(s.trBase + at, 2) >>> (number & 7);
        if ((bits & (1 << size) - 1) != 0) {
            throw generalProtection();
        }
    }

    // -------------------------------------------------------------------------------------------------- not offered

    static void monitor(Cpu cpu) {
        throw undefined();
    }

    static void mwait(Cpu cpu) {
        throw undefined();
    }

    /** VMCALL, VMMCALL and the rest of the virtualization extensions. */
    static void vmcall(Cpu cpu) {
        throw undefined();
    }

    static void rdpid(Cpu cpu) {
        throw undefined();
    }

    /** RDPKRU, WRPKRU. */
    static void rdpkru(Cpu cpu) {
        throw undefined();
    }

    static void rsm(Cpu cpu) {
        throw undefined();
    }

    /** UD0, UD1, UD2. */
    static void ud(Cpu cpu) {
        throw undefined();
    }
}
