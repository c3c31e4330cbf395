package dev.runinvm.engine.x86;

import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The architectural state of one logical processor. Everything a snapshot needs of the CPU is here; decoded code,
 * TLBs and mirrors are caches kept elsewhere.
 */
public final class CpuState implements Stateful {
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
    public static final long CR0_EM = 1 << 2;
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

    /**
     * RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15, and at {@link #NO_REGISTER} a zero that nobody writes: an
     * address without base or index is computed like any other.
     */
    public final long[] gpr = new long[17];

    /** Index in {@link #gpr} of the zero. */
    public static final int NO_REGISTER = 16;
    /** Index in {@link #base} of the zero: the base of ES, CS, SS and DS in 64-bit mode. */
    public static final int FLAT = 6;

    public long rip;
    /** Current privilege level, 0 to 3. */
    public int cpl;

    /** Selectors of ES, CS, SS, DS, FS, GS, and their hidden parts. */
    public final int[] selector = new int[6];

    /** Segment bases; one entry more, {@link #FLAT}, is always zero. */
    public final long[] base = new long[7];

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
    /** Model-specific registers that nothing but RDMSR and WRMSR looks at; {@link Msrs} knows which. */
    final long[] plainMsrs = new long[16];

    /** Halted by HLT, waiting for an interrupt. */
    public boolean halted;
    /** Interrupts are inhibited for one instruction: after STI, MOV SS, POP SS. */
    public boolean interruptShadow;

