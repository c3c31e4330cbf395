package dev.runinvm.engine.x86;

/**
 * CPUID as the guest sees it: the host's CPU, so that ring 3 may run on it directly, as a plain single-core PC without a
 * local APIC, machine checks, virtualization or performance counters, and with nothing that tells of a hypervisor. What
 * the engine handles itself in ring 0 (PCID, INVPCID, REP MOVSB) is offered whatever the host has. Bits are named in SDM
 * vol. 2, CPUID, and APM vol. 3, appendix E; a bit not listed here is not offered.
 */
public final class CpuidModel {
    /** SSE3 PCLMULQDQ SSSE3 FMA CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE AVX F16C RDRAND. */
    private static final int LEAF1_ECX = bits(0, 1, 9, 12, 13, 19, 20, 22, 23, 25, 26, 28, 29, 30);

    private static final int PCID = 1 << 17;
    private static final int OSXSAVE = 1 << 27;
    /** FPU VME DE PSE TSC MSR PAE CX8 SEP PGE CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2 SS. */
    private static final int LEAF1_EDX = bits(0, 1, 2, 3, 4, 5, 6, 8, 11, 13, 15, 16, 17, 19, 23, 24, 25, 26, 27);

    /**
     * FSGSBASE TSC_ADJUST BMI1 AVX2 FDP_EXCPTN_ONLY SMEP BMI2 FCS_FDS_DEPRECATED AVX512F AVX512DQ RDSEED ADX SMAP
     * AVX512IFMA CLFLUSHOPT CLWB AVX512PF AVX512ER AVX512CD SHA AVX512BW AVX512VL.
     */
    private static final int LEAF7_EBX =
            bits(0, 1, 3, 5, 6, 7, 8, 13, 16, 17, 18, 19, 20, 21, 23, 24, 26, 27, 28, 29, 30, 31);

    private static final int ERMS = 1 << 9;
    private static final int INVPCID = 1 << 10;
    /** PREFETCHWT1 AVX512_VBMI AVX512_VBMI2 GFNI VAES VPCLMULQDQ AVX512_VNNI AVX512_BITALG AVX512_VPOPCNTDQ. */
    private static final int LEAF7_ECX = bits(0, 1, 6, 8, 9, 10, 11, 12, 14);
    /** AVX512_4VNNIW AVX512_4FMAPS FSRM AVX512_VP2INTERSECT AVX512_FP16. */
    private static final int LEAF7_EDX = bits(2, 3, 4, 8, 23);
    /** AVX_VNNI AVX512_BF16 FZRM FSRS FSRC AVX_IFMA. */
    private static final int LEAF7_1_EAX = bits(4, 5, 10, 11, 12, 23);
    /** AVX_VNNI_INT8 AVX_NE_CONVERT AVX_VNNI_INT16. */
    private static final int LEAF7_1_EDX = bits(4, 5, 10);

    /** LAHF64 CR8_LEGACY ABM SSE4A MISALIGNSSE 3DNOWPREFETCH XOP FMA4 TBM TOPOEXT. */
    private static final int EXT1_ECX = bits(0, 4, 5, 6, 7, 8, 11, 16, 21, 22);
    /** Those of {@link #LEAF1_EDX} that AMD repeats, SYSCALL NX MMXEXT PDPE1GB LM 3DNOWEXT 3DNOW. */
    private static final int EXT1_EDX =
            bits(0, 1, 2, 3, 4, 5, 6, 8, 11, 13, 15, 16, 17, 20, 22, 23, 24, 26, 29, 30, 31);

    private static final int MISALIGN_SSE = 1 << 7;

    /** x87 SSE AVX, the three of AVX-512: no MPX, PKRU, AMX. */
    private static final long XCR0_KNOWN = 0xe7;

    private static final long XCR0_AVX512 = 0xe0;

    /** End of the XSAVE area's legacy region and header. */
    private static final int XSAVE_HEADER_END = 576;

    /** Of leaf 1's and extended leaf 1's EDX, what a Xen guest does not get: VME PSE PGE PSE36. */
    private static final int NOT_IN_XEN_EDX = bits(1, 3, 13, 17);
    /** And of extended leaf 1's alone, where bit 26 is not SSE2. */
    private static final int PDPE1GB = 1 << 26;
    /** Of leaf 7's EBX: SMEP INVPCID SMAP. */
    private static final int NOT_IN_XEN_EBX = bits(7, 10, 20);

    private static final int HYPERVISOR = 1 << 31;
    private static final int XEN_LEAF = 0x4000_0000;
    /** The version of Xen whose interface is offered, 4.17. */
    private static final int XEN_VERSION = 4 << 16 | 17;

