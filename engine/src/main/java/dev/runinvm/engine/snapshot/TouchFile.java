package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.machine.FirstTouches;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What guests from a snapshot touch first, in a file beside it. Little-endian: magic "RIVMTUCH", the snapshot's check sums,
 * CRC-32C of the numbers, the numbers. Whatever is wrong with it, the guest only starts more slowly.
 */
final class TouchFile {
    static final String SUFFIX = ".touches";

    private static final Logger LOG = LoggerFactory.getLogger(TouchFile.class);
    private static final long MAGIC = 0x484355544d564952L;
    private static final int HEADER = 24;
    private static final int MOST_NUMBERS = 2 + FirstTouches.MOST_WRITTEN + 2 * FirstTouches.MOST_MAPPED;

    private TouchFile() {}

    /** Beside the snapshot. */
    static Path of(Path snapshot) {
        String name = String.valueOf(snapshot.getFileName());
        int dot = name.lastIndexOf('.');
        return snapshot.resolveSibling((dot < 0 ? name : name.substring(0, dot)) + SUFFIX);
    }

    /**
     * Reads one.
     *
     * @param identity of the snapshot's content
     * @return null if there is none for this snapshot
     */
    static @Nullable FirstTouches read(Path file, long identity) {
        try {
            if (!Files.exists(file)) {
                return null;
            }
            long size = Files.size(file);
            if (size < HEADER || size % 8 != 0 || size > HEADER + 8L * MOST_NUMBERS) {
                throw new IOException(size + " bytes");
            }
            ByteBuffer b = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
            if (b.getLong(0) != MAGIC || b.getLong(8) != identity || b.getLong(16) != check(b)) {
                throw new IOException("it belongs to another snapshot or is damaged");
            }
            long[] numbers = new long[(b.capacity() - HEADER) / 8];
            b.position(HEADER)
                    .slice()
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asLongBuffer()
                    .get(numbers);
            return FirstTouches.of(numbers);
        } catch (IOException | IllegalArgumentException e) {
            LOG.debug("{} is of no use: {}", file, e.toString());
            return null;
        }
    }

    /** Writes one, atomically. */
    static void write(Path file, long identity, FirstTouches touches) {
        long[] numbers = touches.toLongs();
        ByteBuffer b = ByteBuffer.allocate(HEADER + 8 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
        b.putLong(0, MAGIC).putLong(8, identity);
        b.position(HEADER).slice().order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().put(numbers);
        b.putLong(16, check(b));
        Path draft = null;
        try {
            draft = Files.createTempFile(file.toAbsolutePath().getParent(), "", SUFFIX + ".draft");
            try (FileChannel out = FileChannel.open(draft, StandardOpenOption.WRITE)) {
                b.position(0);
                while (b.hasRemaining()) {
                    out.write(b);
                }
            }
            Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            LOG.debug("{} is not kept: {}", file, e.toString());
            remove(draft);
        }
    }

    private static void remove(@Nullable Path draft) {
        try {
            if (draft != null) {
                Files.deleteIfExists(draft);
            }
        } catch (IOException e) {
            LOG.debug("{} stays: {}", draft, e.toString());
        }
    }

    private static long check(ByteBuffer b) {
        CRC32C crc = new CRC32C();
        crc.update(b.duplicate().position(HEADER));
        return crc.getValue();
    }
}
