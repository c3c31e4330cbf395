package dev.runinvm.engine.x86;

import static dev.runinvm.engine.x86.CpuState.CS;
import static dev.runinvm.engine.x86.CpuState.FS;
import static dev.runinvm.engine.x86.CpuState.SS;

/**
 * Segment registers and descriptors in 64-bit mode (SDM vol. 3, 3.4 and 5.2.1). A raw descriptor is the 8 bytes of
 * its table entry; access rights are kept as in {@link CpuState#access}.
 */
final class Segments {
    static final int ACCESSED = 1;
    /** Of data segments. */
    static final int WRITABLE = 1 << 1;
    /** Of code segments. */
    static final int READABLE = 1 << 1;

    static final int CONFORMING = 1 << 2;
    static final int CODE = 1 << 3;
    /** A code or data segment, not a system one. */
    static final int NORMAL = 1 << 4;

    static final int PRESENT = 1 << 7;
    static final int LONG = 1 << 13;
    static final int DEFAULT_32 = 1 << 14;
    private static final int GRANULAR = 1 << 15;

    /** Flat 64-bit code, as SYSCALL and SYSRET load it; or in the DPL. */
    private static final int FLAT_CODE = GRANULAR | LONG | PRESENT | NORMAL | CODE | READABLE | ACCESSED;

    private static final int FLAT_DATA = GRANULAR | DEFAULT_32 | PRESENT | NORMAL | WRITABLE | ACCESSED;

    private Segments() {}

    static int access(long raw) {
        return (int) (raw >>> 40) & 0xf0ff;
    }

    static int dpl(int access) {
        return access >> 5 & 3;
    }

    static long base(long raw) {
        return raw >>> 16 & 0xff_ffffL | raw >>> 32 & 0xff00_0000L;
    }

    static int limit(long raw) {
        int limit = (int) (raw & 0xffff | raw >>> 32 & 0xf_0000);
        return (access(raw) & GRANULAR) != 0 ? limit << 12 | 0xfff : limit;
    }

    static boolean isNull(int selector) {
        return (selector & 0xfffc) == 0;
    }

    /** Linear address of a selector's table entry, or -1 if {@code size} bytes of it are not within the table. */
    static long entry(CpuState s, int selector, int size) {
        int offset = selector & 0xfff8;
        boolean local = (selector & 4) != 0;
        int limit = local ? s.ldtrLimit : s.gdtrLimit;
        if (local && isNull(s.ldtrSelector) || Integer.compareUnsigned(offset + size - 1, limit) > 0) {
            return -1;
        }
        return (local ? s.ldtrBase : s.gdtrBase) + offset;
    }

    /**
     * Reads a descriptor.
     *
     * @param external 1 if an event other than an instruction is being delivered, for the error code
     * @throws CpuException #GP(selector) beyond the table's limit
     */
    static long descriptor(Cpu cpu, int selector, int external) {
        long at = entry(cpu.s, selector, 8);
        if (at == -1) {
            throw CpuException.of(CpuException.GP, selector & 0xfffc | external);
        }
        return cpu.mmu.readSystem(at, 8);
    }

    /** Sets the accessed bit in the table, if it is not set yet. */
    private static void setAccessed(Cpu cpu, int selector, long raw) {
        if ((raw >>> 40 & ACCESSED) == 0) {
            cpu.mmu.writeSystem(entry(cpu.s, selector, 8) + 5, 1, raw >>> 40 & 0xff | ACCESSED);
        }
    }

    private static void set(CpuState s, int segment, int selector, long base, int limit, int access) {
        s.selector[segment] = selector;
        s.base[segment] = base;
        s.limit[segment] = limit;
        s.access[segment] = access;
    }

    /** Enters a checked descriptor in a segment register. */
    static void set(Cpu cpu, int segment, int selector, long raw) {
        setAccessed(cpu, selector, raw);
        set(cpu.s, segment, selector, base(raw), limit(raw), access(raw) | ACCESSED);
    }

    /** CS and SS as SYSCALL, SYSRET and their like set them: flat, without a look at the tables. */
    static void setFlat(CpuState s, int codeSelector, int stackSelector, int dpl) {
        set(s, CS, codeSelector, 0, -1, FLAT_CODE | dpl << 5);
        set(s, SS, stackSelector, 0, -1, FLAT_DATA | dpl << 5);
    }

    /** SS on entry to an inner level in 64-bit mode: a null selector with the level as RPL. */
    static void setNullStack(CpuState s, int level) {
        set(s, SS, level, 0, -1, FLAT_DATA | level << 5);
    }

    /**
     * MOV or POP to ES, SS, DS, FS or GS.
     *
     * @throws CpuException #GP, #NP or #SS, the register unchanged
     */
    static void load(Cpu cpu, int segment, int selector) {
        CpuState s = cpu.s;
        int sel = selector & 0xffff;
        int rpl = sel & 3;
        if (isNull(sel)) {
            if (segment == SS) {
                if (s.cpl == 3 || rpl != s.cpl) {
                    throw CpuException.of(CpuException.GP, 0);
                }
                setNullStack(s, s.cpl);
                return;
            }
            long base = segment >= FS && !cpu.cpuid.nullSelectorClearsBase() ? s.base[segment] : 0;
            set(s, segment, sel, base, 0, 0);
            return;
        }
        long raw = descriptor(cpu, sel, 0);
        if (segment == SS) {
            checkStack(sel, raw, s.cpl);
        } else {
            int access = access(raw);
            boolean code = (access & CODE) != 0;
            if ((access & NORMAL) == 0
                    || code && (access & READABLE) == 0
                    || !(code && (access & CONFORMING) != 0) && Math.max(rpl, s.cpl) > dpl(access)) {
                throw CpuException.of(CpuException.GP, sel & 0xfffc);
            }
            if ((access & PRESENT) == 0) {
                throw CpuException.of(CpuException.NP, sel & 0xfffc);
            }
        }
        set(cpu, segment, sel, raw);
    }

    /** The checks of a non-null SS selector for use at a level. */
    static void checkStack(int selector, long raw, int level) {
        int access = access(raw);
        if ((access & (NORMAL | CODE | WRITABLE)) != (NORMAL | WRITABLE)
                || (selector & 3) != level
                || dpl(access) != level) {
            throw CpuException.of(CpuException.GP, selector & 0xfffc);
        }
        if ((access & PRESENT) == 0) {
            throw CpuException.of(CpuException.SS, selector & 0xfffc);
        }
    }

    /** After a return to an outer level: data segments that level may not use become null (SDM vol. 2, RET). */
    static void dropPrivileged(CpuState s) {
        for (int segment : new int[] {CpuState.ES, CpuState.DS, FS, CpuState.GS}) {
            int access = s.access[segment];
            if (!isNull(s.selector[segment])
                    && (access & (CODE | CONFORMING)) != (CODE | CONFORMING)
                    && dpl(access) < s.cpl) {
                s.selector[segment] = 0;
                s.access[segment] = 0;
            }
        }
    }
}
