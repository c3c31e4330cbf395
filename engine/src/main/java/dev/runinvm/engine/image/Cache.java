package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Files that are dear to make, kept between runs: {@code KIND/KEY}, with the SHA-256 beside it in
 * {@code KIND/KEY.sha256}.
 *
 * <p>An entry appears whole or not at all: it is written to a temporary file, synced and renamed. One process at a
 * time makes an entry, others wait for it. The checksum is verified whenever the file's size, inode or times differ
 * from those noted when it was last verified; a damaged entry is made anew.
 */
public final class Cache {
    private static final Logger LOG = LoggerFactory.getLogger(Cache.class);
    private static final String TEMPORARY = ".tmp";
    private static final Duration KEEP_UNUSED = Duration.ofDays(30);

    private final Path directory;
    private final Duration lockDeadline;

    /** Makes an entry's content. */
    @FunctionalInterface
    public interface Maker {
        void make(OutputStream out) throws IOException;
    }

    /**
     * A cache in a directory, which is made when first needed.
     *
     * @param lockDeadline how long to wait for another process making the same entry
     */
    public Cache(Path directory, Duration lockDeadline) {
        this.directory = directory;
        this.lockDeadline = lockDeadline;
    }

    /**
     * The user's cache: system property {@code runinvm.cache}, else {@code $XDG_CACHE_HOME/runinvm}, else
     * {@code ~/.cache/runinvm}.
     */
    public static Cache ofUser() {
        return ofUser(Duration.ofMinutes(10));
    }

    /**
     * The user's cache.
     *
     * @param lockDeadline how long to wait for another process making the same entry
     */
    public static Cache ofUser(Duration lockDeadline) {
        return new Cache(defaultDirectory(), lockDeadline);
    }

    private static Path defaultDirectory() {
        String property = System.getProperty("runinvm.cache", "");
        if (!property.isBlank()) {
            return Path.of(property).toAbsolutePath();
        }
        String xdg = System.getenv("XDG_CACHE_HOME");
        if (xdg != null && xdg.startsWith("/")) {
            return Path.of(xdg, "runinvm");
        }
        return Path.of(System.getProperty("user.home", "/"), ".cache", "runinvm")
                .toAbsolutePath();
    }

    /** Where the cache is. */
    public Path directory() {
        return directory;
    }

    /** The entry, if it is there and undamaged. */
    public @Nullable Path find(String kind, String key) {
        Path file = directory.resolve(kind).resolve(key);
        return isValid(file) ? file : null;
    }

    /**
     * The entry, made if it is missing or damaged.
     *
     * @param kind a short word, a directory's name
     * @param key a file's name that changes with whatever the content depends on
     * @param what for messages: "the kernel image"
     * @throws HostLacks if the disk is full, the directory cannot be written or another process does not finish
     */
    public Path get(String kind, String key, String what, Maker maker) {
        Path file = directory.resolve(kind).resolve(key);
        if (isValid(file)) {
            return file;
        }
        return put(file, what, maker, false);
    }

    /** Makes the entry anew even if it is there. */
    public Path replace(String kind, String key, String what, Maker maker) {
        return put(directory.resolve(kind).resolve(key), what, maker, true);
    }

    private Path put(Path file, String what, Maker maker, boolean always) {
        Path parent = parent(file);
        createDirectories(parent);
        try (CacheLock lock = lock(parent.getFileName() + "-" + file.getFileName(), what)) {
            if (always || !isValid(file)) {
                removeTemporaries(file);
                write(file, what, maker);
                removeUnused(parent);
            }
        }
        return file;
    }

    /**
     * Runs something while holding a named lock of this cache.
     *
     * @param name a file's name
     * @param what for the messages of whoever waits
     */
    public void locked(String name, String what, Runnable action) {
        try (CacheLock lock = lock(name, what)) {
            action.run();
        }
    }

    private CacheLock lock(String name, String what) {
        Path locks = directory.resolve("locks");
        createDirectories(locks);
        return CacheLock.acquire(locks.resolve(name + ".lock"), what, lockDeadline);
    }

