package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.MemorySize;
import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.image.Cache;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder of snapshots in the user's cache: each made once, whoever needs it at the same time waiting; checked before it
 * is used; the least recently used removed when they take too much room. Nobody but the user may read it: guests' memory may
 * hold anything.
 */
public final class SnapshotStore {
    /** System property: the most that all snapshots may take, such as {@code 4G}. */
    public static final String LIMIT_PROPERTY = "runinvm.snapshotLimit";

    private static final Logger LOG = LoggerFactory.getLogger(SnapshotStore.class);
    private static final String SUFFIX = ".snapshot";
    private static final String NOTE = ".note";
    private static final String DRAFT = ".draft";
    private static final String DEFAULT_LIMIT = "4G";
    private static final long DRAFT_AGE_MILLIS = TimeUnit.HOURS.toMillis(6);

    private final Cache cache;
    private final Path directory;
    private final long limit;

    /** Writes a snapshot into a file that does not exist yet. */
    public interface Maker {
        void make(Path draft) throws IOException;
    }

    /**
     * One snapshot of the folder.
     *
     * @param key what it is found by
     * @param what it is of, for people
     * @param bytes it takes
     * @param lastUsed when a guest was last restored from it
     */
    public record Entry(String key, String what, long bytes, Instant lastUsed) {}

    /** @param limit bytes that all snapshots may take; the newest stays even if it alone takes more */
    public SnapshotStore(Cache cache, long limit) {
        this.cache = cache;
        this.directory = cache.directory().resolve("snapshots");
        this.limit = limit;
    }

    /** The user's. */
    public static SnapshotStore ofUser() {
        return new SnapshotStore(Cache.ofUser(), MemorySize.parse(System.getProperty(LIMIT_PROPERTY, DEFAULT_LIMIT)));
    }

    public Path directory() {
        return directory;
    }

    private Path file(String key) {
        return directory.resolve(key + SUFFIX);
    }

    private Path note(String key) {
        return directory.resolve(key + NOTE);
    }

    /** The snapshot of a key if it is there and undamaged; a damaged one is removed, and one line says so. */
    public @Nullable SnapshotFile find(String key) {
        Path file = file(key);
        if (!Files.exists(file)) {
            return null;
        }
        try {
            SnapshotFile snapshot = SnapshotFile.open(file);
            String[] note = readNote(key);
            String identity = identity(file);
            if (!identity.equals(note[0])) {
                // Written since it was last looked at, or this machine was started since.
                snapshot.checkPages();
                writeNote(key, identity, snapshot.dataSize(), note[2]);
            } else {
                Files.setLastModifiedTime(note(key), FileTime.fromMillis(System.currentTimeMillis()));
            }
            return snapshot;
        } catch (NoSuchFileException e) {
            return null; // somebody has removed it meanwhile
        } catch (SnapshotUnusable | IOException e) {
            discard(key, String.valueOf(e.getMessage()));
            return null;
        }
    }

    /**
     * The snapshot of a key, made if it is missing or damaged. Builds that ask for it at once wait for the one that makes it.
     *
     * @param what it is of, for people
     * @throws HostLacks if there is no room for it, or another build does not finish
     */
    public SnapshotFile get(String key, String what, Maker maker) {
        SnapshotFile known = find(key);
        if (known != null) {
            return known;
        }
        SnapshotFile[] made = new SnapshotFile[1];
        makeDirectory();
        cache.locked("snapshot-" + key, what, () -> {
            SnapshotFile found = find(key);
            made[0] = found != null ? found : make(key, what, maker);
        });
        return made[0];
    }