    private final HostCpuid host;
    private final boolean xen;
    private final boolean intel;
    private final int maxBasic;
    private final int maxExtended;
    private final long xcr0Supported;
    private final int[] componentOffset = new int[64];
    private final int[] componentSize = new int[64];
    private final long tscHz;
    private final int leaf1Ecx;
    private final int leaf7Ebx;
    private final boolean nullSelectorClearsBase;
    private final int mxcsrMask;
    private final int physicalBits;

    /**
     * Derives the guest's CPUID from the host's.
     *
     * @param hostXcr0 XCR0 of the host
     * @param tscHz frequency of the time-stamp counter
     */
    public CpuidModel(HostCpuid host, long hostXcr0, long tscHz) {
        this(host, hostXcr0, tscHz, false);
    }

    /**
     * The same CPU as a Xen PV guest sees it: with Xen's leaves from 40000000H (xen/include/public/arch-x86/cpuid.h),
     * without what such a guest cannot use: large pages, global pages, PCIDs, SMEP and SMAP.
     */
    public static CpuidModel forXenGuest(HostCpuid host, long hostXcr0, long tscHz) {
        return new CpuidModel(host, hostXcr0, tscHz, true);
    }

    private CpuidModel(HostCpuid host, long hostXcr0, long tscHz, boolean xen) {
        this.xen = xen;
        this.host = host;
        this.tscHz = tscHz;
        int[] vendor = host.leaf(0, 0);
        this.intel = vendor[1] == 0x756e_6547; // "Genu"; AMD and its licensees behave alike
        int hostBasic = vendor[0];
        this.maxBasic = intel ? Math.min(hostBasic, 0x16) : Math.min(hostBasic, 0xd);
        int hostExtended = host.leaf(0x8000_0000, 0)[0];
        this.maxExtended = intel ? minUnsigned(hostExtended, 0x8000_0008) : minUnsigned(hostExtended, 0x8000_0021);
        this.leaf1Ecx = host.leaf(1, 0)[2];
        boolean xsave = (leaf1Ecx & 1 << 26) != 0 && hostBasic >= 0xd;
        this.xcr0Supported = xsave ? hostXcr0 & XCR0_KNOWN | 1 : 1;
        for (int i = 2; i < 63 && xsave; i++) {
            if ((xcr0Supported >>> i & 1) != 0) {
                int[] component = host.leaf(0xd, i);
                componentSize[i] = component[0];
                componentOffset[i] = component[1];
            }
        }
        this.leaf7Ebx = hostBasic >= 7 ? host.leaf(7, 0)[1] : 0;
        boolean hasExtended21 = Integer.compareUnsigned(hostExtended, 0x8000_0021) >= 0;
        this.nullSelectorClearsBase = intel || hasExtended21 && (host.leaf(0x8000_0021, 0)[0] & 1 << 6) != 0;
        this.mxcsrMask = !intel && (host.leaf(0x8000_0001, 0)[2] & MISALIGN_SSE) != 0 ? 0x2_ffff : 0xffff;
        boolean hasExtended8 = Integer.compareUnsigned(hostExtended, 0x8000_0008) >= 0;
        this.physicalBits = hasExtended8 ? host.leaf(0x8000_0008, 0)[0] & 0xff : 36;
    }

    private static int minUnsigned(int a, int b) {
        return Integer.compareUnsigned(a, b) <= 0 ? a : b;
    }

    private static int bits(int... numbers) {
        int set = 0;
        for (int n : numbers) {
            set |= 1 << n;
        }
        return set;
    }

    // ------------------------------------------------------------------------------- what the processor asks itself

    /** Whether the CPU is Intel's; every other is treated as AMD's. */
    public boolean intel() {
        return intel;
    }

    /** The components of XCR0 the guest may enable. */
    public long xcr0Supported() {
        return xcr0Supported;
    }

    /** Whether XSETBV accepts a value (SDM vol. 3, 2.6). */
    boolean xcr0Valid(long value) {
        boolean avx = (value & 4) != 0;
        long avx512 = value & XCR0_AVX512;
        return (value & ~xcr0Supported) == 0
                && (value & 1) != 0
                && (!avx || (value & 2) != 0)
                && (avx512 == 0 || avx512 == XCR0_AVX512 && avx);
    }

    /** Where an XSAVE component lies in the standard format, bytes; 2 to 62. */
    int componentOffset(int component) {
        return componentOffset[component];
    }

    /** Bytes of an XSAVE component; 0 if it is not offered. */
    int componentSize(int component) {
        return componentSize[component];
    }

    /** Bytes of a standard-format XSAVE area that holds some components. */
    int xsaveSize(long components) {
        int size = XSAVE_HEADER_END;
        for (int i = 2; i < 63; i++) {
            if ((components >>> i & 1) != 0) {
                size = Math.max(size, componentOffset[i] + componentSize[i]);
            }
        }
        return size;
    }

