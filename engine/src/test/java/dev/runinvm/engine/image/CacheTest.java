package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

@Timeout(120)
class CacheTest {
    @TempDir
    Path directory;

    private final AtomicInteger made = new AtomicInteger();

    private Cache cache() {
        return new Cache(directory, Duration.ofSeconds(60));
    }

    private Path get(String content) {
        return cache().get("kind", "key", "the thing", out -> {
            made.incrementAndGet();
            out.write(content.getBytes(StandardCharsets.UTF_8));
        });
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve("kind"))) {
            return files.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void makesAnEntryOnce() throws IOException {
        assertNull(cache().find("kind", "key"));
        Path first = get("one");
        assertEquals(first, get("two"));
        assertEquals(first, cache().find("kind", "key"));
        assertEquals("one", Files.readString(first));
        assertEquals(1, made.get());
        assertEquals(List.of("key", "key.sha256"), files());
        assertEquals(Cache.sha256(first), cache().checksum(first));
    }

    @Test
    void whatIsLongestUnusedGoesWhenThereIsTooMuch() throws IOException {
        for (int i = 1; i <= 4; i++) {
            String key = "key" + i;
            cache().get("kind", key, "the thing", out -> out.write(new byte[100]));
            Files.setLastModifiedTime(
                    directory.resolve("kind/" + key + ".sha256"),
                    FileTime.fromMillis(System.currentTimeMillis() - (i == 1 ? 0 : 1000 * (10 - i))));
        }
        cache().trim("kind", 400, directory.resolve("kind/key2"));
        assertEquals(8, files().size(), "as much as may be is not too much");
        cache().trim("kind", 250, directory.resolve("kind/key2"));
        assertEquals(List.of("key1", "key1.sha256", "key2", "key2.sha256"), files());
        cache().trim("kind", 10, directory.resolve("kind/key2"));
        assertEquals(List.of("key2", "key2.sha256"), files());
    }

    @Test
    void makesADamagedEntryAnew() throws IOException {
        Path file = get("good content");
        Files.writeString(file, "gooD content");
        assertEquals("new", Files.readString(get("new")));
        assertEquals(2, made.get());
    }

    @Test
    void damageIsFoundEvenIfTheTimeWasPutBack() throws IOException {
        Path file = get("good content");
        FileTime time = Files.getLastModifiedTime(file);
        Files.writeString(file, "gooD content");
        Files.setLastModifiedTime(file, time);
        assertEquals("new", Files.readString(get("new")));
    }

    @Test
    void makesATruncatedEntryAnewAndOneWithoutChecksum() throws IOException {
        Path file = get("good content");
        Files.writeString(file, "good");
        get("second");
        assertEquals(2, made.get());
        Files.delete(directory.resolve("kind/key.sha256"));
        get("third");
        Files.writeString(directory.resolve("kind/key.sha256"), "nonsense");
        assertEquals("fourth", Files.readString(get("fourth")));
        assertEquals(4, made.get());
    }

    @Test
    void aCopyOfTheCacheStaysValid() throws IOException {
        Path file = get("content");
        Path copy = directory.resolve("copy");
        Files.copy(file, copy);
        Files.move(copy, file, StandardCopyOption.REPLACE_EXISTING); // another inode, other times
        assertEquals(file, get("again"));
        assertEquals(1, made.get());
    }

    @Test
    void aFailureLeavesNothing() throws IOException {
        Cache.Maker failing = out -> {
            out.write(new byte[100_000]);
            throw new IOException("the network is gone");
        };
        HostLacks e = assertThrows(HostLacks.class, () -> cache().get("kind", "key", "the thing", failing));
        assertTrue(e.getMessage().contains("the thing") && e.getMessage().contains("the network is gone"));
        assertEquals(List.of(), files());

        Cache.Maker lacking = out -> {
            throw new HostLacks("no kernel");
        };
        assertEquals(
                "no kernel",
                assertThrows(HostLacks.class, () -> cache().get("kind", "key", "it", lacking))
                        .getMessage());
        assertEquals(List.of(), files());
        get("works then");
    }

    @Test
    void aFailureKeepsTheOldEntryWhenReplacing() throws IOException {
        Path file = get("old");
        assertThrows(
                HostLacks.class,
                () -> cache().replace("kind", "key", "it", out -> {
                    throw new IOException("no");
                }));
        assertEquals(file, cache().find("kind", "key"));
        assertEquals("old", Files.readString(file));
        cache().replace("kind", "key", "it", out -> out.write("newer".getBytes(StandardCharsets.UTF_8)));
        assertEquals("newer", Files.readString(get("unused")));
    }

    @Test
    void aKilledBuildsLeftoverIsRemoved() throws IOException {
        Files.createDirectories(directory.resolve("kind"));
        Files.writeString(directory.resolve("kind/key.tmp"), "half");
        get("whole");
        assertEquals(List.of("key", "key.sha256"), files());
    }

    @Test
    void aFullDiskIsToldAndLeavesNothing() throws IOException {
        HostLacks e = assertThrows(
                HostLacks.class,
                () -> cache().get("kind", "key", "the image", out -> {
                    out.write(1);
                    throw new IOException("No space left on device");
                }));
        assertTrue(e.getMessage().contains("the disk is full: the image does not fit"), e.getMessage());
        assertTrue(e.getMessage().contains("runinvm.cache"), e.getMessage());
        assertEquals(List.of(), files());
    }

    @Test
    void aReallyFullDiskIsToldAndLeavesNothing() throws Exception {
        Path mount = Files.createDirectory(directory.resolve("small"));
        boolean mounted = run("mount", "-t", "tmpfs", "-o", "size=1m", "none", mount.toString()) == 0;
        assumeTrue(mounted, "may not mount a tmpfs");
        try {
            Cache small = new Cache(mount, Duration.ofSeconds(10));
            HostLacks e = assertThrows(
                    HostLacks.class, () -> small.get("kind", "key", "the image", out -> out.write(new byte[3 << 20])));
            assertTrue(e.getMessage().contains("the disk is full"), e.getMessage());
            try (Stream<Path> left = Files.list(mount.resolve("kind"))) {
                assertEquals(0, left.count());
            }
            assertNotNull(small.get("kind", "key", "the image", out -> out.write(new byte[100])));
        } finally {
            assertEquals(0, run("umount", mount.toString()));
        }
    }

    private static int run(String... command) throws Exception {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException noSuchProgram) {
            return 127;
        }
        try (InputStream out = process.getInputStream()) {
            out.readAllBytes();
        }
        return process.waitFor();
    }

    @Test
    void aDirectoryThatCannotBeMadeIsNamed() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "");
        Cache cache = new Cache(file.resolve("cache"), Duration.ofSeconds(1));
        HostLacks e = assertThrows(HostLacks.class, () -> cache.get("kind", "key", "it", out -> out.write(1)));
        assertTrue(e.getMessage().contains(file.toString()) && e.getMessage().contains("runinvm.cache"));
    }

    @Test
    void threadsMakeAnEntryOnce() throws Exception {
        int threads = 8;
        CountDownLatch start = new CountDownLatch(1);
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            List<Future<Path>> results = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int n = i;
                results.add(pool.submit(() -> {
                    start.await();
                    return get("content of " + n);
                }));
            }
            start.countDown();
            String content = null;
            for (Future<Path> result : results) {
                String read = Files.readString(result.get(60, TimeUnit.SECONDS));
                assertTrue(content == null || content.equals(read));
                content = read;
            }
        } finally {
            pool.shutdownNow();
        }
        assertEquals(1, made.get());
    }

    @Test
    void whoWaitsTooLongLearnsForWhom() throws Exception {
        CountDownLatch holding = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        Thread holder = new Thread(() -> cache().get("kind", "key", "the slow thing", out -> {
            holding.countDown();
            awaitQuietly(release);
            out.write(1);
        }));
        holder.start();
        try {
            assertTrue(holding.await(30, TimeUnit.SECONDS));
            Cache impatient = new Cache(directory, Duration.ofMillis(200));
            HostLacks e = assertThrows(HostLacks.class, () -> impatient.get("kind", "key", "it", out -> out.write(2)));
            assertTrue(
                    e.getMessage().contains("process " + ProcessHandle.current().pid())
                            && e.getMessage().contains("the slow thing"),
                    e.getMessage());
        } finally {
            release.countDown();
            holder.join(30_000);
        }
        assertFalse(holder.isAlive());
    }

    private static void awaitQuietly(CountDownLatch latch) {
        try {
            assertTrue(latch.await(60, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Another process: makes the entry, tells when it started, and goes on when its input ends. */
    static final class OtherBuild {
        private OtherBuild() {}

        public static void main(String[] args) {
            new Cache(Path.of(args[0]), Duration.ofSeconds(60))
                    .get("kind", "key", "the other build's", (OutputStream out) -> {
                        System.out.println("making");
                        System.out.flush();
                        System.in.read();
                        out.write("other".getBytes(StandardCharsets.UTF_8));
                    });
        }
    }

    private Process otherBuild() throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        OtherBuild.class.getName(),
                        directory.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
    }

    private static void awaitMaking(Process other) throws IOException {
        StringBuilder line = new StringBuilder();
        int c;
        while ((c = other.getInputStream().read()) >= 0 && c != '\n') {
            line.append((char) c);
        }
        assertEquals("making", line.toString());
    }

    @Test
    void anotherProcessIsWaitedFor() throws Exception {
        Process other = otherBuild();
        try {
            awaitMaking(other);
            HostLacks e = assertThrows(
                    HostLacks.class,
                    () -> new Cache(directory, Duration.ofMillis(100)).get("kind", "key", "it", out -> out.write(1)));
            assertTrue(e.getMessage().contains("process " + other.pid()), e.getMessage());
            other.getOutputStream().close();
            assertEquals("other", Files.readString(get("mine")));
            assertEquals(0, made.get());
            assertTrue(other.waitFor(30, TimeUnit.SECONDS));
        } finally {
            other.destroyForcibly();
        }
    }

    @Test
    void aKilledProcessHoldsNothing() throws Exception {
        Process other = otherBuild();
        try {
            awaitMaking(other);
            other.destroyForcibly();
            assertTrue(other.waitFor(30, TimeUnit.SECONDS));
            assertEquals("mine", Files.readString(get("mine")));
        } finally {
            other.destroyForcibly();
        }
        assertEquals(List.of("key", "key.sha256"), files());
    }

    @Test
    void whatNobodyUsesIsRemoved() throws IOException {
        Path old = cache().get("kind", "old", "it", out -> out.write(1));
        Files.setLastModifiedTime(
                directory.resolve("kind/old.sha256"),
                FileTime.fromMillis(
                        System.currentTimeMillis() - Duration.ofDays(31).toMillis()));
        get("new");
        assertFalse(Files.exists(old));
        assertEquals(List.of("key", "key.sha256"), files());
    }
}
