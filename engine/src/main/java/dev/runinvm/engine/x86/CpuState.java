package dev.runinvm.engine.x86;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The architectural state of one logical processor. Everything a snapshot needs of the CPU is here; decoded code,
 * TLBs and mirrors are caches kept elsewhere.
 */
public final class CpuState {
    public static final int RAX = 0;
    public static final int RCX = 1;
    public static final int RDX = 2;
    public static final int RBX = 3;
    public static final int RSP = 4;
    public static final int RBP = 5;
    public static final int RSI = 6;
    public static final int RDI = 7;

    public static final int ES = 0;
    public static final int CS = 1;
    public static final int SS = 2;
    public static final int DS = 3;
    public static final int FS = 4;
    public static final int GS = 5;

    public static final long FLAG_CF = 1;
    public static final long FLAG_PF = 1 << 2;
    public static final long FLAG_AF = 1 << 4;
    public static final long FLAG_ZF = 1 << 6;
    public static final long FLAG_SF = 1 << 7;
    public static final long FLAG_TF = 1 << 8;
    public static final long FLAG_IF = 1 << 9;
    public static final long FLAG_DF = 1 << 10;
    public static final long FLAG_OF = 1 << 11;
    public static final long FLAG_IOPL = 3 << 12;
    public static final long FLAG_NT = 1 << 14;
    public static final long FLAG_RF = 1 << 16;
    public static final long FLAG_VM = 1 << 17;
    public static final long FLAG_AC = 1 << 18;
    public static final long FLAG_ID = 1 << 21;

    public static final long CR0_PE = 1;
    public static final long CR0_TS = 1 << 3;
    public static final long CR0_WP = 1 << 16;
    public static final long CR0_PG = 1L << 31;
    public static final long CR4_PGE = 1 << 7;
    public static final long CR4_OSFXSR = 1 << 9;
    public static final long CR4_FSGSBASE = 1 << 16;
    public static final long CR4_PCIDE = 1 << 17;
    public static final long CR4_OSXSAVE = 1 << 18;
    public static final long CR4_SMEP = 1 << 20;
    public static final long CR4_SMAP = 1 << 21;
    public static final long EFER_SCE = 1;
    public static final long EFER_LME = 1 << 8;
    public static final long EFER_LMA = 1 << 10;
    public static final long EFER_NXE = 1 << 11;

    /** RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15. */
    public final long[] gpr = new long[16];

    public long rip;
    /** Current privilege level, 0 to 3. */
    public int cpl;

    /** Selectors of ES, CS, SS, DS, FS, GS, and their hidden parts. */
    public final int[] selector = new int[6];

    public final long[] base = new long[6];
    public final int[] limit = new int[6];
    /** Access rights: the descriptor's bytes 5 and 6, i.e. type/S/DPL/P in bits 0-7, AVL/L/DB/G in bits 12-15. */
    public final int[] access = new int[6];

    public int ldtrSelector;
    public long ldtrBase;
    public int ldtrLimit;
    public int trSelector;
    public long trBase;
    public int trLimit;
    public int trAccess;
    public long gdtrBase;
    public int gdtrLimit;
    public long idtrBase;
    public int idtrLimit;

    public long cr0;
    public long cr2;
    public long cr3;
    public long cr4;
    public long cr8;
    public final long[] dr = new long[8];

    public long efer;
    public long star;
    public long lstar;
    public long cstar;
    public long sfmask;
    public long kernelGsBase;
    public long sysenterCs;
    public long sysenterEsp;
    public long sysenterEip;
    public long pat = 0x0007_0406_0007_0406L;
    public long tscAux;
    /** Added to the time source's counter; written through IA32_TSC and IA32_TSC_ADJUST. */
    public long tscOffset;

    public long xcr0 = 1;

    /** Halted by HLT, waiting for an interrupt. */
    public boolean halted;
    /** Interrupts are inhibited for one instruction: after STI, MOV SS, POP SS. */
    public boolean interruptShadow;

    /**
     * x87, SSE, AVX, ... in the standard (non-compacted) XSAVE layout of the host's CPU, header included. It may be
     * a slice of the memory shared with a direct-execution process, so always reach it through this field.
     */
    public ByteBuffer xstate = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);

    private long rflags = 2;

    /** RFLAGS with all lazily kept arithmetic flags worked out. */
    public long rflags() {
        return rflags;
    }

    /** Sets all of RFLAGS; bit 1 reads as one. */
    public void setRflags(long value) {
        rflags = value | 2;
    }

    /** RFLAGS.IF. */
    public boolean interruptsEnabled() {
        return (rflags() & FLAG_IF) != 0;
    }
}
