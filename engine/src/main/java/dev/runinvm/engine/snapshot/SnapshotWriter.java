package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.machine.GuestMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.zip.CRC32C;

/** Writes a guest's memory and state into a new file that only its owner may read. The guest stands still meanwhile. */
public final class SnapshotWriter {
    private static final int PAGE = GuestMemory.PAGE_SIZE;
    /** Pages that are written with one call at most. */
    private static final int MOST = 256;

    private final GuestMemory memory;
    private final FileChannel file;
    private final long[] map;
    private final CRC32C check = new CRC32C();
    private final ByteBuffer run = ByteBuffer.allocateDirect(MOST * PAGE);
    private long runStart;
    private long pages;

    private SnapshotWriter(GuestMemory memory, FileChannel file) {
        this.memory = memory;
        this.file = file;
        map = new long[(int) ((memory.ramSize() + GuestMemory.WINDOW_SIZE) / PAGE + 63 >>> 6)];
    }

    /**
     * Writes a snapshot. It is whole only when this has returned.
     *
     * @param path must not exist
     * @param state what the machine's parts have written
     * @return bytes of the file that are not holes
     */
    public static long write(Path path, GuestMemory memory, byte[] state) throws IOException {
        var options = Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE);
        try (FileChannel file = FileChannel.open(
                path, options, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
            return new SnapshotWriter(memory, file).write(state);
        }
    }

    private long write(byte[] state) throws IOException {
        long end = memory.ramSize() + GuestMemory.WINDOW_SIZE;
        long dataStart = 0;
        long dataEnd = 0;
        for (long at = 0; at < end; at += PAGE) {
            if (memory.source(at) == 0) {
                if (at >= dataEnd) {
                    dataStart = memory.nextData(at) & -PAGE;
                    dataEnd = memory.nextHole(dataStart);
                }
                if (at >= dataStart) {
                    add(at);
                }
            } else if (!memory.isGiven(at)) {
                add(at);
            }
        }
        flush();
        CRC32C stateCheck = new CRC32C();
        stateCheck.update(state);
        ByteBuffer mapBytes = ByteBuffer.allocate(map.length * 8).order(ByteOrder.LITTLE_ENDIAN);
        mapBytes.asLongBuffer().put(map);
        stateCheck.update(mapBytes.array());
        SnapshotHeader header = new SnapshotHeader(
                memory.ramSize(),
                GuestMemory.WINDOW_SIZE,
                state.length,
                (int) stateCheck.getValue(),
                (int) check.getValue(),
                pages);
        write(ByteBuffer.wrap(state), header.stateAt());
        write(mapBytes, header.mapAt());
        write(header.encode(), 0);
        return pages * PAGE + state.length + mapBytes.capacity() + SnapshotHeader.SIZE;
    }

    private void add(long offset) throws IOException {
        ByteBuffer page = memory.buffer(offset);
        int index = memory.index(offset);
        if (isZero(page, index)) {
            return;
        }
        if (run.position() > 0 && (offset != runStart + run.position() || !run.hasRemaining())) {
            flush();
        }
        if (run.position() == 0) {
            runStart = offset;
        }
        run.put(run.position(), page, index, PAGE);
        run.position(run.position() + PAGE);
        int number = (int) (offset / PAGE);
        map[number >> 6] |= 1L << number;
        pages++;
    }

    private static boolean isZero(ByteBuffer page, int index) {
        for (int i = 0; i < PAGE; i += 8) {
            if (page.getLong(index + i) != 0) {
                return false;
            }
        }
        return true;
    }

    private void flush() throws IOException {
        run.flip();
        check.update(run.duplicate());
        write(run, SnapshotHeader.MEMORY_AT + runStart);
        run.clear();
    }

    private void write(ByteBuffer bytes, long at) throws IOException {
        long to = at;
        while (bytes.hasRemaining()) {
            to += file.write(bytes, to);
        }
    }
}
