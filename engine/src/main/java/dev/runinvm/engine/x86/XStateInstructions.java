package dev.runinvm.engine.x86;

import java.nio.ByteBuffer;

/**
 * x87 and SSE control state, FXSAVE, XSAVE and their like (SDM vol. 1, chapter 13) on {@link CpuState#xstate}. The
 * components in use are the bits of XSTATE_BV in that area's header; what a cleared component holds is of no account.
 * MXCSR is always valid.
 */
final class XStateInstructions {
    private static final int FCW = 0;
    private static final int FSW = 2;
    private static final int FTW = 4;
    private static final int FIP = 8;
    private static final int FDP = 16;
    private static final int MXCSR = 24;
    private static final int MXCSR_MASK = 28;
    private static final int ST0 = 32;
    private static final int XMM0 = 160;
    private static final int XMM_END = 416;
    private static final int XSTATE_BV = 512;
    private static final int XCOMP_BV = 520;

    private static final int X87 = 1;
    private static final int SSE = 2;
    private static final int AVX = 4;

    private static final int FCW_INIT = 0x37f;
    private static final int MXCSR_INIT = 0x1f80;
    private static final int FSW_ES = 1 << 7;
    private static final int FSW_B = 1 << 15;

    /** FCW, FSW and FTW of the area's first 8 bytes. */
    private static final long WITHOUT_FOP = 0xff_ffff_ffffL;

    private static final long CR0_MP = 1 << 1;
    private static final long CR0_EM = 1 << 2;
    private static final long CR0_NE = 1 << 5;

    private XStateInstructions() {}

    /** Gives an area that has never been used (all zeroes) the state after reset. */
    static void initialise(CpuState s) {
        ByteBuffer x = s.xstate;
        if (x.getLong(XSTATE_BV) == 0 && x.getInt(MXCSR) == 0) {
            x.putInt(MXCSR, MXCSR_INIT);
            x.putShort(FCW, (short) FCW_INIT);
        }
    }

    // -------------------------------------------------------------------------------------------------- conditions

    /** #NM where the x87 may not be used. */
    private static void requireX87(Cpu cpu) {
        if ((cpu.s.cr0 & (CR0_EM | CpuState.CR0_TS)) != 0) {
            throw CpuException.of(CpuException.NM);
        }
    }

    private static void requireSse(Cpu cpu) {
        CpuState s = cpu.s;
        if ((s.cr0 & CR0_EM) != 0 || (s.cr4 & CpuState.CR4_OSFXSR) == 0) {
            throw CpuException.of(CpuException.UD);
        }
        if ((s.cr0 & CpuState.CR0_TS) != 0) {
            throw CpuException.of(CpuException.NM);
        }
    }

    private static void requireXsave(Cpu cpu) {
        if ((cpu.s.cr4 & CpuState.CR4_OSXSAVE) == 0) {
            throw CpuException.of(CpuException.UD);
        }
        if ((cpu.s.cr0 & CpuState.CR0_TS) != 0) {
            throw CpuException.of(CpuException.NM);
        }
    }

    private static void requireAligned(long linear, int alignment) {
        if ((linear & alignment - 1) != 0) {
            throw CpuException.of(CpuException.GP, 0);
        }
    }

    /** #MF for an unmasked x87 exception that is waiting. */
    private static void raisePending(Cpu cpu) {
        CpuState s = cpu.s;
        if ((s.xstate.getLong(XSTATE_BV) & X87) != 0
                && (s.xstate.getShort(FSW) & FSW_ES) != 0
                && (s.cr0 & CR0_NE) != 0) {
            throw CpuException.of(CpuException.MF);
        }
    }

    // ----------------------------------------------------------------------------------------- components in place

