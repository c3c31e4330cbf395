package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.image.Cache;
import dev.runinvm.engine.machine.FirstTouches;
import dev.runinvm.engine.machine.GuestMemory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
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

/** The folder of snapshots keeps to its size, says what it removes, and stands whatever happens to its files. */
@Timeout(120)
class SnapshotStoreTest {
    private static final long RAM = 2 << 20;
    private static final byte[] STATE = {1, 2, 3};
    private static final long MIB = 1 << 20;

    @TempDir
    Path directory;

    private int made;

    private SnapshotStore store(Path cache, long limit) {
        return new SnapshotStore(new Cache(cache, Duration.ofSeconds(20)), limit);
    }

    private SnapshotStore store() {
        return store(directory, 100 * MIB);
    }

    private Path file(String key) {
        return directory.resolve("snapshots").resolve(key + ".snapshot");
    }

    /** A guest of whose RAM so many bytes are not zero. */
    static void write(Path draft, long bytes) throws IOException {
        try (GuestMemory memory = GuestMemory.create(RAM)) {
            for (long at = 0; at < bytes; at += 8) {
                memory.putLong(at, at + 1);
            }
            SnapshotWriter.write(draft, memory, STATE);
        }
    }

    static SnapshotStore.About about(String what) {
        return new SnapshotStore.About(what, List.of("technique: FULL"));
    }

    private SnapshotFile get(SnapshotStore store, String key, long bytes) {
        return store.get(key, about("a guest called " + key), draft -> {
            made++;
            write(draft, bytes);
        });
    }

    private static List<String> keys(SnapshotStore store) {
        return store.list().stream().map(SnapshotStore.Entry::key).toList();
    }

