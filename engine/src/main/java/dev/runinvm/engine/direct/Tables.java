package dev.runinvm.engine.direct;

import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.x86.PageWalker;

/** Reads a guest's page tables down to what maps a region of 2 MB. An answer stays in the fields until the next. */
final class Tables {
    static final int WRITABLE = 1;
    static final int USER = 2;
    static final int EXECUTABLE = 4;

    private final GuestMemory memory;

    /** Physical address of the page table, or of the first byte of a large page's part in this region. */
    long table;
    /** What all levels above the page table allow; with a large page, the leaf included. */
    int rights;

    boolean large;
    /** The leaf of a large page, where it is, and how large it is (21 or 30). */
    long largeEntry;

    Tables(GuestMemory memory) {
        this.memory = memory;
    }

    /** Looks a region up. Answers false where no page table is present. */
    boolean find(long root, long va, boolean nxe) {
        rights = WRITABLE | USER | EXECUTABLE;
        long at = root & PageWalker.ADDRESS;
        for (int shift = 39; ; shift -= 9) {
            long address = at | (va >>> shift & 511) << 3;
            if (!memory.isMemory(address)) {
                return false;
            }
            long entry = memory.getLong(address);
            if ((entry & PageWalker.PRESENT) == 0) {
                return false;
            }
            if ((entry & PageWalker.WRITABLE) == 0) {
                rights &= ~WRITABLE;
            }
            if ((entry & PageWalker.USER) == 0) {
                rights &= ~USER;
            }
            if ((entry & PageWalker.NO_EXECUTE) != 0) {
                if (!nxe) {
                    return false;
                }
                rights &= ~EXECUTABLE;
            }
            if (shift < 39 && (entry & PageWalker.LARGE) != 0) {
                large = true;
                largeEntry = entry;
                long mask = (1L << shift) - 1;
                table = entry & PageWalker.ADDRESS & ~mask | va & mask & -(1L << Region.SHIFT);
                return true;
            }
            at = entry & PageWalker.ADDRESS;
            if (shift == Region.SHIFT) {
                large = false;
                largeEntry = 0;
                table = at;
                return memory.isMemory(at);
            }
        }
    }

    /** Whether an address is mapped at all, cheap where its top-level entry is not present. */
    boolean present(long root, long va, boolean nxe) {
        if (!find(root, va, nxe)) {
            return false;
        }
        return large || (memory.getLong(table | (va >>> 12 & 511) << 3) & PageWalker.PRESENT) != 0;
    }
}