    boolean smap() {
        return !xen && (leaf7Ebx & 1 << 20) != 0;
    }

    boolean tscAdjust() {
        return (leaf7Ebx & 1 << 1) != 0;
    }

    /** INVPCID works on the engine's own tables: always there. */
    boolean invpcid() {
        return true;
    }

    /** Whether loading a null selector in FS or GS clears the base; on AMD only newer CPUs do. */
    boolean nullSelectorClearsBase() {
        return nullSelectorClearsBase;
    }

    /** Bits of MXCSR that may be set. */
    int mxcsrMask() {
        return mxcsrMask;
    }

    int physicalBits() {
        return physicalBits;
    }

    /** Bits of CR4 beyond the common ones (0 to 10) that may be set. */
    long cr4Features() {
        return (xen ? 0 : CpuState.CR4_PCIDE)
                | ((leaf7Ebx & 1) != 0 ? CpuState.CR4_FSGSBASE : 0)
                | (!xen && (leaf7Ebx & 1 << 7) != 0 ? CpuState.CR4_SMEP : 0)
                | (smap() ? CpuState.CR4_SMAP : 0)
                | ((leaf1Ecx & 1 << 26) != 0 ? CpuState.CR4_OSXSAVE : 0);
    }

    /** What IA32_BIOS_SIGN_ID or PATCH_LEVEL reads. */
    long microcodeRevision() {
        return intel ? 1L << 32 : 0x0100_0065;
    }

    // ------------------------------------------------------------------------------------------------- the leaves

    /** Executes CPUID: EAX and ECX in, EAX, EBX, ECX, EDX out, upper halves cleared. */
    public void execute(CpuState s) {
        int[] r = leaf((int) s.gpr[CpuState.RAX], (int) s.gpr[CpuState.RCX], s);
        s.gpr[CpuState.RAX] = r[0] & 0xffff_ffffL;
        s.gpr[CpuState.RBX] = r[1] & 0xffff_ffffL;
        s.gpr[CpuState.RCX] = r[2] & 0xffff_ffffL;
        s.gpr[CpuState.RDX] = r[3] & 0xffff_ffffL;
    }

    /** EAX, EBX, ECX, EDX of a leaf, with the present CR4 and XCR0. */
    int[] leaf(int number, int sub, CpuState s) {
        if (number >= 0 && number <= maxBasic) {
            return basic(number, sub, s);
        }
        if (number < 0 && Integer.compareUnsigned(number, maxExtended) <= 0) {
            return extended(number, sub);
        }
        if (xen && number >>> 8 == XEN_LEAF >>> 8) {
            return xenLeaf(number, sub);
        }
        // 0x4000_0000 and its like are out of range: Intel answers with the highest basic leaf, AMD with zeroes
        return intel ? basic(maxBasic, sub, s) : new int[4];
    }

    private int[] basic(int number, int sub, CpuState s) {
        int[] h = asked(number, sub) ? host.leaf(number, sub) : new int[4];
        switch (number) {
            case 0:
                return new int[] {maxBasic, h[1], h[2], h[3]};
            case 1:
                return new int[] {
                    h[0],
                    h[1] & 0xffff | 1 << 16,
                    h[2] & LEAF1_ECX | (xen ? HYPERVISOR : PCID) | ((s.cr4 & CpuState.CR4_OSXSAVE) != 0 ? OSXSAVE : 0),
                    h[3] & LEAF1_EDX & ~(xen ? NOT_IN_XEN_EDX : 0)
                };
            case 2:
                return h;
            case 4:
                // threads sharing the cache and cores in the package, both minus one: one of each
                return new int[] {h[0] & 0x3fff, h[1], h[2], h[3]};
            case 7:
                return structuredFeatures(sub, h);
            case 0xb:
                return topology(sub);
            case 0xd:
                return xsave(sub, h, s);
            case 0x15:
                // a crystal of 1 MHz times EBX / EAX; numbers that fit 32 bits when a kernel multiplies them
                return intel ? new int[] {100, (int) Math.max(1, tscHz / 10_000), 1_000_000, 0} : new int[4];
            case 0x16:
                int mhz = (int) (tscHz / 1_000_000);
                return intel ? new int[] {mhz, mhz, 100, 0} : new int[4];
            default:
                return new int[4];
        }
    }

    /** Whether a leaf's answer takes the host's: asking it may cost a process. */
    private static boolean asked(int number, int sub) {
        return switch (number) {
            case 0, 1, 2, 4 -> true;
            case 7 -> sub == 0 || sub == 1;
            case 0xd -> sub == 1;
            default -> false;
        };
    }

