package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.machine.FirstTouches;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.os.ReadOnlyFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/** A snapshot to be read: header, state and page map checked, pages not. */
public final class SnapshotFile {
    private static final long STATE_LIMIT = 64L << 20;
    private static final int PAGE = GuestMemory.PAGE_SIZE;

    private final Path path;
    private final SnapshotHeader header;
    private final byte[] state;
    private final long[] map;

    private SnapshotFile(Path path, SnapshotHeader header, byte[] state, long[] map) {
        this.path = path;
        this.header = header;
        this.state = state;
        this.map = map;
    }

    /**
     * Reads all but the pages.
     *
     * @throws SnapshotUnusable if it is no whole snapshot of this version
     */
    public static SnapshotFile open(Path path) throws IOException {
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
            SnapshotHeader header = SnapshotHeader.decode(read(file, 0, SnapshotHeader.SIZE));
            if (header.ramSize() <= 0
                    || header.ramSize() % PAGE != 0
                    || header.ramSize() > 1L << 46
                    || header.windowSize() != GuestMemory.WINDOW_SIZE
                    || header.stateSize() < 0
                    || header.stateSize() > STATE_LIMIT) {
                throw new SnapshotUnusable("its header holds impossible sizes: " + header);
            }
            if (file.size() != header.fileSize()) {
                throw new SnapshotUnusable("it has " + file.size() + " bytes instead of " + header.fileSize());
            }
            ByteBuffer state = read(file, header.stateAt(), (int) header.stateSize());
            ByteBuffer map = read(file, header.mapAt(), (int) header.mapSize());
            CRC32C crc = new CRC32C();
            crc.update(state.array());
            crc.update(map.array());
            if ((int) crc.getValue() != header.stateCheck()) {
                throw new SnapshotUnusable("its state does not match its check sum");
            }
            long[] bits = new long[map.capacity() / 8];
            map.order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(bits);
            return new SnapshotFile(path, header, state.array(), bits);
        }
    }

    private static ByteBuffer read(FileChannel file, long at, int size) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(size);
        while (b.hasRemaining()) {
            if (file.read(b, at + b.position()) < 0) {
                throw new SnapshotUnusable("it ends after " + file.size() + " bytes");
            }
        }
        return b.flip();
    }

    /**
     * Compares all pages with their check sum: reads the whole file once.
     *
     * @throws SnapshotUnusable if they differ
     */
    public void checkPages() {
        CRC32C crc = new CRC32C();
        long pages = 0;
        try (ReadOnlyFile file = ReadOnlyFile.open(path)) {
            long end = header.memorySize() / PAGE;
            ByteBuffer chunk = ByteBuffer.allocate(0);
            long chunkStart = 0;
            for (long p = 0; p < end; p++) {
                if (!isPresent(p)) {
                    continue;
                }
                long first = p;
                while (p + 1 < end && isPresent(p + 1) && p + 1 - first < 1 << 16) {
                    p++;
                }
                long from = first * PAGE;
                int length = (int) (p + 1 - first) * PAGE;
                if (from < chunkStart || from + length > chunkStart + chunk.capacity()) {
                    chunkStart = from;
                    chunk = file.map(
                            SnapshotHeader.MEMORY_AT + from, (int) Math.min(1 << 30, header.memorySize() - from));
                }
                crc.update(chunk.duplicate()
                        .position((int) (from - chunkStart))
                        .limit((int) (from - chunkStart) + length));
                pages += p + 1 - first;
            }
        }
        if (pages != header.pages() || (int) crc.getValue() != header.pagesCheck()) {
            throw new SnapshotUnusable("its pages do not match their check sum");
        }
    }

    private boolean isPresent(long page) {
        return (map[(int) (page >>> 6)] & 1L << page) != 0;
    }

    public Path path() {
        return path;
    }

    /** The check sums of its content. */
    public long identity() {
        return (long) header.pagesCheck() << 32 | header.stateCheck() & 0xffff_ffffL;
    }

    /** What guests from this snapshot touch first, if one of them has told. */
    public @Nullable FirstTouches firstTouches() {
        return TouchFile.read(TouchFile.of(path), identity());
    }

    /** Keeps what a guest from this snapshot has touched first, for those that come after it. */
    public void keep(FirstTouches touches) {
        TouchFile.write(TouchFile.of(path), identity(), touches);
    }

    /** What the machine's parts had written. */
    public byte[] state() {
        return state.clone();
    }

    /** Bytes of RAM the guest has. */
    public long ramSize() {
        return header.ramSize();
    }

    /** Bytes that are not holes. */
    public long dataSize() {
        return header.pages() * PAGE + header.stateSize() + header.mapSize() + SnapshotHeader.SIZE;
    }

    /**
     * Makes the snapshot the content of fresh memory of the same size: RAM stays in the file as long as nobody writes it,
     * the window is copied.
     */
    public void fill(GuestMemory memory) {
        if (memory.ramSize() != header.ramSize()) {
            throw new IllegalArgumentException(
                    "memory of " + memory.ramSize() + " bytes for a snapshot of " + header.ramSize());
        }
        ReadOnlyFile file;
        try {
            file = ReadOnlyFile.open(path);
        } catch (HostLacks e) {
            throw new SnapshotUnusable("it cannot be opened any more: " + e.getMessage(), e);
        }
        int ramPages = (int) (header.ramSize() / PAGE);
        ByteBuffer window = file.map(SnapshotHeader.MEMORY_AT + header.ramSize(), GuestMemory.WINDOW_SIZE);
        memory.back(0, file, SnapshotHeader.MEMORY_AT, header.ramSize(), map);
        ByteBuffer target = memory.window();
        for (int i = 0; i < GuestMemory.WINDOW_SIZE / PAGE; i++) {
            if (isPresent(ramPages + i)) {
                target.put(i * PAGE, window, i * PAGE, PAGE);
            }
        }
    }
}
