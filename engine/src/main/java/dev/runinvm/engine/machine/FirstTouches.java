package dev.runinvm.engine.machine;

import java.util.Arrays;

/**
 * The pages that a guest touches first after it has gone on from a snapshot, in order: the next guest from there can be given
 * them all at once, instead of fault by fault. Never more than a hint, and bounded: whoever uses it checks each page. The
 * vCPU's thread alone.
 */
public final class FirstTouches {
    /** Most pages kept of those written, 32 MiB. */
    public static final int MOST_WRITTEN = 8192;
    /** Most kept of those mapped. */
    public static final int MOST_MAPPED = 32768;

    private int[] written = new int[256];
    private int writtenCount;
    /** Root of the page tables and linear address, in turns. */
    private long[] mapped = new long[512];

    private int mappedCount;

    /** Notes that a page of a file was written. */
    void written(long offset) {
        if (writtenCount < MOST_WRITTEN) {
            if (writtenCount == written.length) {
                written = Arrays.copyOf(written, writtenCount * 2);
            }
            written[writtenCount++] = (int) (offset >>> 12);
        }
    }

    /**
     * Notes that a program touched an address that was not mapped for it.
     *
     * @param root physical address of its top-level page table
     */
    public void mapped(long root, long linear) {
        if (mappedCount < MOST_MAPPED) {
            if (mappedCount * 2 == mapped.length) {
                mapped = Arrays.copyOf(mapped, mapped.length * 2);
            }
            mapped[2 * mappedCount] = root;
            mapped[2 * mappedCount + 1] = linear & -4096;
            mappedCount++;
        }
    }

    /** Numbers of the pages of the memory file that were written, in order; a page may be there twice. */
    public int[] written() {
        return Arrays.copyOf(written, writtenCount);
    }

    /** Addresses of the pages that were mapped with these page tables, in ascending order. */
    public long[] mapped(long root) {
        long[] all = new long[mappedCount];
        int n = 0;
        for (int i = 0; i < mappedCount; i++) {
            if (mapped[2 * i] == root) {
                all[n++] = mapped[2 * i + 1];
            }
        }
        return Arrays.stream(all, 0, n).sorted().distinct().toArray();
    }

    /** As longs, to be kept. */
    public long[] toLongs() {
        long[] all = new long[2 + writtenCount + 2 * mappedCount];
        all[0] = writtenCount;
        all[1] = mappedCount;
        for (int i = 0; i < writtenCount; i++) {
            all[2 + i] = written[i];
        }
        System.arraycopy(mapped, 0, all, 2 + writtenCount, 2 * mappedCount);
        return all;
    }

    /**
     * What {@link #toLongs} gave.
     *
     * @throws IllegalArgumentException if it did not give that
     */
    public static FirstTouches of(long[] all) {
        if (all.length < 2
                || all[0] < 0
                || all[0] > MOST_WRITTEN
                || all[1] < 0
                || all[1] > MOST_MAPPED
                || all.length != 2 + all[0] + 2 * all[1]) {
            throw new IllegalArgumentException("no list of pages: " + all.length + " numbers");
        }
        FirstTouches touches = new FirstTouches();
        for (int i = 0; i < all[0]; i++) {
            touches.written(all[2 + i] << 12);
        }
        for (int i = 2 + (int) all[0]; i < all.length; i += 2) {
            touches.mapped(all[i], all[i + 1]);
        }
        return touches;
    }
}
