package dev.runinvm.engine.x86;

import java.util.Arrays;

/**
 * Supervisor translations of 2 MiB, direct-mapped, behind {@link Tlb}, which keeps 4 KiB pieces: a kernel reaches all of
 * its memory through one map of large pages, and a piece missed there need not cost a walk of tables that are far apart.
 */
final class LargePages {
    private static final int BITS = 9;
    private static final int MASK = (1 << BITS) - 1;
    private static final int SHIFT = 21;
    private static final long OFFSET = (1L << SHIFT) - 1;
    /** No linear address shifted right is this. */
    private static final long INVALID = -1L >>> 1;

    private static final long WRITABLE = 1;
    private static final long GLOBAL = 2;
    /** Part of a page of 1 GiB. */
    private static final long HUGE = 4;

    private final long[] tag = new long[MASK + 1];
    /** Physical address and the bits above. */
    private final long[] entry = new long[MASK + 1];

    /** Gigabytes of the address space, hashed to 64, that have entries. */
    private long gigabytes;

    LargePages() {
        Arrays.fill(tag, INVALID);
    }

    private static long gigabyteBit(long linear) {
        return 1L << ((linear >>> 30) * 0x9E37_79B9_7F4A_7C15L >>> 58);
    }

    /**
     * Looks an address up.
     *
     * @param write only a translation that may be written, its dirty bit being set, is of use
     * @return what {@link #physical} and its like take, or -1
     */
    long find(long linear, boolean write) {
        int i = (int) (linear >>> SHIFT) & MASK;
        if (tag[i] != linear >> SHIFT) {
            return -1;
        }
        long found = entry[i];
        return write && (found & WRITABLE) == 0 ? -1 : found;
    }

    static long physical(long found, long linear) {
        return found & ~OFFSET | linear & OFFSET;
    }

    static boolean writable(long found) {
        return (found & WRITABLE) != 0;
    }

    static boolean global(long found) {
        return (found & GLOBAL) != 0;
    }

    /** Size of the page, log2 bytes. */
    static int shift(long found) {
        return (found & HUGE) != 0 ? 30 : SHIFT;
    }

    /**
     * Enters a page that user mode may not use.
     *
     * @param writable it may be written and its dirty bit is set
     */
    void enter(long linear, long physical, boolean writable, boolean global, int pageShift) {
        int i = (int) (linear >>> SHIFT) & MASK;
        tag[i] = linear >> SHIFT;
        entry[i] =
                physical & ~OFFSET | (writable ? WRITABLE : 0) | (global ? GLOBAL : 0) | (pageShift > SHIFT ? HUGE : 0);
        gigabytes |= gigabyteBit(linear);
    }

    void flushAll() {
        Arrays.fill(tag, INVALID);
        gigabytes = 0;
    }

    void flushLocal() {
        if (gigabytes == 0) {
            return;
        }
        for (int i = 0; i <= MASK; i++) {
            if ((entry[i] & GLOBAL) == 0) {
                tag[i] = INVALID;
            }
        }
    }

    /** Drops what maps an address, and the rest of its gigabyte if that is one page. */
    void flushPage(long linear) {
        if ((gigabytes & gigabyteBit(linear)) == 0) {
            return;
        }
        for (int i = 0; i <= MASK; i++) {
            int shift = shift(entry[i]) - SHIFT;
            if (tag[i] >> shift == linear >> SHIFT + shift) {
                tag[i] = INVALID;
            }
        }
    }
}
