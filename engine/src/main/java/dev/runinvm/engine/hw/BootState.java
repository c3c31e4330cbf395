package dev.runinvm.engine.hw;

import dev.runinvm.engine.os.kvm.KvmRegisters;
import dev.runinvm.engine.os.kvm.KvmSystemRegisters;
import dev.runinvm.engine.os.kvm.KvmVcpu;
import dev.runinvm.engine.x86.CpuState;

/** Brings a processor of KVM's into the state that a boot loader has worked out. */
final class BootState {
    private static final int MSR_MISC_ENABLE = 0x1a0;
    private static final int MISC_FAST_STRINGS = 1;
    private static final int MSR_MTRR_DEFAULT_TYPE = 0x2ff;
    private static final int MTRR_ENABLED_WRITE_BACK = 0xc06;
    /** A present, busy 64-bit TSS: VT-x enters no guest without one (SDM vol. 3, 27.3.1.2). */
    private static final int TSS_ACCESS = 0x8b;

    private static final int LDT_ACCESS = 0x82;

    /** For each general register in the kernel's order its number in the instruction set. */
    private static final int[] GENERAL = {
        CpuState.RAX,
        CpuState.RBX,
        CpuState.RCX,
        CpuState.RDX,
        CpuState.RSI,
        CpuState.RDI,
        CpuState.RSP,
        CpuState.RBP,
        8,
        9,
        10,
        11,
        12,
        13,
        14,
        15
    };
    /** For each of KVM's first six segments its number in {@link CpuState}. */
    private static final int[] SEGMENTS = {CpuState.CS, CpuState.DS, CpuState.ES, CpuState.FS, CpuState.GS, CpuState.SS
    };

    private BootState() {}

    /** Sets all registers of a processor that has not run yet. */
    static void apply(CpuState from, KvmVcpu to) {
        KvmRegisters r = new KvmRegisters();
        for (int i = 0; i < GENERAL.length; i++) {
            r.general[i] = from.gpr[GENERAL[i]];
        }
        r.rip = from.rip;
        r.rflags = from.rflags();
        to.setRegisters(r);
        KvmSystemRegisters s = to.systemRegisters();
        for (int i = 0; i < SEGMENTS.length; i++) {
            int n = SEGMENTS[i];
            s.selector[i] = from.selector[n];
            s.base[i] = from.base[n];
            s.limit[i] = from.limit[n];
            s.access[i] = from.access[n];
        }
        s.selector[KvmSystemRegisters.TR] = 0;
        s.base[KvmSystemRegisters.TR] = 0;
        s.limit[KvmSystemRegisters.TR] = 0xffff;
        s.access[KvmSystemRegisters.TR] = TSS_ACCESS;
        s.selector[KvmSystemRegisters.LDTR] = 0;
        s.base[KvmSystemRegisters.LDTR] = 0;
        s.limit[KvmSystemRegisters.LDTR] = 0xffff;
        s.access[KvmSystemRegisters.LDTR] = LDT_ACCESS;
        s.gdtBase = from.gdtrBase;
        s.gdtLimit = from.gdtrLimit;
        s.idtBase = from.idtrBase;
        s.idtLimit = from.idtrLimit;
        s.cr0 = from.cr0;
        s.cr2 = from.cr2;
        s.cr3 = from.cr3;
        s.cr4 = from.cr4;
        s.cr8 = from.cr8;
        s.efer = from.efer;
        to.setSystemRegisters(s);
        firmware(to);
    }

    /** What a PC's firmware leaves in a processor; a processor that lacks one of these registers needs it not. */
    static void firmware(KvmVcpu to) {
        to.setMsr(MSR_MISC_ENABLE, MISC_FAST_STRINGS);
        to.setMsr(MSR_MTRR_DEFAULT_TYPE, MTRR_ENABLED_WRITE_BACK);
    }
}