    /** Makes a component of the area hold what its XSTATE_BV bit says, so that parts of it can be changed. */
    private static void open(CpuState s, int component) {
        ByteBuffer x = s.xstate;
        long inUse = x.getLong(XSTATE_BV);
        if ((inUse & component) == 0) {
            if (component == X87) {
                clear(x, FCW, MXCSR);
                clear(x, ST0, XMM0);
                x.putShort(FCW, (short) FCW_INIT);
            } else {
                clear(x, XMM0, XMM_END);
            }
            x.putLong(XSTATE_BV, inUse | component);
        }
    }

    private static void clear(ByteBuffer x, int from, int to) {
        for (int i = from; i < to; i += 8) {
            x.putLong(i, 0);
        }
    }

    // ------------------------------------------------------------------------------------------------ control words

    static void fninit(Cpu cpu) {
        requireX87(cpu);
        open(cpu.s, X87);
        ByteBuffer x = cpu.s.xstate;
        rotate(x, x.getShort(FSW) >> 11 & 7);
        x.putLong(FCW, FCW_INIT); // with FSW, FTW and FOP zero
        x.putLong(FIP, 0);
        x.putLong(FDP, 0);
    }

    /** Reorders the registers for TOP becoming 0: the area holds them by their distance to TOP. */
    private static void rotate(ByteBuffer x, int top) {
        if (top != 0) {
            long[] registers = new long[16];
            for (int i = 0; i < 16; i++) {
                registers[i + 2 * top & 15] = x.getLong(ST0 + 8 * i);
            }
            for (int i = 0; i < 16; i++) {
                x.putLong(ST0 + 8 * i, registers[i]);
            }
        }
    }

    static void fnclex(Cpu cpu) {
        requireX87(cpu);
        open(cpu.s, X87);
        cpu.s.xstate.putShort(FSW, (short) (cpu.s.xstate.getShort(FSW) & 0x7f00));
    }

    /** FWAIT. */
    static void fwait(Cpu cpu) {
        if ((cpu.s.cr0 & (CR0_MP | CpuState.CR0_TS)) == (CR0_MP | CpuState.CR0_TS)) {
            throw CpuException.of(CpuException.NM);
        }
        raisePending(cpu);
    }

    static int fnstcw(Cpu cpu) {
        requireX87(cpu);
        open(cpu.s, X87);
        return cpu.s.xstate.getShort(FCW) & 0xffff;
    }

    static int fnstsw(Cpu cpu) {
        requireX87(cpu);
        open(cpu.s, X87);
        return cpu.s.xstate.getShort(FSW) & 0xffff;
    }

    static void fldcw(Cpu cpu, int value) {
        requireX87(cpu);
        raisePending(cpu);
        open(cpu.s, X87);
        ByteBuffer x = cpu.s.xstate;
        int control = value & 0x1f3f | 0x40;
        int status = x.getShort(FSW) & ~(FSW_ES | FSW_B);
        if ((status & ~control & 0x3f) != 0) {
            status |= FSW_ES | FSW_B;
        }
        x.putShort(FCW, (short) control);
        x.putShort(FSW, (short) status);
    }

    /** EMMS: all registers empty, and TOP 0 as after any MMX instruction (SDM vol. 3, table 13-2). */
    static void emms(Cpu cpu) {
        if ((cpu.s.cr0 & CR0_EM) != 0) {
            throw CpuException.of(CpuException.UD);
        }
        requireX87(cpu);
        raisePending(cpu);
        open(cpu.s, X87);
        ByteBuffer x = cpu.s.xstate;
        int status = x.getShort(FSW);
        rotate(x, status >> 11 & 7);
        x.putShort(FSW, (short) (status & ~(7 << 11)));
        x.put(FTW, (byte) 0);
    }

    static int stmxcsr(Cpu cpu) {
        requireSse(cpu);
        return cpu.s.xstate.getInt(MXCSR);
    }

    static void ldmxcsr(Cpu cpu, int value) {
        requireSse(cpu);
        requireMxcsr(cpu, value);
        open(cpu.s, SSE); // lest the host restore an area without SSE and reset MXCSR with it
        cpu.s.xstate.putInt(MXCSR, value);
    }

