package dev.runinvm.engine.machine;

import dev.runinvm.engine.os.ReadOnlyFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Memory that files back: read from them, written to the guest's own. */
class BackedMemoryTest {
    private static final int PAGE = GuestMemory.PAGE_SIZE;

    @TempDir
    Path directory;

    private Path file;

    @BeforeEach
    void makeFile() throws Exception {
        byte[] content = new byte[4 * PAGE + 100];
        for (int i = 0; i < content.length; i++) {
            content[i] = (byte) (i / PAGE + 1);
        }
        file = Files.write(directory.resolve("content"), content);
    }

    @Test
    void pagesAreReadFromTheFileUntilTheyAreWritten() throws Exception {
        try (GuestMemory one = GuestMemory.create(1 << 20, true);
                GuestMemory two = GuestMemory.create(1 << 20, true)) {
            one.give(8 * PAGE, ReadOnlyFile.open(file));
            two.give(8 * PAGE, ReadOnlyFile.open(file));
            List<Long> moved = new ArrayList<>();
            one.addPageListener(moved::add);
            assertEquals(1, one.source(9 * PAGE));
            assertEquals(PAGE, one.fileOffset(9 * PAGE));
            assertEquals(2, one.getByte(9 * PAGE + 5));
            assertTrue(one.isGiven(9 * PAGE));
            one.putByte(9 * PAGE + 5, (byte) 99);
            assertEquals(List.of(9L * PAGE), moved);
            assertEquals(0, one.source(9 * PAGE));
            assertFalse(one.isGiven(9 * PAGE));
            assertEquals(99, one.getByte(9 * PAGE + 5));
            assertEquals(2, one.getByte(9 * PAGE + 6), "the rest of the page went along");
            assertEquals(2, two.getByte(9 * PAGE + 5), "the other guest sees the file");
            assertEquals(1, one.pagesMadePrivate());
        }
        assertEquals(2, Files.readAllBytes(file)[PAGE + 5], "the file is never written");
    }

    @Test
    void manyPagesBecomePrivateAtOnce() throws Exception {
        try (GuestMemory memory = GuestMemory.create(1 << 20, true)) {
            memory.give(8 * PAGE, ReadOnlyFile.open(file));
            FirstTouches noted = new FirstTouches();
            memory.note(noted);
            List<Long> moved = new ArrayList<>();
            memory.addPageListener(moved::add);
            memory.makePrivate(new int[] {11, 8, 9, 9, 3, 4711, -1});
            assertEquals(List.of(8L * PAGE, 9L * PAGE, 11L * PAGE), moved);
            for (int page = 8; page < 12; page++) {
                assertEquals(page - 7, memory.getByte(page * PAGE + PAGE - 1), "page " + page);
                assertEquals(page == 10 ? 1 : 0, memory.source(page * PAGE), "page " + page);
            }
            assertEquals(3, memory.pagesMadePrivate());
            assertEquals(0, noted.written().length, "it was not the guest who wrote");
            memory.putByte(9 * PAGE, (byte) 1);
            memory.putByte(10 * PAGE, (byte) 1);
            assertEquals(10, noted.written()[0]);
            assertEquals(1, noted.written().length);
        }
    }

    @Test
    void thePieceOfAPageAtTheFilesEndIsCopied() {
        try (GuestMemory memory = GuestMemory.create(1 << 20, true)) {
            memory.give(0, ReadOnlyFile.open(file));
            assertEquals(5, memory.getByte(4 * PAGE + 99));
            assertEquals(0, memory.getByte(4 * PAGE + 100));
            assertEquals(0, memory.source(4 * PAGE));
        }
    }

    @Test
    void withoutSharingEverythingIsCopied() {
        try (GuestMemory memory = GuestMemory.create(1 << 20)) {
            memory.give(PAGE, ReadOnlyFile.open(file));
            assertEquals(0, memory.source(PAGE));
            assertEquals(1, memory.getByte(PAGE));
            assertEquals(1, memory.fds().length);
        }
    }

    @Test
    void onlyPagesThatAreThereAreTaken() {
        try (GuestMemory memory = GuestMemory.create(1 << 20, true)) {
            memory.putByte(PAGE, (byte) 77);
            memory.back(0, ReadOnlyFile.open(file), 0, 4 * PAGE, new long[] {0b1101});
            assertEquals(1, memory.getByte(0));
            assertEquals(77, memory.getByte(PAGE));
            assertEquals(3, memory.getByte(2 * PAGE));
        }
    }

    @Test
    void aRangeOutsideIsRefusedAndItsFileClosed() throws Exception {
        try (GuestMemory memory = GuestMemory.create(4 * PAGE, true)) {
            long before = descriptors();
            ReadOnlyFile opened = ReadOnlyFile.open(file);
            assertThrows(IllegalArgumentException.class, () -> memory.give(2 * PAGE, opened));
            assertEquals(before, descriptors());
        }
    }

    @Test
    void physicalIsTheInverseOfOffset() {
        try (GuestMemory memory = GuestMemory.create((4L << 30) + (1 << 20))) {
            for (long p : new long[] {0, 0x1234_5000L, 0x1_0000_3000L, GuestMemory.WINDOW_BASE + 8}) {
                assertEquals(p, memory.physical(memory.offset(p)), Long.toHexString(p));
            }
        }
    }

    private static long descriptors() throws Exception {
        try (var files = Files.list(Path.of("/proc/self/fd"))) {
            return files.count();
        }
    }
}
