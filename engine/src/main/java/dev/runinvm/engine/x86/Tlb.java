package dev.runinvm.engine.x86;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One direct-mapped translation cache, valid for one set of access rights. Large pages are kept as the 4 KiB pieces
 * that were touched. The arrays are open to {@link Mmu}, whose fast path indexes them.
 */
final class Tlb {
    static final int BITS = 11;
    static final int SIZE = 1 << BITS;
    static final int MASK = SIZE - 1;
    /** A tag no page-aligned address equals. */
    static final long INVALID = -1;

    private static final byte SMALL = 12;

    /** Page address that may be read (or fetched from) without a further check, or {@link #INVALID}. */
    final long[] read = new long[SIZE];
    /** Page address that may be written: allowed, dirty already, no decoded code in it. Else {@link #INVALID}. */
    final long[] write = new long[SIZE];

    final @Nullable ByteBuffer[] buffer = new @Nullable ByteBuffer[SIZE];
    /** Add the low 32 bits of a linear address of the page to have the index in {@link #buffer}. */
    final int[] delta = new int[SIZE];
    /** Physical address of the page. */
    final long[] physical = new long[SIZE];

    private final byte[] shift = new byte[SIZE];
    private final long[] used = new long[SIZE >> 6];
    private final long[] local = new long[SIZE >> 6];
    /** Gigabytes of the address space, hashed to 64, that have large pages here: INVLPG's quick way out. */
    private long largeGigabytes;

    Tlb() {
        Arrays.fill(read, INVALID);
        Arrays.fill(write, INVALID);
    }

    static int slot(long linear) {
        return (int) (linear >>> 12) & MASK;
    }

    private static long gigabyteBit(long linear) {
        return 1L << ((linear >>> 30) * 0x9E37_79B9_7F4A_7C15L >>> 58);
    }

    /** Enters a page; {@code buffer} is null only where nothing but the physical address is wanted. */
    void enter(
            long linear,
            long physicalPage,
            boolean mayWrite,
            @Nullable ByteBuffer target,
            int index,
            int pageShift,
            boolean global) {
        int i = slot(linear);
        long page = linear & -4096L;
        read[i] = page;
        write[i] = mayWrite ? page : INVALID;
        buffer[i] = target;
        delta[i] = index - (int) page;
        physical[i] = physicalPage;
        shift[i] = (byte) pageShift;
        long bit = 1L << (i & 63);
        used[i >> 6] |= bit;
        if (global) {
            local[i >> 6] &= ~bit;
        } else {
            local[i >> 6] |= bit;
        }
        if (pageShift > SMALL) {
            largeGigabytes |= gigabyteBit(linear);
        }
    }

    private void drop(int i) {
        read[i] = INVALID;
        write[i] = INVALID;
        long bit = ~(1L << (i & 63));
        used[i >> 6] &= bit;
        local[i >> 6] &= bit;
    }

    void flushAll() {
        for (int w = 0; w < used.length; w++) {
            if (used[w] != 0) {
                Arrays.fill(read, w << 6, (w << 6) + 64, INVALID);
                Arrays.fill(write, w << 6, (w << 6) + 64, INVALID);
                used[w] = 0;
                local[w] = 0;
            }
        }
        largeGigabytes = 0;
    }

    void flushLocal() {
        for (int w = 0; w < local.length; w++) {
            for (long bits = local[w]; bits != 0; bits &= bits - 1) {
                int i = (w << 6) + Long.numberOfTrailingZeros(bits);
                read[i] = INVALID;
                write[i] = INVALID;
            }
            used[w] &= ~local[w];
            local[w] = 0;
        }
    }

    /** Drops the page of an address, all cached pieces of it if it is a large one. */
    void flushPage(long linear) {
        int slot = slot(linear);
        if (read[slot] == (linear & -4096L)) {
            drop(slot);
        }
        if ((largeGigabytes & gigabyteBit(linear)) == 0) {
            return;
        }
        for (int w = 0; w < used.length; w++) {
            for (long bits = used[w]; bits != 0; bits &= bits - 1) {
                int i = (w << 6) + Long.numberOfTrailingZeros(bits);
                if (shift[i] > SMALL && (read[i] ^ linear) >>> shift[i] == 0) {
                    drop(i);
                }
            }
        }
    }

    /** Drops all entries of a physical page. */
    void dropPhysical(long physicalPage) {
        for (int w = 0; w < used.length; w++) {
            for (long bits = used[w]; bits != 0; bits &= bits - 1) {
                dropPhysical(physicalPage, (w << 6) + Long.numberOfTrailingZeros(bits));
            }
        }
    }

    /** Drops an entry if it is of a physical page. */
    void dropPhysical(long physicalPage, int slot) {
        if (read[slot] != INVALID && physical[slot] == physicalPage) {
            drop(slot);
        }
    }

    /** Takes the permission to write to a physical page without asking. */
    void forbidWrites(long physicalPage) {
        for (int w = 0; w < used.length; w++) {
            for (long bits = used[w]; bits != 0; bits &= bits - 1) {
                int i = (w << 6) + Long.numberOfTrailingZeros(bits);
                if (physical[i] == physicalPage) {
                    write[i] = INVALID;
                }
            }
        }
    }
}