    private static void requireMxcsr(Cpu cpu, int value) {
        if ((value & ~cpu.cpuid.mxcsrMask()) != 0) {
            throw CpuException.of(CpuException.GP, 0);
        }
    }

    // --------------------------------------------------------------------------------------------------- FXSAVE

    /** FXSAVE, or FXSAVE64 with REX.W. */
    static void fxsave(Cpu cpu, long linear, boolean rexW) {
        requireX87(cpu);
        requireAligned(linear, 16);
        cpu.mmu.probe(linear, 512, true);
        open(cpu.s, X87);
        open(cpu.s, SSE);
        storeX87(cpu, linear, rexW);
        storeMxcsr(cpu, linear);
        store(cpu, linear, XMM0, XMM_END - XMM0);
    }

    /** FXRSTOR, or FXRSTOR64 with REX.W. */
    static void fxrstor(Cpu cpu, long linear, boolean rexW) {
        requireX87(cpu);
        requireAligned(linear, 16);
        cpu.mmu.probe(linear, 512, false);
        int mxcsr = (int) cpu.mmu.read32(linear + MXCSR);
        requireMxcsr(cpu, mxcsr);
        loadX87(cpu, linear, rexW);
        cpu.s.xstate.putInt(MXCSR, mxcsr);
        load(cpu, linear, XMM0, XMM_END - XMM0);
        cpu.s.xstate.putLong(XSTATE_BV, cpu.s.xstate.getLong(XSTATE_BV) | X87 | SSE);
    }

    private static void store(Cpu cpu, long linear, int from, int length) {
        byte[] scratch = cpu.scratch;
        cpu.s.xstate.get(from, scratch, 0, length);
        cpu.mmu.write(linear + from, scratch, 0, length);
    }

    private static void load(Cpu cpu, long linear, int from, int length) {
        byte[] scratch = cpu.scratch;
        cpu.mmu.read(linear + from, scratch, 0, length);
        cpu.s.xstate.put(from, scratch, 0, length);
    }

    private static void storeMxcsr(Cpu cpu, long linear) {
        cpu.mmu.write32(linear + MXCSR, cpu.s.xstate.getInt(MXCSR));
        cpu.mmu.write32(linear + MXCSR_MASK, cpu.cpuid.mxcsrMask());
    }

    private static void storeX87(Cpu cpu, long linear, boolean rexW) {
        ByteBuffer x = cpu.s.xstate;
        boolean pointers = keepsPointers(cpu, x.getShort(FSW));
        cpu.mmu.write64(linear + FCW, x.getLong(FCW) & (pointers ? -1L : WITHOUT_FOP));
        // without REX.W: 32-bit offsets, and selectors that 64-bit mode does not keep
        long mask = !pointers ? 0 : rexW ? -1L : 0xffff_ffffL;
        cpu.mmu.write64(linear + FIP, x.getLong(FIP) & mask);
        cpu.mmu.write64(linear + FDP, x.getLong(FDP) & mask);
        store(cpu, linear, ST0, XMM0 - ST0);
    }

    private static void loadX87(Cpu cpu, long linear, boolean rexW) {
        ByteBuffer x = cpu.s.xstate;
        long control = cpu.mmu.read64(linear + FCW);
        boolean pointers = keepsPointers(cpu, (int) (control >>> 16));
        long mask = !pointers ? 0 : rexW ? -1L : 0xffff_ffffL;
        x.putLong(FCW, control & (pointers ? 0x07ff_00ff_ffff_ffffL : WITHOUT_FOP));
        x.putLong(FIP, cpu.mmu.read64(linear + FIP) & mask);
        x.putLong(FDP, cpu.mmu.read64(linear + FDP) & mask);
        load(cpu, linear, ST0, XMM0 - ST0);
    }

    /** Whether the last instruction's opcode and addresses are moved too: by AMD only while an exception is pending. */
    private static boolean keepsPointers(Cpu cpu, int status) {
        return cpu.cpuid.intel() || (status & FSW_ES) != 0;
    }

