package dev.runinvm.engine.x86;

import dev.runinvm.engine.x86.AddressSpaceListener.Flush;
import static dev.runinvm.engine.x86.CpuState.CR0_PE;
import static dev.runinvm.engine.x86.CpuState.CR0_PG;
import static dev.runinvm.engine.x86.CpuState.CR0_WP;

/** Writes to CR0, CR3 and CR4 from 64-bit mode: what is allowed, and which translations they invalidate. */
final class ControlRegisters {
    private static final long CR0_ET = 1 << 4;
    private static final long CR0_NW = 1 << 29;
    private static final long CR0_CD = 1 << 30;
    /** PE MP EM TS ET NE WP AM NW CD PG; the others read as zero. */
    private static final long CR0_KNOWN = 0xe005_003fL;

    private static final long CR3_NO_FLUSH = 1L << 63;
    private static final long CR4_PAE = 1 << 5;
    /** VME PVI TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT. */
    private static final long CR4_COMMON = 0x7ff;

    private ControlRegisters() {}

    private static CpuException generalProtection() {
        return CpuException.of(CpuException.GP, 0);
    }

    static void writeCr0(Cpu cpu, long value) {
        CpuState s = cpu.s;
        if (value >>> 32 != 0
                || (value & CR0_PG) != 0 && (value & CR0_PE) == 0
                || (value & CR0_NW) != 0 && (value & CR0_CD) == 0
                || (value & CR0_PG) == 0 && (s.efer & CpuState.EFER_LMA) != 0) {
            throw generalProtection();
        }
        long old = s.cr0;
        s.cr0 = value & CR0_KNOWN | CR0_ET;
        if (((old ^ s.cr0) & (CR0_PG | CR0_WP)) != 0) {
            cpu.mmu.invalidate(Flush.ALL, 0, 0);
        }
    }

    static void writeCr3(Cpu cpu, long value) {
        boolean pcids = (cpu.s.cr4 & CpuState.CR4_PCIDE) != 0;
        long address = pcids ? value & ~CR3_NO_FLUSH : value;
        if (address >>> cpu.cpuid.physicalBits() != 0) {
            throw generalProtection();
        }
        cpu.mmu.loadCr3(value);
    }

    static void writeCr4(Cpu cpu, long value) {
        CpuState s = cpu.s;
        long old = s.cr4;
        boolean longMode = (s.efer & CpuState.EFER_LMA) != 0;
        if ((value & ~(CR4_COMMON | cpu.cpuid.cr4Features())) != 0
                || longMode && (value & CR4_PAE) == 0
                || (value & ~old & CpuState.CR4_PCIDE) != 0 && (!longMode || (s.cr3 & 0xfff) != 0)) {
            throw generalProtection();
        }
        s.cr4 = value;
        long changed = old ^ value;
        long mmu = CpuState.CR4_PGE | CpuState.CR4_PCIDE | CpuState.CR4_SMEP | CpuState.CR4_SMAP | CR4_PAE | 1 << 4;
        if ((changed & mmu) != 0) {
            cpu.mmu.invalidate(Flush.ALL, 0, 0);
        }
    }
}