    private static void createDirectories(Path directory) {
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw new HostLacks(
                    "cannot make the cache directory " + directory + ": " + reason(e)
                            + "; set the system property runinvm.cache to a directory that can be written",
                    e);
        }
    }

    private static Path parent(Path file) {
        Path parent = file.getParent();
        if (parent == null) {
            throw new IllegalArgumentException("not in a directory: " + file);
        }
        return parent;
    }

    private static Path sibling(Path file, String suffix) {
        return file.resolveSibling(file.getFileName() + suffix);
    }

    private void write(Path file, String what, Maker maker) {
        Path temporary = sibling(file, TEMPORARY);
        Path sum = sibling(file, ".sha256");
        try {
            MessageDigest digest = sha256();
            try (FileChannel channel = FileChannel.open(
                    temporary,
                    StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE,
                    StandardOpenOption.TRUNCATE_EXISTING)) {
                OutputStream out = new BufferedOutputStream(
                        new DigestOutputStream(Channels.newOutputStream(channel), digest), 1 << 18);
                maker.make(out);
                out.flush();
                channel.force(true);
            }
            Files.deleteIfExists(sum); // from here to the next note the entry counts as missing
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            note(file, HexFormat.of().formatHex(digest.digest()));
            syncDirectory(parent(file));
        } catch (IOException e) {
            remove(temporary);
            throw explain(file, what, e);
        } catch (UncheckedIOException e) {
            remove(temporary);
            throw explain(file, what, new IOException(e.getMessage(), e));
        } catch (RuntimeException | Error e) {
            remove(temporary);
            throw e;
        }
    }

    private HostLacks explain(Path file, String what, IOException e) {
        long free = -1;
        try {
            free = Files.getFileStore(parent(file)).getUsableSpace();
        } catch (IOException unknown) {
            LOG.debug("no free space known for {}", directory, unknown);
        }
        String message = String.valueOf(e.getMessage());
        if (message.contains("No space left") || message.contains("Disk quota exceeded")) {
            return new HostLacks(
                    "the disk is full: " + what + " does not fit into the cache " + directory + " ("
                            + free / (1 << 20) + " MiB are free there); free some space, or set the system property"
                            + " runinvm.cache to a directory on another disk",
                    e);
        }
        return new HostLacks("cannot make " + what + " in the cache " + directory + ": " + reason(e), e);
    }

    static String reason(IOException e) {
        if (e instanceof java.nio.file.AccessDeniedException) {
            return "permission denied: " + e.getMessage();
        }
        if (e instanceof NoSuchFileException) {
            return "no such file: " + e.getMessage();
        }
        return e.getMessage() == null ? e.toString() : e.getMessage();
    }

    private static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.warn("cannot remove the half-made {}: {}", file, reason(e));
        }
    }

    /** Leftovers of a process that was killed; the caller holds the entry's lock. */
    private static void removeTemporaries(Path file) {
        remove(sibling(file, TEMPORARY));
    }

    private static void syncDirectory(Path directory) {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            LOG.debug("cannot sync {}", directory, e); // some file systems cannot; the rename is still atomic
        }
    }

    /** Notes checksum and identity of an entry just written or verified. */
    private static void note(Path file, String sha256) throws IOException {
        Path sum = sibling(file, ".sha256");
        Path temporary = Files.createTempFile(parent(file), sum.getFileName() + ".", TEMPORARY);
        try {
            Files.writeString(temporary, sha256 + " " + identity(file) + "\n");
            Files.move(temporary, sum, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    /** Changes whenever a file is written, replaced or copied. */
    private static String identity(Path file) throws IOException {
        Map<String, Object> a = Files.readAttributes(file, "unix:size,ino,ctime,lastModifiedTime");
        return a.get("size") + " " + a.get("ino") + " " + nanos(a, "ctime") + " " + nanos(a, "lastModifiedTime");
    }

    private static long nanos(Map<String, Object> attributes, String name) {
        return attributes.get(name) instanceof FileTime time ? time.to(TimeUnit.NANOSECONDS) : 0;
    }

    private static boolean isValid(Path file) {
        try {
            if (!Files.isRegularFile(file)) {
                return false;
            }
            Path sum = sibling(file, ".sha256");
            String[] noted = Files.exists(sum) ? Files.readString(sum).trim().split(" ", 2) : new String[0];
            if (noted.length != 2 || noted[0].length() != 64) {
                LOG.warn("cache entry {} has no checksum: making it anew", file);
                return false;
            }
            if (!noted[1].equals(identity(file))) {
                if (!noted[0].equals(sha256(file))) {
                    LOG.warn("cache entry {} is damaged (its SHA-256 differs): making it anew", file);
                    return false;
                }
                note(file, noted[0]);
            }
            if (System.currentTimeMillis() - Files.getLastModifiedTime(sum).toMillis() > 86_400_000L) {
                Files.setLastModifiedTime(sum, FileTime.fromMillis(System.currentTimeMillis()));
            }
            return true;
        } catch (IOException | UnsupportedOperationException e) {
            LOG.warn("cache entry {} cannot be read ({}): making it anew", file, e.toString());
            return false;
        }
    }

    /** Removes entries of a kind which nobody asked for in a long time. */
    private static void removeUnused(Path kind) {
        long limit = System.currentTimeMillis() - KEEP_UNUSED.toMillis();
        try (DirectoryStream<Path> sums = Files.newDirectoryStream(kind, "*.sha256")) {
            for (Path sum : sums) {
                if (Files.getLastModifiedTime(sum).toMillis() < limit) {
                    String name = sum.getFileName().toString();
                    remove(sum.resolveSibling(name.substring(0, name.length() - ".sha256".length())));
                    remove(sum);
                }
            }
        } catch (IOException e) {
            LOG.debug("cannot look for unused entries in {}", kind, e);
        }
    }

    /**
     * Removes the entries of a kind that were longest unused, by the day, until the others take no more than so much. Whoever
     * has one open keeps it.
     *
     * @param keep stays in any case
     */
    void trim(String kind, long limit, Path keep) {
        record Entry(Path file, long size, long lastUsed) {}
        List<Entry> all = new ArrayList<>();
        try (DirectoryStream<Path> sums = Files.newDirectoryStream(directory.resolve(kind), "*.sha256")) {
            for (Path sum : sums) {
                String name = sum.getFileName().toString();
                Path file = sum.resolveSibling(name.substring(0, name.length() - ".sha256".length()));
                if (Files.exists(file)) {
                    all.add(new Entry(
                            file,
                            Files.size(file),
                            Files.getLastModifiedTime(sum).toMillis()));
                }
            }
        } catch (IOException e) {
            LOG.debug("cannot look for entries of {} to remove", kind, e);
        }
        all.sort(Comparator.comparingLong(Entry::lastUsed));
        long total = all.stream().mapToLong(Entry::size).sum();
        for (Entry entry : all) {
            if (total > limit && !entry.file.equals(keep)) {
                remove(sibling(entry.file, ".sha256"));
                remove(entry.file);
                total -= entry.size;
            }
        }
    }

    /** The SHA-256 of an entry, in hexadecimal, as noted when it was made. */
    String checksum(Path entry) {
        try {
            return Files.readString(sibling(entry, ".sha256"), StandardCharsets.US_ASCII)
                    .substring(0, 64);
        } catch (IOException | IndexOutOfBoundsException e) {
            throw new HostLacks("the cache entry " + entry + " lost its checksum; run again", e);
        }
    }

    static String sha256(Path file) throws IOException {
        MessageDigest digest = sha256();
        try (InputStream in = Files.newInputStream(file)) {
            byte[] buffer = new byte[1 << 18];
            int n;
            while ((n = in.read(buffer)) >= 0) {
                digest.update(buffer, 0, n);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
