package dev.runinvm.engine.x86;

import java.nio.ByteBuffer;

/**
 * Memory as string instructions use it, many elements at once. Every method that takes a linear address may throw what
 * {@link Mmu}'s throw, for the first element's access.
 */
final class StringMemory {
    private static final byte[] ZEROES = new byte[4096];

    private final Mmu mmu;

    StringMemory(Mmu mmu) {
        this.mmu = mmu;
    }

    /**
     * MOVS with DF clear, in bulk. Throws like the first element's access.
     *
     * @param bytes wanted, a multiple of {@code element}
     * @param element 1, 2, 4 or 8 bytes
     * @return bytes copied, a multiple of {@code element}; never beyond the end of either page; 0 if the next element
     *     must be moved by itself (device, page-crossing, overlap)
     */
    @SuppressWarnings("ReferenceEquality") // two slots of one page share the buffer itself
    int copyForward(long dst, long src, int bytes, int element) {
        int room = 4096 - (int) Math.max(dst & 4095, src & 4095);
        int n = Math.min(bytes, room) & -element;
        if (n == 0) {
            return 0;
        }
        int from = mmu.slotFor(src, false);
        if (from < 0) {
            return 0;
        }
        ByteBuffer source = mmu.buffer(from);
        int sourceAt = mmu.delta(from) + (int) src;
        int to = mmu.slotFor(dst, true);
        if (to < 0) {
            return 0;
        }
        ByteBuffer target = mmu.buffer(to);
        int targetAt = mmu.delta(to) + (int) dst;
        if (source == target && targetAt > sourceAt && targetAt - sourceAt < n) {
            n = targetAt - sourceAt & -element;
            if (n == 0) {
                return 0;
            }
        }
        target.put(targetAt, source, sourceAt, n);
        return n;
    }

    /**
     * STOS with DF clear, in bulk. Throws like the first element's access.
     *
     * @param value the element; higher bits are ignored
     * @param element 1, 2, 4 or 8 bytes
     * @return elements stored, never beyond the page; 0 if the next one must be stored by itself
     */
    int fill(long dst, long value, int element, int count) {
        int n = Math.min(count, (4096 - (int) (dst & 4095)) / element);
        if (n == 0) {
            return 0;
        }
        int i = mmu.slotFor(dst, true);
        if (i < 0) {
            return 0;
        }
        ByteBuffer target = mmu.buffer(i);
        int at = mmu.delta(i) + (int) dst;
        int end = at + n * element;
        long pattern = switch (element) {
            case 1 -> (value & 0xff) * 0x0101_0101_0101_0101L;
            case 2 -> (value & 0xffff) * 0x0001_0001_0001_0001L;
            case 4 -> (value & 0xffff_ffffL) * 0x0000_0001_0000_0001L;
            default -> value;
        };
        if (pattern == 0) {
            target.put(at, ZEROES, 0, end - at); // clearing pages is what kernels do most
            return n;
        }
        for (; at + 8 <= end; at += 8) {
            target.putLong(at, pattern);
        }
        for (; at < end; at++, pattern >>>= 8) {
            target.put(at, (byte) pattern);
        }
        return n;
    }

    /**
     * SCAS with DF clear, in bulk: how many elements from an address on all are equal, or all different, to a value.
     * Throws like the first element's access.
     *
     * @param equal count those equal to {@code value} (REPE) or those different (REPNE)
     * @return elements to skip, at most {@code count}, never beyond the page; 0 says nothing about the next element
     */
    int scan(long linear, long value, int element, int count, boolean equal) {
        int n = Math.min(count, (4096 - (int) (linear & 4095)) / element);
        if (n == 0) {
            return 0;
        }
        int i = mmu.slotFor(linear, false);
        if (i < 0) {
            return 0;
        }
        long mask = element == 8 ? -1L : (1L << element * 8) - 1;
        for (int k = 0; k < n; k++) {
            if ((mmu.get(i, linear + (long) k * element, element) == (value & mask)) != equal) {
                return k;
            }
        }
        return n;
    }

    /**
     * CMPS with DF clear, in bulk: how many bytes two strings have in common. Throws like the first element's access.
     *
     * @param bytes wanted, a multiple of {@code element}
     * @return equal bytes, a multiple of {@code element}; never beyond the end of either page; 0 says nothing about
     *     the next element
     */
    int compare(long a, long b, int bytes, int element) {
        int room = 4096 - (int) Math.max(a & 4095, b & 4095);
        int n = Math.min(bytes, room) & -element;
        if (n == 0) {
            return 0;
        }
        int first = mmu.slotFor(a, false);
        if (first < 0) {
            return 0;
        }
        ByteBuffer one = mmu.buffer(first);
        int oneAt = mmu.delta(first) + (int) a;
        int second = mmu.slotFor(b, false);
        if (second < 0) {
            return 0;
        }
        ByteBuffer other = mmu.buffer(second);
        int otherAt = mmu.delta(second) + (int) b;
        for (int k = 0; k < n; k++) {
            if (one.get(oneAt + k) != other.get(otherAt + k)) {
                return k & -element;
            }
        }
        return n;
    }
}
