package dev.runinvm.engine.boot;

import com.github.luben.zstd.ZstdInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorInputStream;
import org.jspecify.annotations.Nullable;
import org.tukaani.xz.LZMAInputStream;
import org.tukaani.xz.SingleXZInputStream;

/** How a kernel's payload may be compressed (lib/decompress.c of Linux holds the magics). */
public enum Compression {
    NONE,
    GZIP,
    BZIP2,
    LZMA,
    XZ,
    LZO,
    LZ4,
    ZSTD;

    /** No x86-64 kernel is anywhere near; what claims to be larger is damaged. */
    static final int SIZE_LIMIT = 1 << 30;

    /** Recognises by the first bytes; null if it is none of these. */
    static @Nullable Compression of(ByteBuffer data) {
        if (Elf64.looksLikeElf(data)) {
            return NONE;
        }
        if (data.remaining() < 6) {
            return null;
        }
        ByteBuffer le = data.slice().order(ByteOrder.LITTLE_ENDIAN);
        int word = le.getInt(0);
        return switch (word & 0xffff) {
            case 0x8b1f, 0x9e1f -> GZIP;
            case 0x5a42 -> BZIP2;
            case 0x005d -> LZMA;
            case 0x37fd -> XZ;
            case 0x4c89 -> LZO;
            case 0x2102 -> word == Lz4.LEGACY_MAGIC ? LZ4 : null;
            case 0xb528 -> ZSTD;
            default -> null;
        };
    }

    /**
     * Whether Linux' build appends the plain size (4 bytes, little-endian) to data of this kind; gzip has it anyway
     * (scripts/Makefile.lib, size_append).
     */
    boolean sizeAppended() {
        return this != NONE && this != GZIP;
    }

    /**
     * Unpacks.
     *
     * @param data the compressed stream, without an appended size
     * @param sizeHint bytes it should become, or 0
     * @throws IOException if the data is damaged or becomes larger than {@link #SIZE_LIMIT}
     */
    byte[] decode(byte[] data, int sizeHint) throws IOException {
        if (this == NONE) {
            return data;
        }
        if (this == LZ4) {
            return Lz4.decodeLegacy(data, sizeHint, SIZE_LIMIT);
        }
        try (InputStream in = open(new ByteArrayInputStream(data))) {
            byte[] out = new byte[Math.min(Math.max(sizeHint, 1 << 16), SIZE_LIMIT)];
            int n = 0;
            while (true) {
                int r = in.read(out, n, out.length - n);
                if (r > 0) {
                    n += r;
                }
                if (r < 0) {
                    return n == out.length ? out : Arrays.copyOf(out, n);
                }
                if (n == out.length) {
                    int next = in.read();
                    if (next < 0) {
                        return out;
                    }
                    if (n == SIZE_LIMIT) {
                        throw new IOException("the data becomes larger than " + SIZE_LIMIT + " bytes");
                    }
                    out = Arrays.copyOf(out, (int) Math.min(SIZE_LIMIT, out.length * 2L));
                    out[n++] = (byte) next;
                }
            }
        }
    }

    private InputStream open(InputStream in) throws IOException {
        return switch (this) {
            case GZIP -> new GZIPInputStream(in, 1 << 16);
            case BZIP2 -> new BZip2CompressorInputStream(in);
            case LZMA -> new LZMAInputStream(in);
            case XZ -> new SingleXZInputStream(in);
            case ZSTD -> new ZstdInputStream(in);
            case LZO -> throw new IOException("LZO is not supported");
            case NONE, LZ4 -> throw new AssertionError(this);
        };
    }
}
