package dev.runinvm.engine.x86;

import java.util.function.LongBinaryOperator;

/** Operations on one 128-bit lane: quadwords {@code i} and {@code i + 1} of {@code a} and {@code b} into {@code r}. */
interface VectorOperation {
    void lane(long[] a, long[] b, int i, long[] r);

    /** An operation on quadwords, or on elements within them. */
    static VectorOperation quads(LongBinaryOperator operation) {
        return (a, b, i, r) -> {
            r[i] = operation.applyAsLong(a[i], b[i]);
            r[i + 1] = operation.applyAsLong(a[i + 1], b[i + 1]);
        };
    }

    /** An operation on elements of some bits, zero-extended; the result is cut to its low bits. */
    static VectorOperation elements(int bits, LongBinaryOperator operation) {
        long mask = -1L >>> 64 - bits;
        return quads((a, b) -> {
            long r = 0;
            for (int at = 0; at < 64; at += bits) {
                r |= (operation.applyAsLong(a >>> at & mask, b >>> at & mask) & mask) << at;
            }
            return r;
        });
    }

    /** PUNPCKL and PUNPCKH: elements of the low or high quadwords, alternating. */
    static VectorOperation interleave(int bits, boolean high) {
        long mask = -1L >>> 64 - bits;
        return (a, b, i, r) -> {
            long one = a[high ? i + 1 : i];
            long other = b[high ? i + 1 : i];
            if (bits == 64) {
                r[i] = one;
                r[i + 1] = other;
                return;
            }
            r[i] = 0;
            r[i + 1] = 0;
            for (int from = 0, to = 0; from < 64; from += bits, to += 2 * bits) {
                long pair = one >>> from & mask | (other >>> from & mask) << bits;
                r[i + (to >> 6)] |= pair << (to & 63);
            }
        };
    }

    private static long doubleword(long[] v, int i, int n) {
        return v[i + (n >> 1)] >>> 32 * (n & 1) & 0xffff_ffffL;
    }

    /** PSHUFD. */
    static VectorOperation shuffleDoublewords(int order) {
        return (a, b, i, r) -> {
            long low = doubleword(b, i, order & 3) | doubleword(b, i, order >> 2 & 3) << 32;
            long high = doubleword(b, i, order >> 4 & 3) | doubleword(b, i, order >> 6 & 3) << 32;
            r[i] = low;
            r[i + 1] = high;
        };
    }

    /** PSHUFLW and PSHUFHW. */
    static VectorOperation shuffleWords(int order, boolean high) {
        return (a, b, i, r) -> {
            long words = b[high ? i + 1 : i];
            long shuffled = 0;
            for (int n = 0; n < 4; n++) {
                shuffled |= (words >>> 16 * (order >> 2 * n & 3) & 0xffff) << 16 * n;
            }
            long low = high ? b[i] : shuffled;
            r[i + 1] = high ? shuffled : b[i + 1];
            r[i] = low;
        };
    }

    /** PSHUFB. */
    static VectorOperation shuffleBytes() {
        return (a, b, i, r) -> {
            long[] result = new long[2];
            for (int n = 0; n < 16; n++) {
                int control = (int) (b[i + (n >> 3)] >>> 8 * (n & 7)) & 0xff;
                if (control < 0x80) {
                    long value = a[i + (control >> 3 & 1)] >>> 8 * (control & 7) & 0xff;
                    result[n >> 3] |= value << 8 * (n & 7);
                }
            }
            r[i] = result[0];
            r[i + 1] = result[1];
        };
    }

    /** A byte shift of a lane by a constant: PSLLDQ to the left, PSRLDQ to the right. */
    static VectorOperation shiftBytes(int count, boolean left) {
        return (a, b, i, r) -> {
            long low = b[i];
            long high = b[i + 1];
            int bits = Math.min(count, 16) * 8;
            r[i] = left ? shiftLeft(low, bits) : pair(low, high, bits);
            r[i + 1] = left ? shiftLeft(high, bits) | carried(low, bits) : shiftRight(high, bits);
        };
    }

    /** PALIGNR: the low lane of {@code a:b} shifted right. */
    static VectorOperation align(int count) {
        return (a, b, i, r) -> {
            int bits = Math.min(count, 32) * 8;
            long[] all = {b[i], b[i + 1], a[i], a[i + 1], 0, 0, 0};
            int from = bits >> 6;
            int within = bits & 63;
            long low = quad(all, from, within);
            r[i + 1] = quad(all, from + 1, within);
            r[i] = low;
        };
    }

    private static long quad(long[] all, int from, int within) {
        long low = from < all.length ? all[from] : 0;
        long high = from + 1 < all.length ? all[from + 1] : 0;
        return within == 0 ? low : low >>> within | high << 64 - within;
    }

    private static long shiftLeft(long value, int bits) {
        return bits >= 64 ? 0 : value << bits;
    }

    private static long shiftRight(long value, int bits) {
        return bits >= 64 ? 0 : value >>> bits;
    }

    /** What moves from the low into the high quadword when the lane shifts left. */
    private static long carried(long low, int bits) {
        return bits == 0 || bits >= 128 ? 0 : bits >= 64 ? low << bits - 64 : low >>> 64 - bits;
    }

    /** The low quadword of a lane shifted right. */
    private static long pair(long low, long high, int bits) {
        return bits == 0 ? low : bits >= 128 ? 0 : bits >= 64 ? high >>> bits - 64 : low >>> bits | high << 64 - bits;
    }
}
