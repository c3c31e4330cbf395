package dev.runinvm.engine.x86;

import dev.runinvm.engine.machine.GuestMemory;

/**
 * Walks 4-level page tables (SDM vol. 3, 4.5) and maintains the accessed and dirty bits. One object, reused: a walk
 * leaves its answer in the fields until the next one. Not thread-safe.
 */
public final class PageWalker {
    public static final long PRESENT = 1;
    public static final long WRITABLE = 1 << 1;
    public static final long USER = 1 << 2;
    public static final long ACCESSED = 1 << 5;
    public static final long DIRTY = 1 << 6;
    public static final long LARGE = 1 << 7;
    public static final long GLOBAL = 1 << 8;
    public static final long NO_EXECUTE = 1L << 63;
    /** Physical address bits of a page-table entry. */
    public static final long ADDRESS = 0x000f_ffff_ffff_f000L;

    /** Error code bits of #PF. */
    public static final int PF_PRESENT = 1;

    public static final int PF_WRITE = 2;
    public static final int PF_USER = 4;
    public static final int PF_RESERVED = 8;
    public static final int PF_FETCH = 16;

    private final GuestMemory memory;

    /** Physical address of the byte asked for. */
    public long physical;
    /** Size of the page that maps it: 12, 21 or 30 (log2 bytes). */
    public int pageShift;
    /** Whether all levels allow writes, user access; whether no level forbids execution. */
    public boolean writable;

    public boolean user;
    public boolean executable;
    /** Whether the leaf's dirty bit is set after the walk. */
    public boolean dirty;

    public boolean global;
    /** The leaf entry, and its physical address. */
    public long leaf;

    public long leafAddress;
    /** Error code of the fault, when a walk answers false. */
    public int errorCode;

    public PageWalker(GuestMemory memory) {
        this.memory = memory;
    }

    /**
     * Translates for one access, with permission checks, and sets A (and D on a write) when it is allowed.
     *
     * @param cr3 the base, low 12 bits ignored
     * @param va canonical linear address
     * @param write the access writes
     * @param fetch the access is an instruction fetch
     * @param userAccess the access is made with CPL 3 rights
     * @param cr4 for SMEP and SMAP, unless {@code acOverride}
     * @param acOverride EFLAGS.AC is set and the access is explicit: SMAP does not apply
     * @param cr0 for WP
     * @param nxe EFER.NXE
     * @return whether the access is allowed; if not, {@link #errorCode} is that of the #PF
     */
    public boolean walk(
            long cr3,
            long va,
            boolean write,
            boolean fetch,
            boolean userAccess,
            long cr4,
            boolean acOverride,
            long cr0,
            boolean nxe) {
        int error = (write ? PF_WRITE : 0) | (userAccess ? PF_USER : 0);
        boolean smep = (cr4 & 1L << 20) != 0;
        if (fetch && (nxe || smep)) {
            error |= PF_FETCH;
        }
        if (!find(cr3, va, nxe)) {
            errorCode = error | errorCode;
            return false;
        }
        boolean allowed;
        if (userAccess) {
            allowed = user && (!write || writable) && (!fetch || executable);
        } else if (fetch) {
            allowed = executable && !(smep && user);
        } else {
            boolean smap = (cr4 & 1L << 21) != 0;
            allowed = (!write || writable || (cr0 & 1L << 16) == 0) && !(smap && user && !acOverride);
        }
        if (!allowed) {
            errorCode = error | PF_PRESENT;
            return false;
        }
        setAccessed(write);
        return true;
    }

    private final long[] entryAddress = new long[4];
    private int levels;

    /**
     * Finds the leaf of an address without checking rights or touching A and D.
     *
     * @return false where not present or malformed; {@link #errorCode} then is 0 or P|RSVD
     */
    public boolean find(long cr3, long va, boolean nxe) {
        long table = cr3 & ADDRESS;
        writable = true;
        user = true;
        executable = true;
        errorCode = 0;
        for (int level = 3, i = 0; ; level--, i++) {
            int shift = 12 + 9 * level;
            long at = table | (va >>> shift & 511) << 3;
            if (memory.offset(at) < 0) {
                return false; // a table outside memory reads as all zeroes here
            }
            long entry = memory.getLong(at);
            if ((entry & PRESENT) == 0) {
                return false;
            }
            if ((entry & NO_EXECUTE) != 0) {
                if (!nxe) {
                    errorCode = PF_PRESENT | PF_RESERVED;
                    return false;
                }
                executable = false;
            }
            writable &= (entry & WRITABLE) != 0;
            user &= (entry & USER) != 0;
            entryAddress[i] = at;
            if (level == 0 || (entry & LARGE) != 0) {
                if (level == 3) {
                    errorCode = PF_PRESENT | PF_RESERVED;
                    return false;
                }
                levels = i + 1;
                long offsetMask = (1L << shift) - 1;
                physical = entry & ADDRESS & ~offsetMask | va & offsetMask;
                pageShift = shift;
                leaf = entry;
                leafAddress = at;
                dirty = (entry & DIRTY) != 0;
                global = (entry & GLOBAL) != 0;
                return true;
            }
            table = entry & ADDRESS;
        }
    }

    private void setAccessed(boolean write) {
        for (int i = 0; i < levels; i++) {
            long at = entryAddress[i];
            long entry = memory.getLong(at);
            long wanted = entry | ACCESSED | (write && i == levels - 1 ? DIRTY : 0);
            if (wanted != entry) {
                memory.putLong(at, wanted);
            }
            if (i == levels - 1) {
                leaf = wanted;
                dirty = (wanted & DIRTY) != 0;
            }
        }
    }
}