    private SnapshotFile make(String key, String what, Maker maker) {
        Path draft = directory.resolve(key + DRAFT);
        try {
            Files.deleteIfExists(draft); // of a build that was killed
            maker.make(draft);
            Files.move(draft, file(key), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            SnapshotFile snapshot = SnapshotFile.open(file(key));
            snapshot.checkPages();
            writeNote(key, identity(file(key)), snapshot.dataSize(), what);
            evict(key);
            return snapshot;
        } catch (IOException | SnapshotUnusable e) {
            throw noRoom(what, e);
        } finally {
            remove(draft);
        }
    }

    private HostLacks noRoom(String what, Exception e) {
        String free = "";
        try {
            free = " (" + (Files.getFileStore(directory).getUsableSpace() >> 20) + " MiB are free there)";
        } catch (IOException unknown) {
            LOG.debug("no free space known for {}", directory, unknown);
        }
        return new HostLacks(
                "cannot keep " + what + " in " + directory + free + ": " + e.getMessage()
                        + "; make room there, or switch snapshots off (runinvm.snapshots=false)",
                e);
    }

    private void makeDirectory() {
        try {
            Files.createDirectories(cache.directory());
            if (!Files.isDirectory(directory)) {
                Files.createDirectory(
                        directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            }
        } catch (java.nio.file.FileAlreadyExistsException e) {
            return; // another process was first
        } catch (IOException e) {
            throw new HostLacks("cannot make the folder of snapshots " + directory + ": " + e, e);
        }
    }

    /** Removes a snapshot that turned out to be of no use, saying why in one line. */
    public void discard(String key, String why) {
        LOG.warn("the snapshot {} is made anew: {}", file(key), why);
        remove(key);
    }

    /** All snapshots there are, the most recently used first. */
    public List<Entry> list() {
        List<Entry> all = new ArrayList<>();
        if (!Files.isDirectory(directory)) {
            return all;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
            for (Path file : files) {
                String name = file.getFileName().toString();
                String key = name.substring(0, name.length() - SUFFIX.length());
                String[] note = readNote(key);
                Path dated = Files.exists(note(key)) ? note(key) : file;
                all.add(new Entry(
                        key,
                        note[2],
                        number(note[1]),
                        Files.getLastModifiedTime(dated).toInstant()));
            }
        } catch (IOException e) {
            throw new HostLacks("cannot read the folder of snapshots " + directory + ": " + e, e);
        }
        all.sort(Comparator.comparing(Entry::lastUsed).reversed());
        return all;
    }

    private static long number(String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    /** Removes all snapshots; guests that were restored from them go on. Gives the number. */
    public int clear() {
        List<Entry> all = list();
        for (Entry entry : all) {
            remove(entry.key);
        }
        return all.size();
    }

    private void evict(String keep) throws IOException {
        long total = 0;
        for (Entry entry : list()) {
            total += entry.bytes;
            if (total > limit && !entry.key.equals(keep)) {
                LOG.info(
                        "removed the snapshot of {}, last used {}: all together would take more than {} MiB ({})",
                        entry.what,
                        entry.lastUsed,
                        limit >> 20,
                        LIMIT_PROPERTY);
                remove(entry.key);
                total -= entry.bytes;
            }
        }
        try (DirectoryStream<Path> drafts = Files.newDirectoryStream(directory, "*" + DRAFT)) {
            for (Path draft : drafts) {
                long age = System.currentTimeMillis()
                        - Files.getLastModifiedTime(draft).toMillis();
                if (age > DRAFT_AGE_MILLIS) {
                    remove(draft);
                }
            }
        }
    }

    private void remove(String key) {
        remove(file(key));
        remove(note(key));
        remove(TouchFile.of(file(key)));
    }

    private static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.warn("cannot remove {}: {}", file, e.toString());
        }
    }

    /** Identity when last checked, bytes, what it is of. */
    private String[] readNote(String key) throws IOException {
        Path note = note(key);
        List<String> lines = Files.exists(note) ? Files.readAllLines(note) : List.of();
        return lines.size() == 3 ? lines.toArray(String[]::new) : new String[] {"", "0", "an unknown guest"};
    }

    private void writeNote(String key, String identity, long bytes, String what) throws IOException {
        Path draft = Files.createTempFile(directory, key, NOTE + DRAFT);
        Files.write(draft, List.of(identity, Long.toString(bytes), what.replace('\n', ' ')));
        Files.move(draft, note(key), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Changes whenever the file is written, replaced or copied, and with each start of the machine. */
    private static String identity(Path file) throws IOException {
        Map<String, Object> a = Files.readAttributes(file, "unix:size,ino,ctime,lastModifiedTime");
        return a.get("size") + " " + a.get("ino") + " " + nanos(a.get("ctime")) + " " + nanos(a.get("lastModifiedTime"))
                + " " + bootId();
    }

    private static long nanos(@Nullable Object time) {
        return time instanceof FileTime t ? t.to(TimeUnit.NANOSECONDS) : 0;
    }

    private static String bootId() throws IOException {
        return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
    }
}