    private int[] structuredFeatures(int sub, int[] h) {
        int ebx = (h[1] & LEAF7_EBX | ERMS | INVPCID) & ~(xen ? NOT_IN_XEN_EBX : 0);
        return switch (sub) {
            case 0 -> new int[] {Math.min(h[0], 1), ebx, h[2] & LEAF7_ECX, h[3] & LEAF7_EDX};
            case 1 -> new int[] {h[0] & LEAF7_1_EAX, 0, 0, h[3] & LEAF7_1_EDX};
            default -> new int[4];
        };
    }

    /** Xen's own leaves: signature, version, hypercall pages and features, time; the rest is for HVM guests. */
    private int[] xenLeaf(int number, int sub) {
        int preserveAccessedAndDirty = 1;
        return switch (number - XEN_LEAF) {
            case 0 -> new int[] {XEN_LEAF + 5, 0x566e_6558, 0x65584d4d, 0x4d4d_566e}; // "XenVMMXenVMM"
            case 1 -> new int[] {XEN_VERSION, 0, 0, 0};
            case 2 -> new int[] {1, XEN_LEAF, preserveAccessedAndDirty, 0};
            case 3 -> {
                int khz = (int) (tscHz / 1000);
                yield switch (sub) {
                    case 0 -> new int[] {1 << 1, 0, khz, 0}; // the host's counter is safe; default mode
                    case 2 -> new int[] {khz, 0, 0, 0};
                    default -> new int[4];
                };
            }
            case 5 -> new int[] {physicalBits, 0, 0, 0};
            default -> new int[4];
        };
    }

    /** Leaf 0BH: one thread in one core, ID 0. */
    private static int[] topology(int sub) {
        int thread = 1;
        int core = 2;
        return switch (sub) {
            case 0 -> new int[] {0, 1, thread << 8, 0};
            case 1 -> new int[] {0, 1, core << 8 | 1, 0};
            default -> new int[] {0, 0, sub & 0xff, 0};
        };
    }

    private int[] xsave(int sub, int[] h, CpuState s) {
        if (sub == 0) {
            return new int[] {
                (int) xcr0Supported, xsaveSize(s.xcr0), xsaveSize(xcr0Supported), (int) (xcr0Supported >>> 32)
            };
        }
        if (sub == 1) {
            return new int[] {h[0] & 1, 0, 0, 0}; // XSAVEOPT
        }
        return sub >= 2 && sub < 63 && componentSize[sub] != 0
                ? new int[] {componentSize[sub], componentOffset[sub], 0, 0}
                : new int[4];
    }

    private int[] extended(int number, int sub) {
        int[] h = host.leaf(number, sub);
        switch (number & 0xffff) {
            case 0:
                return new int[] {maxExtended, h[1], h[2], h[3]};
            case 1:
                return new int[] {h[0], h[1], h[2] & EXT1_ECX, h[3] & EXT1_EDX & ~(xen ? NOT_IN_XEN_EDX | PDPE1GB : 0)};
            case 2:
            case 3:
            case 4:
            case 5:
            case 6:
            case 0x19:
            case 0x1a:
                return h;
            case 7:
                return new int[] {0, 0, 0, 1 << 8}; // invariant TSC
            case 8:
                // address widths without LA57; CLZERO, XSAVEERPTR; one core
                int linear = Math.min(h[0] >>> 8 & 0xff, 48);
                return new int[] {h[0] & 0xff | linear << 8, intel ? 0 : h[1] & bits(0, 2), 0, 0};
            case 0x1d:
                return new int[] {h[0] & 0x3fff, h[1], h[2], h[3]};
            case 0x1e:
                return new int[4];
            case 0x21:
                return new int[] {h[0] & bits(2, 6), 0, 0, 0}; // LFENCE serializes, null selector clears base
            default:
                return new int[4];
        }
    }

    /** All that CPUID tells a guest, as one text; without the number of the CPU that was asked, which is chance. */
    public String fingerprint() {
        StringBuilder all = new StringBuilder();
        CpuState s = new CpuState();
        for (long base : new long[] {0, 0x8000_0000L}) {
            int last = base == 0 ? maxBasic : maxExtended;
            for (int leaf = (int) base; Integer.compareUnsigned(leaf, last) <= 0; leaf++) {
                for (int sub = 0; sub < (leaf == 4 || leaf == 7 || leaf == 0xd ? 10 : 1); sub++) {
                    s.gpr[CpuState.RAX] = leaf;
                    s.gpr[CpuState.RCX] = sub;
                    execute(s);
                    long ebx = leaf == 1 ? s.gpr[CpuState.RBX] & 0xff_ffff : s.gpr[CpuState.RBX];
                    long edx = leaf == 0xb ? 0 : s.gpr[CpuState.RDX];
                    all.append(String.format(
                            "%x.%d:%x,%x,%x,%x ", leaf, sub, s.gpr[CpuState.RAX], ebx, s.gpr[CpuState.RCX], edx));
                }
            }
        }
        return all.toString();
    }
}
