package dev.runinvm.engine.para;

import dev.runinvm.engine.x86.CpuState;

/** Segment selectors of a 64-bit Xen PV guest (xen/include/public/arch-x86/xen-x86_64.h). */
final class Selectors {
    /** Both of the kernel and of programs. */
    static final int KERNEL_CS = 0xe033;

    static final int KERNEL_SS = 0xe02b;
    static final int USER_CS = 0x33;
    static final int USER_SS = 0x2b;

    /** Flat 64-bit code and data of DPL 3, as {@link CpuState#access} has them. */
    private static final int CODE_ACCESS = 0xa0fb;

    private static final int DATA_ACCESS = 0xc0f3;

    /** Descriptors of the same. */
    static final long CODE = 0x00af_fb00_0000_ffffL;

    static final long DATA = 0x00cf_f300_0000_ffffL;

    private Selectors() {}

    /** Loads a segment register other than FS and GS whose segment is known to be flat. */
    static void setFlat(CpuState s, int segment, int selector) {
        s.selector[segment] = selector;
        s.base[segment] = 0;
        s.limit[segment] = -1;
        s.access[segment] = segment == CpuState.CS ? CODE_ACCESS : DATA_ACCESS;
    }
}
