package dev.runinvm.engine.machine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class GuestMemoryTest {
    private static final long FOUR_GIB = 1L << 32;
    private static final int SIZE = 3 * 4096 + 7;

    @TempDir
    Path folder;

    private final byte[] content = new byte[SIZE];

    GuestMemoryTest() {
        new Random(3).nextBytes(content);
    }

    @Test
    void aFileAndABufferAreLoadedWhereTheyBelong() throws IOException {
        Path file = Files.write(folder.resolve("image"), content);
        try (GuestMemory memory = GuestMemory.create(GuestMemory.LOW_LIMIT + (1 << 20));
                FileChannel channel = FileChannel.open(file)) {
            for (long physical : new long[] {0x1001, GuestMemory.LOW_LIMIT - SIZE, FOUR_GIB}) {
                channel.position(0);
                assertEquals(SIZE, memory.load(channel, SIZE, physical));
                assertContent(memory, physical);
                memory.load(ByteBuffer.wrap(content), physical + 64 < FOUR_GIB ? 0x10_0000 : FOUR_GIB + 0x1_0000);
            }
            assertContent(memory, 0x10_0000);
            assertContent(memory, FOUR_GIB + 0x1_0000);
        }
    }

    @Test
    void aFileThatIsTooShortIsToldOf() throws IOException {
        Path file = Files.write(folder.resolve("image"), content);
        try (GuestMemory memory = GuestMemory.create(1 << 20);
                FileChannel channel = FileChannel.open(file)) {
            assertEquals(SIZE, memory.load(channel, SIZE + 100, 0));
        }
    }

    @Test
    void nothingIsLoadedBeyondTheEnd() throws IOException {
        Path file = Files.write(folder.resolve("image"), content);
        try (GuestMemory memory = GuestMemory.create(1 << 20);
                FileChannel channel = FileChannel.open(file)) {
            long last = memory.ramSize() - 4096;
            assertThrows(IndexOutOfBoundsException.class, () -> memory.load(channel, SIZE, last));
            assertThrows(IndexOutOfBoundsException.class, () -> memory.load(ByteBuffer.wrap(content), last));
            assertEquals(0, memory.window().getLong(0));
        }
    }

    private void assertContent(GuestMemory memory, long physical) {
        byte[] there = new byte[SIZE];
        memory.read(physical, there, 0, SIZE);
        assertArrayEquals(content, there);
    }
}