    private List<String> names() throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve("snapshots"))) {
            return files.map(f -> String.valueOf(f.getFileName())).sorted().toList();
        }
    }

    private void lastUsed(String key, int hoursAgo) throws IOException {
        Files.setLastModifiedTime(
                directory.resolve("snapshots").resolve(key + ".note"),
                FileTime.from(Instant.now().minus(hoursAgo, ChronoUnit.HOURS)));
    }

    private interface Work {
        void run() throws Exception;
    }

    /** Lines that are logged meanwhile: slf4j-simple writes to System.err. */
    private static List<String> logged(Work work) throws Exception {
        PrintStream before = System.err;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        System.setErr(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            work.run();
        } finally {
            System.setErr(before);
        }
        return bytes.toString(StandardCharsets.UTF_8).lines().toList();
    }

    private static void flip(Path file, long at) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            channel.read(one, at);
            one.put(0, (byte) (one.get(0) ^ 0x10));
            channel.write(one.flip(), at);
        }
    }

    @Test
    void aSnapshotIsMadeOnceAndFoundFromThenOn() throws Exception {
        assertNull(store().find("a"));
        get(store(), "a", MIB);
        SnapshotFile again = get(store(), "a", MIB);
        assertEquals(1, made);
        assertEquals(file("a"), again.path());
        SnapshotFile found = store().find("a");
        assertNotNull(found);
        found.checkPages();
        assertEquals(3, found.state()[2]);
        SnapshotStore.Entry entry = store().list().get(0);
        assertEquals("a guest called a", entry.about().what());
        assertEquals(List.of("technique: FULL"), entry.about().shape());
        assertEquals(found.dataSize(), entry.bytes());
        assertTrue(Duration.between(entry.lastUsed(), Instant.now()).compareTo(Duration.ofMinutes(1)) < 0);
        assertEquals(List.of("a.note", "a.snapshot"), names());
    }

    /** A link that leads nowhere is listed and cannot be looked at, as what another build has removed in between. */
    @Test
    void aDraftThatIsGoneWhenItIsLookedAtCostsNobodyASnapshot() throws Exception {
        get(store(), "a", MIB);
        Path gone = directory.resolve("snapshots").resolve("b1.note.draft");
        Files.createSymbolicLink(gone, directory.resolve("nowhere"));
        get(store(), "c", MIB).checkPages();
        assertEquals(2, made);
    }

    @Test
    void nobodyElseMayReadAnyOfIt() throws Exception {
        SnapshotFile snapshot = get(store(), "a", MIB);
        snapshot.keep(new FirstTouches());
        assertFalse(store().isWanted("b"));
        assertEquals(List.of("a.note", "a.snapshot", "a.touches", "b.wanted"), names());
        for (String name : names()) {
            Path file = directory.resolve("snapshots").resolve(name);
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)), name);
        }
        assertEquals(
                "rwx------",
                PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve("snapshots"))));
    }

    @Test
    void whoAsksForTheSecondTimeIsToldSo() throws Exception {
        assertFalse(store().isWanted("a"));
        assertTrue(store().isWanted("a"));
        get(store(), "a", MIB);
        assertFalse(names().contains("a.wanted"), "it is there now");
    }

    @Test
    void theLeastRecentlyUsedGoWhenAllTakeTooMuch() throws Exception {
        SnapshotStore store = store(directory, 4 * MIB);
        for (String key : List.of("a", "b", "c")) {
            get(store, key, MIB);
        }
        lastUsed("a", 3);
        lastUsed("b", 2);
        lastUsed("c", 1);
        assertEquals(List.of("c", "b", "a"), keys(store));
        assertNotNull(store.find("a")); // which is a use
        assertEquals(List.of("a", "c", "b"), keys(store));

        List<String> log = logged(() -> get(store, "d", MIB + (MIB >> 1)));

        assertEquals(List.of("d", "a", "c"), keys(store));
        assertEquals(List.of("a.note", "a.snapshot", "c.note", "c.snapshot", "d.note", "d.snapshot"), names());
        long all = store.list().stream().mapToLong(SnapshotStore.Entry::bytes).sum();
        assertTrue(all <= 4 * MIB, all + " bytes");
        List<String> removals =
                log.stream().filter(l -> l.contains("removed the snapshot")).toList();
        assertEquals(1, removals.size(), () -> "log: " + log);
        assertTrue(removals.get(0).contains("a guest called b"), removals.get(0));
        assertTrue(removals.get(0).contains(SnapshotStore.LIMIT_PROPERTY), removals.get(0));
    }

    @Test
    void theNewestStaysEvenIfItAloneTakesTooMuch() throws Exception {
        SnapshotStore store = store(directory, MIB);
        get(store, "small", MIB / 2);
        assertNotNull(get(store, "large", RAM));
        assertEquals(List.of("large"), keys(store));
    }

    /** Each is what a file may come to: found by a check sum, told in one line, made anew. */
    @Test
    void whatIsDamagedIsFoundToldAndMadeAnew() throws Exception {
        record Damage(String says, Work work) {}
        Path file = file("a");
        long page = SnapshotHeader.MEMORY_AT + 4096L * 7 + 11;
        List<Damage> all = new ArrayList<>();
        all.add(new Damage("its pages do not match", () -> flip(file, page)));
        all.add(new Damage("its pages do not match", () -> {
            FileTime time = Files.getLastModifiedTime(file);
            flip(file, page);
            Files.setLastModifiedTime(file, time); // nothing to be seen from outside
        }));
        all.add(new Damage("its state does not match", () -> flip(file, SnapshotHeader.MEMORY_AT + RAM + MIB)));
        all.add(new Damage("its header does not match", () -> flip(file, 40)));
        all.add(new Damage("bytes instead of", () -> {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(channel.size() - 1);
            }
        }));
        all.add(new Damage("it ends after 0 bytes", () -> Files.write(file, new byte[0])));
        all.add(new Damage("it is of layout 9, this engine writes", () -> {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.write(ByteBuffer.wrap(new byte[] {9}), 8);
            }
        }));
        all.add(new Damage("it is no snapshot", () -> Files.write(file, new byte[8192])));
        all.add(new Damage("directory", () -> {
            Files.delete(file);
            Files.createDirectory(file);
        }));
        get(store(), "a", MIB);
        for (Damage damage : all) {
            damage.work.run();
            int before = made;
            List<String> log = logged(() -> get(store(), "a", MIB).checkPages());
            assertEquals(before + 1, made, damage.says);
            assertEquals(1, log.size(), () -> damage.says + ": " + log);
            assertTrue(log.get(0).contains(damage.says), () -> damage.says + ": " + log);
            assertTrue(log.get(0).contains("made anew"), log.get(0));
            assertTrue(log.get(0).contains(file.toString()), log.get(0));
            assertEquals(List.of("a.note", "a.snapshot"), names());
        }
        assertNotNull(store().find("a"));
    }

    @Test
    void aNoteThatIsLostOrDamagedCostsNoSnapshot() throws Exception {
        get(store(), "a", MIB);
        Path note = directory.resolve("snapshots/a.note");
        for (byte[] content :
                new byte[][] {{}, {(byte) 0xff, (byte) 0xfe}, "x\nmany\ny\n".getBytes(StandardCharsets.UTF_8)}) {
            Files.write(note, content);
            assertEquals(1, store().list().size());
            assertNotNull(store().find("a"));
        }
        Files.delete(note);
        assertEquals(Files.size(file("a")), store().list().get(0).bytes());
        assertNotNull(store().find("a"));
        assertTrue(Files.exists(note), "checked once, and noted");
        assertEquals(1, made);
    }

    @Test
    void aMakerThatFailsLeavesNothing() throws Exception {
        get(store(), "a", MIB);
        HostLacks full = assertThrows(
                HostLacks.class,
                () -> store().get("b", about("the guest b"), draft -> {
                    write(draft, MIB);
                    throw new IOException("No space left on device");
                }));
        assertTrue(full.getMessage().contains("cannot keep the guest b in " + directory), full.getMessage());
        assertTrue(full.getMessage().contains("No space left on device; make room there"), full.getMessage());
        assertThrows(
                SnapshotUnusableProblem.class,
                () -> store().get("b", about("the guest b"), draft -> {
                    write(draft, MIB);
                    throw new SnapshotUnusableProblem();
                }));
        assertEquals(List.of("a.note", "a.snapshot"), names());
        assertNotNull(store().find("a"));
        assertNotNull(get(store(), "b", MIB));
    }

    private static final class SnapshotUnusableProblem extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    @Test
    void aFullDiskIsToldAndLeavesTheFolderUsable() throws Exception {
        Path small = Files.createDirectory(directory.resolve("small"));
        assumeTrue(
                run("mount", "-t", "tmpfs", "-o", "size=2m", "none", small.toString()) == 0, "may not mount a tmpfs");
        try {
            SnapshotStore store = store(small, 100 * MIB);
            get(store, "a", MIB);
            HostLacks e = assertThrows(HostLacks.class, () -> get(store, "b", RAM));
            assertTrue(e.getMessage().contains("cannot keep a guest called b in " + small), e.getMessage());
            assertTrue(e.getMessage().contains("No space left on device"), e.getMessage());
            assertTrue(e.getMessage().contains("MiB are free there"), e.getMessage());
            assertTrue(e.getMessage().contains("make room there"), e.getMessage());
            assertEquals(List.of("a"), keys(store));

            // To the brim: not even a note can be written any more, and what is there is used all the same.
            Path ballast = small.resolve("ballast");
            try (FileChannel channel = FileChannel.open(ballast, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                assertThrows(IOException.class, () -> {
                    for (int i = 0; i < 1000; i++) {
                        channel.write(ByteBuffer.allocate(4096));
                    }
                });
            }
            Files.setLastModifiedTime(small.resolve("snapshots/a.snapshot"), FileTime.fromMillis(0));
            List<String> log = logged(() -> assertNotNull(store.find("a")));
            assertEquals(List.of(), log);
            assertThrows(HostLacks.class, () -> get(store, "b", MIB / 2));
            assertEquals(List.of("a"), keys(store));

            Files.delete(ballast);
            get(store, "b", MIB / 2).checkPages();
            assertEquals(List.of("b", "a"), keys(store));
            try (Stream<Path> files = Files.list(small.resolve("snapshots"))) {
                assertFalse(files.anyMatch(f -> f.toString().endsWith(".draft")), "drafts stay");
            }
        } finally {
            assertEquals(0, run("umount", "-l", small.toString())); // snapshots stay mapped until they are collected
        }
    }

    private static int run(String... command) throws Exception {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException noSuchProgram) {
            return 127;
        }
        process.getInputStream().readAllBytes();
        return process.waitFor();
    }

    @Test
    void guestsGoOnWhenTheirSnapshotIsRemoved() throws Exception {
        SnapshotFile snapshot = get(store(), "a", MIB);
        try (GuestMemory memory = GuestMemory.create(RAM, true)) {
            snapshot.fill(memory);
            List<SnapshotStore.Entry> removed = store().clear();
            assertEquals(
                    List.of("a"), removed.stream().map(SnapshotStore.Entry::key).toList());
            assertEquals(List.of(), names());
            assertEquals(8 * 77 + 1, memory.getLong(8 * 77));
            memory.putLong(8 * 78, 5);
            assertEquals(5, memory.getLong(8 * 78));
        }
        try (GuestMemory memory = GuestMemory.create(RAM, true)) {
            assertThrows(SnapshotUnusable.class, () -> snapshot.fill(memory));
        }
        assertNull(store().find("a"));
        assertFalse(store().remove("a"));
    }
}
