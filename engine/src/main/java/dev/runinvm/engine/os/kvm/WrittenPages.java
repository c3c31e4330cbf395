package dev.runinvm.engine.os.kvm;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.stream.LongStream;

/** Which pages of a private mapping of a file have been written, as /proc/self/pagemap tells (Linux, admin-guide/mm/pagemap.rst). */
final class WrittenPages {
    static final int PAGE = 4096;

    private static final Path PAGEMAP = Path.of("/proc/self/pagemap");
    private static final int ENTRY = 8;
    private static final int CHUNK = 1 << 16;
    private static final long PRESENT = 1L << 63;
    private static final long SWAPPED = 1L << 62;
    /** A page of the file itself, not a copy. */
    private static final long OF_FILE = 1L << 61;

    private WrittenPages() {}

    /** Offsets, in bytes, of the pages between an address and a length that are copies of the file's. */
    static LongStream of(long address, long length) {
        LongStream.Builder offsets = LongStream.builder();
        try (FileChannel pagemap = FileChannel.open(PAGEMAP, StandardOpenOption.READ)) {
            long pages = length / PAGE;
            ByteBuffer chunk = ByteBuffer.allocate(CHUNK).order(ByteOrder.LITTLE_ENDIAN);
            for (long page = 0; page < pages; page += chunk.limit() / ENTRY) {
                chunk.clear().limit((int) Math.min(CHUNK, (pages - page) * ENTRY));
                read(pagemap, chunk, (address / PAGE + page) * ENTRY);
                for (int i = 0; i < chunk.limit() / ENTRY; i++) {
                    long entry = chunk.getLong(i * ENTRY);
                    if ((entry & (PRESENT | SWAPPED)) != 0 && (entry & OF_FILE) == 0) {
                        offsets.add((page + i) * PAGE);
                    }
                }
            }
        } catch (IOException e) {
            throw new HostLacks(
                    "cannot tell which pages a guest has written, for " + PAGEMAP + " cannot be read: " + e, e);
        }
        return offsets.build();
    }

    private static void read(FileChannel pagemap, ByteBuffer chunk, long at) throws IOException {
        while (chunk.hasRemaining()) {
            if (pagemap.read(chunk, at + chunk.position()) <= 0) {
                throw new IOException("it ends before address " + Long.toHexString(at / ENTRY * PAGE));
            }
        }
    }
}
