package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.machine.GuestMemory;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What is written comes back; what was damaged since is found. */
class SnapshotFileTest {
    private static final long RAM = 64 << 20;
    private static final byte[] STATE = "the state of all parts".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    private static final Map<Long, Byte> CONTENT = Map.of(
            0L, (byte) 1, 4096L * 77 + 5, (byte) 2, 4096L * 78, (byte) 3, RAM - 1, (byte) 4, 32L << 20, (byte) 5);

    @TempDir
    Path directory;

    private Path file;
    private long written;

    @BeforeEach
    void write() throws Exception {
        file = directory.resolve("one");
        try (GuestMemory memory = GuestMemory.create(RAM)) {
            CONTENT.forEach(memory::putByte);
            memory.putByte(4096 * 500, (byte) 0); // touched, but zero
            memory.window().put(4096, (byte) 42);
            written = SnapshotWriter.write(file, memory, STATE);
        }
    }

    private void overwrite(long at, int value) throws Exception {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(new byte[] {(byte) value}), at);
        }
    }

    private String problem() {
        return String.valueOf(assertThrows(
                        SnapshotUnusable.class, () -> SnapshotFile.open(file).checkPages())
                .getMessage());
    }

    @Test
    void memoryAndStateComeBack() throws Exception {
        SnapshotFile snapshot = SnapshotFile.open(file);
        snapshot.checkPages();
        assertArrayEquals(STATE, snapshot.state());
        assertEquals(RAM, snapshot.ramSize());
        assertEquals(written, snapshot.dataSize());
        for (boolean sharing : new boolean[] {true, false}) {
            try (GuestMemory memory = GuestMemory.create(RAM, sharing)) {
                snapshot.fill(memory);
                CONTENT.forEach((at, value) -> assertEquals(value, memory.getByte(at), "at " + at));
                assertEquals(42, memory.window().get(4096));
                assertEquals(0, memory.source(4096 * 500), "a page of zeroes is not in the file");
                memory.putByte(0, (byte) 9);
                assertEquals(9, memory.getByte(0));
            }
        }
        snapshot.checkPages();
    }

    @Test
    void aSnapshotOfARestoredGuestIsTheSame() throws Exception {
        Path second = directory.resolve("two");
        try (GuestMemory memory = GuestMemory.create(RAM, true)) {
            SnapshotFile.open(file).fill(memory);
            SnapshotWriter.write(second, memory, STATE);
        }
        assertEquals(-1, Files.mismatch(file, second));
        Path third = directory.resolve("three");
        try (GuestMemory memory = GuestMemory.create(RAM, true)) {
            SnapshotFile.open(file).fill(memory);
            memory.putByte(4096 * 78, (byte) 7);
            memory.putByte(4096 * 4000, (byte) 8);
            SnapshotWriter.write(third, memory, STATE);
        }
        try (GuestMemory memory = GuestMemory.create(RAM, true)) {
            SnapshotFile.open(third).fill(memory);
            assertEquals(7, memory.getByte(4096 * 78));
            assertEquals(8, memory.getByte(4096 * 4000));
            assertEquals(2, memory.getByte(4096 * 77 + 5));
        }
    }

    @Test
    void itIsSparseAndPrivate() throws Exception {
        assertTrue(written < 100_000, written + " bytes");
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        Process du = new ProcessBuilder("du", "-B1", file.toString()).start();
        String blocks = new String(du.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.US_ASCII);
        assertTrue(Long.parseLong(blocks.split("\\s")[0]) < 1 << 20, blocks);
    }

    @Test
    void aChangedPageIsFound() throws Exception {
        overwrite(SnapshotHeader.MEMORY_AT + 4096L * 77 + 6, 1);
        assertTrue(problem().contains("pages do not match"), problem());
    }

    @Test
    void changedStateIsFound() throws Exception {
        overwrite(Files.size(file) - 1, 1);
        assertTrue(problem().contains("state does not match"), problem());
    }

    @Test
    void aTruncatedFileIsFound() throws Exception {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(Files.size(file) / 2);
        }
        assertTrue(problem().contains("bytes instead of"), problem());
        Files.write(file, new byte[100]);
        assertTrue(problem().contains("ends after 100 bytes"), problem());
    }

    @Test
    void anotherVersionAndAForeignFileAreFound() throws Exception {
        overwrite(8, 99);
        assertTrue(problem().contains("layout 99"), problem());
        Files.write(file, new byte[10_000]);
        assertTrue(problem().contains("no snapshot"), problem());
    }

    @Test
    void aChangedHeaderIsFound() throws Exception {
        overwrite(20, 7);
        assertTrue(problem().contains("header does not match"), problem());
    }
}
