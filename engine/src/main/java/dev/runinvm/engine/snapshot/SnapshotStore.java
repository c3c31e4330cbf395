package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.MemorySize;
import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.image.Cache;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
    private static final String WANTED = ".wanted";
    private static final String DEFAULT_LIMIT = "4G";
    private static final long DRAFT_AGE_MILLIS = TimeUnit.HOURS.toMillis(6);
    private static final long WANTED_AGE_MILLIS = TimeUnit.DAYS.toMillis(30);
    private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
    /** The most that a build waits for another one that makes the same snapshot: it boots a guest, and writes it down. */
    private static final Duration PATIENCE = Duration.ofMinutes(5);

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
     * @param about what it is of
     * @param bytes it takes
     * @param lastUsed when a guest was last restored from it
     */
    public record Entry(String key, About about, long bytes, Instant lastUsed) {}

    /**
     * What a snapshot is of, for people.
     *
     * @param what a noun
     * @param shape everything that its key is made of, a line each
     */
    public record About(String what, List<String> shape) {
        private static final About UNKNOWN = new About("an unknown guest", List.of());

        /** Copies the list, and takes care that each text is one line. */
        public About {
            what = what.replace('\n', ' ');
            shape = shape.stream().map(line -> line.replace('\n', ' ')).toList();
        }
    }

    /** What is written down of a snapshot beside it: its file's identity when its pages were last checked. */
    private record Note(String identity, long bytes, About about) {
        static final Note NONE = new Note("", 0, About.UNKNOWN);

        static Note of(List<String> lines) {
            return lines.size() < 3
                    ? NONE
                    : new Note(
                            lines.get(0),
                            number(lines.get(1)),
                            new About(lines.get(2), lines.subList(3, lines.size())));
        }

        List<String> lines() {
            List<String> lines = new ArrayList<>(List.of(identity, Long.toString(bytes), about.what));
            lines.addAll(about.shape);
            return lines;
        }
    }

    /** @param limit bytes that all snapshots may take; the newest stays even if it alone takes more */
    public SnapshotStore(Cache cache, long limit) {
        this.cache = cache;
        this.directory = cache.directory().resolve("snapshots");
        this.limit = limit;
    }

    /** The user's. */
    public static SnapshotStore ofUser() {
        return new SnapshotStore(
                Cache.ofUser(PATIENCE), MemorySize.parse(System.getProperty(LIMIT_PROPERTY, DEFAULT_LIMIT)));
    }

    public Path directory() {
        return directory;
    }

    /** Bytes that all snapshots may take. */
    public long limit() {
        return limit;
    }

    private Path file(String key) {
        return directory.resolve(key + SUFFIX);
    }

    private Path note(String key) {
        return directory.resolve(key + NOTE);
    }

    private Path wanted(String key) {
        return directory.resolve(key + WANTED);
    }

    /**
     * Whether somebody has asked before for a snapshot that there is not. Whoever makes one only if it is needed again learns
     * by this when that is.
     */
    public boolean isWanted(String key) {
        makeDirectory();
        try {
            Files.createFile(wanted(key), OWNER_ONLY);
            return false;
        } catch (java.nio.file.FileAlreadyExistsException e) {
            return true;
        } catch (IOException e) {
            LOG.debug("cannot note that a snapshot is wanted", e);
            return false;
        }
    }

    /** The snapshot of a key if it is there and undamaged; a damaged one is removed, and one line says so. */
    public @Nullable SnapshotFile find(String key) {
        Path file = file(key);
        if (!Files.exists(file)) {
            return null;
        }
        try {
            SnapshotFile snapshot = SnapshotFile.open(file);
            Note note = readNote(key);
            String identity = identity(file);
            if (!identity.equals(note.identity)) {
                // Written since it was last looked at, or this machine was started since.
                snapshot.checkPages();
                noteIfPossible(() -> writeNote(key, new Note(identity, snapshot.dataSize(), note.about)));
            } else {
                noteIfPossible(
                        () -> Files.setLastModifiedTime(note(key), FileTime.fromMillis(System.currentTimeMillis())));
            }
            return snapshot;
        } catch (NoSuchFileException e) {
            return null; // somebody has removed it meanwhile
        } catch (SnapshotUnusable | IOException e) {
            discard(key, String.valueOf(e.getMessage()));
            return null;
        }
    }

    private interface Noting {
        void note() throws IOException;
    }

    /** A snapshot is good without its note, only more slowly found: a full disk costs nobody a snapshot there is. */
    private static void noteIfPossible(Noting noting) {
        try {
            noting.note();
        } catch (IOException e) {
            LOG.debug("a snapshot is not noted to be checked or used", e);
        }
    }

    /**
     * The snapshot of a key, made if it is missing or damaged. Builds that ask for it at once wait for the one that makes it.
     *
     * @throws HostLacks if there is no room for it, or another build does not finish
     */
    public SnapshotFile get(String key, About about, Maker maker) {
        SnapshotFile known = find(key);
        if (known != null) {
            return known;
        }
        SnapshotFile[] made = new SnapshotFile[1];
        makeDirectory();
        cache.locked(lock(key), "the snapshot of " + about.what, () -> {
            SnapshotFile found = find(key);
            made[0] = found != null ? found : make(key, about, maker);
        });
        return made[0];
    }

    private SnapshotFile make(String key, About about, Maker maker) {
        Path draft = directory.resolve(key + DRAFT);
        try {
            Files.deleteIfExists(draft); // of a build that was killed
            removeAbandonedDrafts(key);
            maker.make(draft);
            Files.move(draft, file(key), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            SnapshotFile snapshot = SnapshotFile.open(file(key));
            noteIfPossible(() -> writeNote(key, new Note(identity(file(key)), snapshot.dataSize(), about)));
            remove(wanted(key));
            evict(key);
            return snapshot;
        } catch (IOException | SnapshotUnusable e) {
            throw noRoom(about.what, e);
        } catch (HostLacks e) {
            throw e.getCause() instanceof IOException cause ? noRoom(about.what, cause) : e;
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
                Entry entry = entry(file);
                if (entry != null) {
                    all.add(entry);
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            throw new HostLacks("cannot read the folder of snapshots " + directory + ": " + e, e);
        }
        all.sort(Comparator.comparing(Entry::lastUsed).reversed());
        return all;
    }

    private @Nullable Entry entry(Path file) throws IOException {
        String key = keyOf(file, SUFFIX);
        try {
            Note note = readNote(key);
            Path dated = Files.exists(note(key)) ? note(key) : file;
            return new Entry(
                    key,
                    note.about,
                    note.bytes > 0 ? note.bytes : Files.size(file),
                    Files.getLastModifiedTime(dated).toInstant());
        } catch (NoSuchFileException e) {
            return null; // another process has removed it meanwhile
        }
    }

    private static String keyOf(Path file, String suffix) {
        String name = String.valueOf(file.getFileName());
        return name.substring(0, name.length() - suffix.length());
    }

    private static long number(String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    /**
     * Removes all snapshots, and what builds that were killed have left half made; guests that were restored from them go on.
     * Gives what there was.
     */
    public List<Entry> clear() {
        List<Entry> all = list();
        all.forEach(entry -> remove(entry.key));
        removeAbandonedDrafts("");
        return all;
    }

    /**
     * Removes one snapshot; guests that were restored from it go on.
     *
     * @return whether there was one
     */
    public boolean remove(String key) {
        boolean there = Files.exists(file(key));
        remove(file(key));
        remove(note(key));
        remove(TouchFile.of(file(key)));
        remove(wanted(key));
        return there;
    }

    private void evict(String keep) throws IOException {
        long total = 0;
        for (Entry entry : list()) {
            total += entry.bytes;
            if (total > limit && !entry.key.equals(keep)) {
                LOG.info(
                        "removed the snapshot of {}, last used {}: all together would take more than {} MiB ({})",
                        entry.about.what,
                        entry.lastUsed,
                        limit >> 20,
                        LIMIT_PROPERTY);
                remove(entry.key);
                total -= entry.bytes;
            }
        }
        removeOld(DRAFT, DRAFT_AGE_MILLIS);
        removeOld(WANTED, WANTED_AGE_MILLIS);
    }

    /** Drafts that nobody writes any more: whoever does holds the lock of its key, which ends with its process. */
    private void removeAbandonedDrafts(String except) {
        if (!Files.isDirectory(directory)) {
            return;
        }
        Cache impatient = new Cache(cache.directory(), Duration.ZERO);
        try (DirectoryStream<Path> drafts = Files.newDirectoryStream(directory, "*" + DRAFT)) {
            for (Path draft : drafts) {
                String key = keyOf(draft, DRAFT);
                if (!key.equals(except) && key.indexOf('.') < 0) { // else of a note, or of another small file
                    try {
                        impatient.locked(lock(key), "a draft that was left", () -> remove(draft));
                    } catch (HostLacks held) {
                        LOG.debug("{} is being written", draft, held);
                    }
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            LOG.debug("cannot look for drafts that were left", e);
        }
    }

    private static String lock(String key) {
        return "snapshot-" + key;
    }

    private void removeOld(String suffix, long millis) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + suffix)) {
            for (Path file : files) {
                if (isOlder(file, millis)) {
                    remove(file);
                }
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
    }

    private static boolean isOlder(Path file, long millis) throws IOException {
        try {
            return System.currentTimeMillis() - Files.getLastModifiedTime(file).toMillis() > millis;
        } catch (NoSuchFileException e) {
            return false; // another process has finished or removed it meanwhile
        }
    }

    private static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.warn("cannot remove {}: {}", file, e.toString());
        }
    }

    private Note readNote(String key) throws IOException {
        try {
            return Note.of(Files.readAllLines(note(key)));
        } catch (NoSuchFileException | CharacterCodingException e) {
            return Note.NONE;
        }
    }

    private void writeNote(String key, Note note) throws IOException {
        Path draft = Files.createTempFile(directory, key, NOTE + DRAFT);
        try {
            Files.write(draft, note.lines());
            Files.move(draft, note(key), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(draft);
        }
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
