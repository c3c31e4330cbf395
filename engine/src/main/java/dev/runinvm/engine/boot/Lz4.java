package dev.runinvm.engine.boot;

import java.io.IOException;
import java.util.Arrays;

/**
 * Decoder of the LZ4 <em>legacy</em> frame (magic 0x184C2102), the only one Linux uses for itself: blocks of at most
 * 8 MiB of plain data, each preceded by its compressed size, until the input ends. Formats: lz4_Frame_format.md,
 * "Legacy frame", and lz4_Block_format.md of the LZ4 project. (Commons Compress reads modern frames only.)
 */
final class Lz4 {
    static final int LEGACY_MAGIC = 0x184C_2102;
    private static final int BLOCK_MAX = 8 << 20;
    private static final int MIN_MATCH = 4;

    private final byte[] in;
    private byte[] out;
    private int written;

    private Lz4(byte[] in, int sizeHint) {
        this.in = in;
        this.out = new byte[sizeHint];
    }

    /**
     * Decodes one frame.
     *
     * @param in the frame and nothing behind it
     * @param sizeHint bytes it should become
     * @param sizeLimit bytes it may become at most
     * @throws IOException if it is damaged or becomes larger
     */
    static byte[] decodeLegacy(byte[] in, int sizeHint, int sizeLimit) throws IOException {
        Lz4 decoder = new Lz4(in, Math.min(Math.max(sizeHint, 0), sizeLimit));
        if (in.length < 4 || decoder.int32(0) != LEGACY_MAGIC) {
            throw new IOException("not an LZ4 legacy frame");
        }
        int at = 4;
        while (at < in.length) {
            if (in.length - at < 4) {
                throw new IOException("LZ4 data truncated in a block's size");
            }
            int size = decoder.int32(at);
            at += 4;
            if (size == LEGACY_MAGIC) {
                continue; // frames may be concatenated
            }
            if (size <= 0 || size > in.length - at) {
                throw new IOException(
                        "LZ4 block of " + (size & 0xffff_ffffL) + " bytes, " + (in.length - at) + " are there");
            }
            decoder.block(at, at + size, sizeLimit);
            at += size;
        }
        return decoder.written == decoder.out.length ? decoder.out : Arrays.copyOf(decoder.out, decoder.written);
    }

    private int int32(int i) {
        return in[i] & 0xff | (in[i + 1] & 0xff) << 8 | (in[i + 2] & 0xff) << 16 | (in[i + 3] & 0xff) << 24;
    }

    private void block(int start, int end, int sizeLimit) throws IOException {
        int blockStart = written;
        int blockLimit = (int) Math.min((long) written + BLOCK_MAX, sizeLimit);
        int at = start;
        try {
            while (true) {
                int token = in[at++] & 0xff;
                int literals = token >>> 4;
                if (literals == 15) {
                    int more;
                    do {
                        more = in[at++] & 0xff;
                        literals += more;
                    } while (more == 255 && literals < BLOCK_MAX);
                }
                if (literals > end - at) {
                    throw new IOException("LZ4 literals reach over the block's end");
                }
                reserve(literals, blockLimit);
                System.arraycopy(in, at, out, written, literals);
                at += literals;
                written += literals;
                if (at >= end) {
                    return; // the last sequence has literals only
                }
                int distance = in[at] & 0xff | (in[at + 1] & 0xff) << 8;
                at += 2;
                int length = token & 15;
                if (length == 15) {
                    int more;
                    do {
                        more = in[at++] & 0xff;
                        length += more;
                    } while (more == 255 && length < BLOCK_MAX);
                }
                if (distance == 0 || distance > written - blockStart) {
                    throw new IOException("LZ4 match starts before its block");
                }
                copyMatch(distance, length + MIN_MATCH, blockLimit);
            }
        } catch (ArrayIndexOutOfBoundsException e) {
            throw new IOException("LZ4 data truncated", e);
        }
    }

    private void copyMatch(int distance, int length, int limit) throws IOException {
        reserve(length, limit);
        int from = written - distance;
        if (distance >= length) {
            System.arraycopy(out, from, out, written, length);
        } else {
            for (int i = 0; i < length; i++) { // overlapping: the pattern repeats
                out[written + i] = out[from + i];
            }
        }
        written += length;
    }

    private void reserve(int more, int limit) throws IOException {
        if (more > limit - written) {
            throw new IOException("LZ4 data becomes larger than it may");
        }
        if (more > out.length - written) {
            out = Arrays.copyOf(out, (int) Math.min(limit, Math.max(written + (long) more, out.length * 2L)));
        }
    }
}
