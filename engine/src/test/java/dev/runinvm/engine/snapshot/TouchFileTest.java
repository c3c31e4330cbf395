package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.machine.FirstTouches;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

class TouchFileTest {
    private static final long IDENTITY = 0x1234_5678_9abcL;

    @TempDir
    Path directory;

    private Path write() {
        FirstTouches touches = new FirstTouches();
        touches.mapped(0x1000, 0x40_0000);
        touches.mapped(0x1000, 0x50_0000);
        Path file = TouchFile.of(directory.resolve("a.snapshot"));
        TouchFile.write(file, IDENTITY, touches);
        return file;
    }

    @Test
    void whatWasKeptComesBackForTheSameSnapshotOnly() throws Exception {
        Path file = write();
        FirstTouches back = TouchFile.read(file, IDENTITY);
        assertNotNull(back);
        assertArrayEquals(new long[] {0x40_0000, 0x50_0000}, back.mapped(0x1000));
        assertNull(TouchFile.read(file, IDENTITY + 1));
        assertNull(TouchFile.read(directory.resolve("b.touches"), IDENTITY));
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(List.of(file), files.toList(), "no draft stays");
        }
    }

    @Test
    void everyDamageIsFound() throws Exception {
        Path file = write();
        byte[] good = Files.readAllBytes(file);
        for (int i = 0; i < good.length; i++) {
            byte[] bad = good.clone();
            bad[i] ^= 4;
            Files.write(file, bad);
            assertNull(TouchFile.read(file, IDENTITY), "byte " + i);
        }
        for (int length : new int[] {0, 8, 23, good.length - 1, good.length - 8}) {
            Files.write(file, java.util.Arrays.copyOf(good, length));
            assertNull(TouchFile.read(file, IDENTITY), length + " bytes");
        }
    }

    @Test
    void aFolderThatCannotBeWrittenIsNoFailure() {
        TouchFile.write(directory.resolve("missing").resolve("a.touches"), IDENTITY, new FirstTouches());
    }
}