    // ---------------------------------------------------------------------------------------------------- XSAVE

    /** XSAVE, or XSAVE64 with REX.W. */
    static void xsave(Cpu cpu, long linear, boolean rexW) {
        save(cpu, linear, rexW, false);
    }

    /** XSAVEOPT: components in their initial state are not written; the modified optimization is not made use of. */
    static void xsaveopt(Cpu cpu, long linear, boolean rexW) {
        save(cpu, linear, rexW, true);
    }

    private static void save(Cpu cpu, long linear, boolean rexW, boolean skipInitial) {
        requireXsave(cpu);
        requireAligned(linear, 64);
        CpuState s = cpu.s;
        ByteBuffer x = s.xstate;
        long wanted = s.xcr0 & SystemInstructions.edxEax(s);
        cpu.mmu.probe(linear, cpu.cpuid.xsaveSize(wanted), true);
        long inUse = x.getLong(XSTATE_BV);
        long written = skipInitial ? wanted & inUse : wanted;
        if ((written & X87) != 0) {
            openQuietly(s, X87);
            storeX87(cpu, linear, rexW);
        }
        if ((wanted & (SSE | AVX)) != 0) {
            storeMxcsr(cpu, linear);
        }
        if ((written & SSE) != 0) {
            openQuietly(s, SSE);
            store(cpu, linear, XMM0, XMM_END - XMM0);
        }
        for (int i = 2; i < 63; i++) {
            int size = cpu.cpuid.componentSize(i);
            if ((written >>> i & 1) != 0 && size > 0) {
                int at = cpu.cpuid.componentOffset(i);
                if ((inUse >>> i & 1) == 0) {
                    for (int k = 0; k < size; k++) {
                        x.put(at + k, (byte) 0);
                    }
                }
                store(cpu, linear, at, size);
            }
        }
        long header = cpu.mmu.read64(linear + XSTATE_BV);
        cpu.mmu.write64(linear + XSTATE_BV, header & ~wanted | inUse & wanted);
    }

    /** Fills a component with its initial values, its XSTATE_BV bit staying as it is. */
    private static void openQuietly(CpuState s, int component) {
        long inUse = s.xstate.getLong(XSTATE_BV);
        open(s, component);
        s.xstate.putLong(XSTATE_BV, inUse);
    }

    /** XRSTOR, or XRSTOR64 with REX.W, standard format. */
    static void xrstor(Cpu cpu, long linear, boolean rexW) {
        requireXsave(cpu);
        requireAligned(linear, 64);
        CpuState s = cpu.s;
        ByteBuffer x = s.xstate;
        Mmu mmu = cpu.mmu;
        long wanted = s.xcr0 & SystemInstructions.edxEax(s);
        mmu.probe(linear, cpu.cpuid.xsaveSize(wanted), false);
        long header = mmu.read64(linear + XSTATE_BV);
        if ((header & ~s.xcr0) != 0 || mmu.read64(linear + XCOMP_BV) != 0 || mmu.read64(linear + XCOMP_BV + 8) != 0) {
            throw CpuException.of(CpuException.GP, 0);
        }
        if ((wanted & (SSE | AVX)) != 0) {
            int mxcsr = (int) mmu.read32(linear + MXCSR);
            requireMxcsr(cpu, mxcsr);
            x.putInt(MXCSR, mxcsr);
        }
        long loaded = wanted & header;
        if ((loaded & X87) != 0) {
            loadX87(cpu, linear, rexW);
        }
        if ((loaded & SSE) != 0) {
            load(cpu, linear, XMM0, XMM_END - XMM0);
        }
        for (int i = 2; i < 63; i++) {
            int size = cpu.cpuid.componentSize(i);
            if ((loaded >>> i & 1) != 0 && size > 0) {
                load(cpu, linear, cpu.cpuid.componentOffset(i), size);
            }
        }
        x.putLong(XSTATE_BV, x.getLong(XSTATE_BV) & ~wanted | loaded);
    }
}
