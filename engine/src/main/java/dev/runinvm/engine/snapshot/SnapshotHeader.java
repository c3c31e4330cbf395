package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.SnapshotUnusable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * The first page of a snapshot's file, little-endian:
 *
 * <pre>
 *    0  u64 magic "RIVMSNAP"      8  u32 version of the layout   12  u32 CRC-32C of this page, this field being 0
 *   16  u64 bytes of RAM         24  u64 bytes of the window behind it
 *   32  u64 bytes of the state   40  u32 CRC-32C of state and page map   44  u32 CRC-32C of all pages there are
 *   48  u64 number of pages there are
 * </pre>
 *
 * From {@link #MEMORY_AT} on lie RAM and window, every page in its place, pages that are not there being holes; then the
 * state; then the page map, a bit for each page that is there.
 */
record SnapshotHeader(long ramSize, long windowSize, long stateSize, int stateCheck, int pagesCheck, long pages) {
    static final long MAGIC = 0x50414e534d564952L;
    static final int VERSION = 1;
    static final int SIZE = 4096;
    /** Where memory starts in the file. */
    static final long MEMORY_AT = SIZE;

    long memorySize() {
        return ramSize + windowSize;
    }

    long stateAt() {
        return MEMORY_AT + memorySize();
    }

    long mapSize() {
        return (memorySize() / 4096 + 63 >>> 6) * 8;
    }

    long mapAt() {
        return stateAt() + stateSize;
    }

    long fileSize() {
        return mapAt() + mapSize();
    }

    ByteBuffer encode() {
        ByteBuffer b = ByteBuffer.allocate(SIZE).order(ByteOrder.LITTLE_ENDIAN);
        b.putLong(0, MAGIC).putInt(8, VERSION);
        b.putLong(16, ramSize).putLong(24, windowSize).putLong(32, stateSize);
        b.putInt(40, stateCheck).putInt(44, pagesCheck).putLong(48, pages);
        b.putInt(12, check(b));
        return b;
    }

    /**
     * Reads a header.
     *
     * @throws SnapshotUnusable if it is none, or of another version
     */
    static SnapshotHeader decode(ByteBuffer page) {
        ByteBuffer b = page.order(ByteOrder.LITTLE_ENDIAN);
        if (b.getLong(0) != MAGIC) {
            throw new SnapshotUnusable("it is no snapshot");
        }
        if (b.getInt(8) != VERSION) {
            throw new SnapshotUnusable("it is of layout " + b.getInt(8) + ", this engine writes " + VERSION);
        }
        int check = b.getInt(12);
        b.putInt(12, 0);
        if (check(b) != check) {
            throw new SnapshotUnusable("its header does not match its check sum");
        }
        return new SnapshotHeader(
                b.getLong(16), b.getLong(24), b.getLong(32), b.getInt(40), b.getInt(44), b.getLong(48));
    }

    private static int check(ByteBuffer page) {
        CRC32C crc = new CRC32C();
        crc.update(page.duplicate().position(0).limit(SIZE));
        return (int) crc.getValue();
    }
}
