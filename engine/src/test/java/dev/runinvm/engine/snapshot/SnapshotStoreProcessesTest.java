package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.image.Cache;
import dev.runinvm.engine.machine.GuestMemory;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Several builds use the folder of snapshots at once, and one of them may be killed at any moment. */
@Timeout(120)
class SnapshotStoreProcessesTest {
    private static final long LIMIT = 100 << 20;
    private static final String WRITING = "writing";

    @TempDir
    Path directory;

    private final List<Process> others = new ArrayList<>();

    @AfterEach
    void endOthers() throws InterruptedException {
        for (Process other : others) {
            other.destroyForcibly();
            other.waitFor();
        }
    }

    private static SnapshotStore store(Path cache, Duration patience) {
        return new SnapshotStore(new Cache(cache, patience), LIMIT);
    }

    private SnapshotStore store() {
        return store(directory, Duration.ofSeconds(60));
    }

    private static SnapshotFile get(SnapshotStore store, String key, AtomicInteger made) {
        return store.get(key, SnapshotStoreTest.about("the guest " + key), draft -> {
            made.incrementAndGet();
            SnapshotStoreTest.write(draft, 1 << 20);
        });
    }

    /** Another build. */
    static final class OtherBuild {
        private OtherBuild() {}

        /** Arguments: the cache, a key, and whether it writes the snapshot over and over or once when it is told to. */
        public static void main(String[] arguments) {
            boolean forEver = Boolean.parseBoolean(arguments[2]);
            store(Path.of(arguments[0]), Duration.ofSeconds(60))
                    .get(arguments[1], SnapshotStoreTest.about("the other build's guest"), draft -> {
                        if (forEver) {
                            writeForEver(draft);
                        }
                        System.out.println(WRITING);
                        System.in.read();
                        SnapshotStoreTest.write(draft, 1 << 20);
                    });
        }

        private static void writeForEver(Path draft) throws IOException {
            try (GuestMemory memory = GuestMemory.create(64 << 20)) {
                for (long at = 0; at < memory.ramSize(); at += 64) {
                    memory.putLong(at, at + 1);
                }
                System.out.println(WRITING);
                while (true) {
                    Files.deleteIfExists(draft);
                    SnapshotWriter.write(draft, memory, new byte[] {1});
                }
            }
        }
    }

    /** Starts one, and returns when it writes. */
    private Process otherBuild(String key, boolean forEver) throws IOException {
        Process other = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        OtherBuild.class.getName(),
                        directory.toString(),
                        key,
                        Boolean.toString(forEver))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        others.add(other);
        BufferedReader out = other.inputReader();
        assertEquals(WRITING, out.readLine());
        return other;
    }

    private static void kill(Process build) throws InterruptedException {
        build.destroyForcibly();
        assertTrue(build.waitFor(30, TimeUnit.SECONDS));
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve("snapshots"))) {
            return files.map(f -> String.valueOf(f.getFileName())).sorted().toList();
        }
    }

    @Test
    void aBuildThatIsKilledWhileItWritesLeavesNothingHalfMade() throws Exception {
        for (int i = 1; i <= 3; i++) {
            Process other = otherBuild("a", true);
            Path draft = directory.resolve("snapshots/a.draft");
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (!Files.exists(draft)) {
                assertTrue(System.nanoTime() < deadline, "nothing is written");
                Thread.sleep(i); // the kill is to come at several moments
            }
            kill(other);
            assertNull(store().find("a"), "what is not whole is not found");
            assertEquals(List.of(), store().list());
        }
        AtomicInteger made = new AtomicInteger();
        get(store(), "a", made).checkPages();
        assertEquals(1, made.get());
        assertEquals(List.of("a.note", "a.snapshot"), names());
    }

    @Test
    void whatKilledBuildsHaveLeftGoesWithTheNextSnapshotOrAllOfThem() throws Exception {
        AtomicInteger made = new AtomicInteger();
        for (boolean clear : new boolean[] {false, true}) {
            Process killed = otherBuild("a", true);
            Process atWork = otherBuild("b", true);
            Path draft = directory.resolve("snapshots/a.draft");
            kill(killed);
            while (!Files.exists(draft)) { // it was just about to begin the next
                killed = otherBuild("a", true);
                kill(killed);
            }
            if (clear) {
                store().clear();
            } else {
                get(store(), "c", made);
            }
            assertFalse(Files.exists(draft), "a draft that nobody writes");
            assertTrue(atWork.isAlive());
            assertThrows(
                    HostLacks.class,
                    () -> get(store(directory, Duration.ofMillis(100)), "b", made),
                    "another build still writes");
            atWork.destroyForcibly().waitFor();
        }
    }

    @Test
    void whoNeedsWhatAnotherBuildMakesWaitsForIt() throws Exception {
        Process other = otherBuild("a", false);
        AtomicInteger made = new AtomicInteger();
        HostLacks e = assertThrows(
                HostLacks.class, () -> get(store(directory, Duration.ofMillis(200)), "a", made), "a deadline");
        assertTrue(e.getMessage().contains("process " + other.pid()), e.getMessage());
        assertTrue(e.getMessage().contains("the other build's guest"), e.getMessage());
        ExecutorService waiting = Executors.newSingleThreadExecutor();
        try {
            Future<SnapshotFile> mine = waiting.submit(() -> get(store(), "a", made));
            assertNotNull(get(store(), "b", made), "another snapshot is no concern of theirs");
            assertFalse(mine.isDone());
            other.getOutputStream().close();
            mine.get(60, TimeUnit.SECONDS).checkPages();
        } finally {
            waiting.shutdownNow();
        }
        assertEquals(1, made.get(), "of the one that was shared none was made here");
        assertTrue(other.waitFor(30, TimeUnit.SECONDS));
        assertEquals(0, other.exitValue());
    }

    @Test
    void whoWaitsForABuildThatIsKilledMakesItHimself() throws Exception {
        Process other = otherBuild("a", false);
        AtomicInteger made = new AtomicInteger();
        ExecutorService waiting = Executors.newSingleThreadExecutor();
        try {
            Future<SnapshotFile> mine = waiting.submit(() -> get(store(), "a", made));
            other.destroyForcibly();
            mine.get(60, TimeUnit.SECONDS).checkPages();
        } finally {
            waiting.shutdownNow();
        }
        assertEquals(1, made.get());
    }

    @Test
    void threadsOfOneBuildShareIt() throws Exception {
        int threads = 6;
        AtomicInteger made = new AtomicInteger();
        CountDownLatch start = new CountDownLatch(1);
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        try {
            List<Future<SnapshotFile>> all = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                all.add(pool.submit(() -> {
                    start.await();
                    return get(store(), "a", made);
                }));
            }
            start.countDown();
            for (Future<SnapshotFile> one : all) {
                one.get(60, TimeUnit.SECONDS).checkPages();
            }
        } finally {
            pool.shutdownNow();
        }
        assertEquals(1, made.get());
    }
}
