package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** That a guest reads such a disk is for src/it to show. */
class FilesDiskTest {
    @TempDir
    Path directory;

    private Cache cache() {
        return new Cache(directory.resolve("cache"), Duration.ofSeconds(10));
    }

    private FilesDisk.Entry entry(String content) throws IOException {
        Path file = Files.writeString(directory.resolve("f" + content.hashCode()), content);
        return new FilesDisk.Entry(Cache.sha256(file) + "/f", file, Cache.sha256(file));
    }

    private long disks() throws IOException {
        try (Stream<Path> all = Files.list(directory.resolve("cache/files"))) {
            return all.filter(f -> f.toString().endsWith(".erofs")).count();
        }
    }

    @Test
    void filesOfTheSameContentAreOnOneDisk() throws IOException {
        FilesDisk.Entry large = entry("large ".repeat(10_000));
        FilesDisk.Entry small = entry("small");
        Path disk = FilesDisk.make(cache(), 1 << 30, List.of(large, small), () -> {});
        byte[] bytes = Files.readAllBytes(disk);
        assertEquals(0, bytes.length % 4096);
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        assertEquals(0, text.indexOf("large ".repeat(10_000)) % 4096, "a file starts at a page, to be mapped");
        assertEquals(0, text.indexOf("small") % 4096);
        assertTrue(text.contains(large.hash()) && text.contains(small.hash()));

        Path moved = Files.copy(small.host(), directory.resolve("elsewhere"));
        assertEquals(
                disk,
                FilesDisk.make(
                        cache(),
                        1 << 30,
                        List.of(large, new FilesDisk.Entry(small.path(), moved, small.hash())),
                        () -> {}));
        assertNotEquals(disk, FilesDisk.make(cache(), 1 << 30, List.of(large), () -> {}));
        assertEquals(2, disks());
    }

    @Test
    void aFileThatHasChangedMakesNoDisk() throws IOException {
        List<FilesDisk.Entry> files = List.of(entry("content"));
        HostLacks changed = new HostLacks("it has changed");
        assertEquals(
                changed,
                assertThrows(
                        HostLacks.class,
                        () -> FilesDisk.make(cache(), 1 << 30, files, () -> {
                            throw changed;
                        })));
        assertEquals(0, disks());
    }

    @Test
    void disksThatAreTooMuchGo() throws IOException {
        Path first = FilesDisk.make(cache(), 1, List.of(entry("first")), () -> {});
        assertTrue(Files.exists(first), "the one that is wanted stays");
        FilesDisk.make(cache(), 1, List.of(entry("second")), () -> {});
        assertEquals(1, disks());
    }
}