    /**
     * x87, SSE, AVX, ... in the standard (non-compacted) XSAVE layout of the host's CPU, header included. It may be
     * a slice of the memory shared with a direct-execution process, so always reach it through this field.
     */
    public ByteBuffer xstate = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);

    /** Bytes of {@link #xstate} that are saved: more than any CPU has without AMX, which is hidden. */
    private static final int XSTATE_SAVED = 4096;
    /** From here to the header are bytes the processor leaves to software, the host's here (SDM vol. 1, 10.5.1). */
    private static final int XSTATE_SOFTWARE = 464;

    private static final int XSTATE_HEADER = 512;

    /** CF, PF, AF, ZF, SF and OF. */
    static final long ARITHMETIC = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF;

    /** The arithmetic flags are those in {@link #rflags}. */
    static final int KIND_EXACT = 0;
    /** The last operation was result = a - b. */
    static final int KIND_SUB = 1;
    /** The last operation was result = a + b. */
    static final int KIND_ADD = 2;
    /** CF, OF and AF are clear. */
    static final int KIND_LOGIC = 3;
    /** CF, OF and AF are the bits of a; ZF, SF and PF follow the result. */
    static final int KIND_RESULT = 4;

    /*
     * The arithmetic flags are kept as the operation that would set them. Operands and result are sign-extended to
     * 64 bits from the operation's size: order, sign, zero and carry then come out the same for every size.
     */
    int flagKind;
    long flagA;
    long flagB;
    long flagResult;

    /** All other flags, and the arithmetic ones while the kind is {@link #KIND_EXACT}. */
    private long rflags = 2;

    /** RFLAGS with all lazily kept arithmetic flags worked out. */
    public long rflags() {
        return flagKind == KIND_EXACT ? rflags : rflags & ~ARITHMETIC | arithmetic();
    }

    private long arithmetic() {
        return (cf() ? FLAG_CF : 0)
                | (pf() ? FLAG_PF : 0)
                | (af() ? FLAG_AF : 0)
                | (zf() ? FLAG_ZF : 0)
                | (sf() ? FLAG_SF : 0)
                | (of() ? FLAG_OF : 0);
    }

    /** Sets all of RFLAGS; bit 1 reads as one. */
    public void setRflags(long value) {
        rflags = value | 2;
        flagKind = KIND_EXACT;
    }

    /** RFLAGS.IF. */
    public boolean interruptsEnabled() {
        return (rflags & FLAG_IF) != 0;
    }

    /** Whether a flag other than CF, PF, AF, ZF, SF and OF is set: cheaper than {@link #rflags()}. */
    public boolean controlFlag(long mask) {
        return (rflags & mask) != 0;
    }

    /** Sets or clears flags other than CF, PF, AF, ZF, SF and OF. */
    public void setControlFlag(long mask, boolean on) {
        rflags = on ? rflags | mask : rflags & ~mask;
    }

    /** Sets CF, PF, AF, ZF, SF and OF to those in the argument. */
    void setArithmetic(long flags) {
        rflags = rflags & ~ARITHMETIC | flags & ARITHMETIC;
        flagKind = KIND_EXACT;
    }

    /** Sets or clears CF alone. */
    void setCarry(boolean on) {
        long flags = rflags() & ~FLAG_CF;
        setArithmetic(on ? flags | FLAG_CF : flags);
    }

    void flagsSub(long a, long b, long result) {
        flagKind = KIND_SUB;
        flagA = a;
        flagB = b;
        flagResult = result;
    }

    void flagsAdd(long a, long b, long result) {
        flagKind = KIND_ADD;
        flagA = a;
        flagB = b;
        flagResult = result;
    }

    void flagsLogic(long result) {
        flagKind = KIND_LOGIC;
        flagResult = result;
    }

    /** ZF, SF and PF from the result, CF, OF and AF as given. */
    void flagsResult(long bits, long result) {
        flagKind = KIND_RESULT;
        flagA = bits;
        flagResult = result;
    }

    boolean cf() {
        switch (flagKind) {
            case KIND_SUB:
                return flagA + Long.MIN_VALUE < flagB + Long.MIN_VALUE;
            case KIND_ADD:
                return flagResult + Long.MIN_VALUE < flagA + Long.MIN_VALUE;
            case KIND_LOGIC:
                return false;
            case KIND_RESULT:
                return (flagA & FLAG_CF) != 0;
            default:
                return (rflags & FLAG_CF) != 0;
        }
    }

    boolean zf() {
        return flagKind != KIND_EXACT ? flagResult == 0 : (rflags & FLAG_ZF) != 0;
    }

    boolean sf() {
        return flagKind != KIND_EXACT ? flagResult < 0 : (rflags & FLAG_SF) != 0;
    }

    boolean of() {
        switch (flagKind) {
            case KIND_SUB:
                return ((flagA ^ flagB) & (flagA ^ flagResult)) < 0;
            case KIND_ADD:
                return ((flagA ^ flagResult) & (flagB ^ flagResult)) < 0;
            case KIND_LOGIC:
                return false;
            case KIND_RESULT:
                return (flagA & FLAG_OF) != 0;
            default:
                return (rflags & FLAG_OF) != 0;
        }
    }

    boolean pf() {
        return flagKind != KIND_EXACT ? (Integer.bitCount((int) flagResult & 0xff) & 1) == 0 : (rflags & FLAG_PF) != 0;
    }

    boolean af() {
        switch (flagKind) {
            case KIND_SUB:
            case KIND_ADD:
                return ((flagA ^ flagB ^ flagResult) & FLAG_AF) != 0;
            case KIND_LOGIC:
                return false;
            case KIND_RESULT:
                return (flagA & FLAG_AF) != 0;
            default:
                return (rflags & FLAG_AF) != 0;
        }
    }

    /** Unsigned below or equal: CF or ZF. */
    boolean belowOrEqual() {
        return flagKind == KIND_SUB ? flagA + Long.MIN_VALUE <= flagB + Long.MIN_VALUE : cf() | zf();
    }

    /** Signed less: SF differs from OF. */
    boolean less() {
        switch (flagKind) {
            case KIND_SUB:
                return flagA < flagB;
            case KIND_LOGIC:
                return flagResult < 0;
            default:
                return sf() != of();
        }
    }

    /** Signed less or equal: ZF, or SF differs from OF. */
    boolean lessOrEqual() {
        switch (flagKind) {
            case KIND_SUB:
                return flagA <= flagB;
            case KIND_LOGIC:
                return flagResult <= 0;
            default:
                return zf() || sf() != of();
        }
    }

    /** Evaluates a condition code, 0 (O) to 15 (G) (SDM vol. 1, appendix B). */
    boolean condition(int code) {
        return conditionPair(code >> 1) ^ (code & 1) != 0;
    }

    private boolean conditionPair(int pair) {
        switch (pair) {
            case 0:
                return of();
            case 1:
                return cf();
            case 2:
                return zf();
            case 3:
                return belowOrEqual();
            case 4:
                return sf();
            case 5:
                return pf();
            case 6:
                return less();
            default:
                return lessOrEqual();
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("cpu", 1);
        out.putInt("cpl", cpl);
        out.putInt("ldtrSelector", ldtrSelector);
        out.putInt("ldtrLimit", ldtrLimit);
        out.putInt("trSelector", trSelector);
        out.putInt("trLimit", trLimit);
        out.putInt("trAccess", trAccess);
        out.putInt("gdtrLimit", gdtrLimit);
        out.putInt("idtrLimit", idtrLimit);
        out.putLong("rip", rip);
        out.putLong("ldtrBase", ldtrBase);
        out.putLong("trBase", trBase);
        out.putLong("gdtrBase", gdtrBase);
        out.putLong("idtrBase", idtrBase);
        out.putLong("cr0", cr0);
        out.putLong("cr2", cr2);
        out.putLong("cr3", cr3);
        out.putLong("cr4", cr4);
        out.putLong("cr8", cr8);
        out.putLong("efer", efer);
        out.putLong("star", star);
        out.putLong("lstar", lstar);
        out.putLong("cstar", cstar);
        out.putLong("sfmask", sfmask);
        out.putLong("kernelGsBase", kernelGsBase);
        out.putLong("sysenterCs", sysenterCs);
        out.putLong("sysenterEsp", sysenterEsp);
        out.putLong("sysenterEip", sysenterEip);
        out.putLong("pat", pat);
        out.putLong("tscAux", tscAux);
        out.putLong("tscOffset", tscOffset);
        out.putLong("xcr0", xcr0);
        saveAll(out, "gpr", gpr, NO_REGISTER);
        saveAll(out, "base", base, FLAT);
        saveAll(out, "dr", dr, 8);
        saveAll(out, "plainMsrs", plainMsrs, plainMsrs.length);
        for (int i = 0; i < 6; i++) {
            out.putInt("selector" + i, selector[i]);
        }
        for (int i = 0; i < 6; i++) {
            out.putInt("limit" + i, limit[i]);
        }
        for (int i = 0; i < 6; i++) {
            out.putInt("access" + i, access[i]);
        }
        out.putLong("rflags", rflags());
        out.putBoolean("halted", halted);
        out.putBoolean("interruptShadow", interruptShadow);
        byte[] extended = new byte[XSTATE_SAVED];
        ByteBuffer x = xstate;
        x.get(0, extended, 0, XSTATE_SOFTWARE);
        int rest = Math.min(x.capacity(), XSTATE_SAVED) - XSTATE_HEADER;
        x.get(XSTATE_HEADER, extended, XSTATE_HEADER, rest);
        out.putBytes("xstate", extended);
    }

    /** The extended registers go to a buffer of our own: what they were in before belongs to a process. */
    @Override
    public void load(StateReader in) {
        in.section("cpu", 1);
        cpl = in.getInt("cpl");
        ldtrSelector = in.getInt("ldtrSelector");
        ldtrLimit = in.getInt("ldtrLimit");
        trSelector = in.getInt("trSelector");
        trLimit = in.getInt("trLimit");
        trAccess = in.getInt("trAccess");
        gdtrLimit = in.getInt("gdtrLimit");
        idtrLimit = in.getInt("idtrLimit");
        rip = in.getLong("rip");
        ldtrBase = in.getLong("ldtrBase");
        trBase = in.getLong("trBase");
        gdtrBase = in.getLong("gdtrBase");
        idtrBase = in.getLong("idtrBase");
        cr0 = in.getLong("cr0");
        cr2 = in.getLong("cr2");
        cr3 = in.getLong("cr3");
        cr4 = in.getLong("cr4");
        cr8 = in.getLong("cr8");
        efer = in.getLong("efer");
        star = in.getLong("star");
        lstar = in.getLong("lstar");
        cstar = in.getLong("cstar");
        sfmask = in.getLong("sfmask");
        kernelGsBase = in.getLong("kernelGsBase");
        sysenterCs = in.getLong("sysenterCs");
        sysenterEsp = in.getLong("sysenterEsp");
        sysenterEip = in.getLong("sysenterEip");
        pat = in.getLong("pat");
        tscAux = in.getLong("tscAux");
        tscOffset = in.getLong("tscOffset");
        xcr0 = in.getLong("xcr0");
        loadAll(in, "gpr", gpr, NO_REGISTER);
        loadAll(in, "base", base, FLAT);
        loadAll(in, "dr", dr, 8);
        loadAll(in, "plainMsrs", plainMsrs, plainMsrs.length);
        for (int i = 0; i < 6; i++) {
            selector[i] = in.getInt("selector" + i);
        }
        for (int i = 0; i < 6; i++) {
            limit[i] = in.getInt("limit" + i);
        }
        for (int i = 0; i < 6; i++) {
            access[i] = in.getInt("access" + i);
        }
        setRflags(in.getLong("rflags"));
        halted = in.getBoolean("halted");
        interruptShadow = in.getBoolean("interruptShadow");
        byte[] extended = new byte[XSTATE_SAVED];
        in.getBytes("xstate", extended);
        xstate = ByteBuffer.allocate(XSTATE_SAVED).order(ByteOrder.LITTLE_ENDIAN);
        xstate.put(0, extended);
    }

    private static void saveAll(StateWriter out, String name, long[] values, int count) {
        for (int i = 0; i < count; i++) {
            out.putLong(name + i, values[i]);
        }
    }

    private static void loadAll(StateReader in, String name, long[] values, int count) {
        for (int i = 0; i < count; i++) {
            values[i] = in.getLong(name + i);
        }
    }
}
