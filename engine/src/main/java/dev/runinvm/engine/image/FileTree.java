package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What a guest's file system is to hold. Everything belongs to root. Paths are given without a leading slash;
 * directories above a file come by themselves.
 */
final class FileTree {
    private static final long MAX_FILE = 0xffff_ffffL;

    private final Map<String, Node> nodes = new TreeMap<>();

    /**
     * One file.
     *
     * @param mode type and permissions as in st_mode
     * @param mtime seconds of the epoch; Java's CDS archive is valid only beside a file of the right time
     * @param host a regular file of the host with the content, or null if it is in {@code bytes}
     */
    record Node(long mode, long mtime, long size, @Nullable Path host, byte[] bytes, long device) {
        private static final long TYPE = 0170000;

        boolean isDirectory() {
            return (mode & TYPE) == DIRECTORY;
        }

        boolean isLink() {
            return (mode & TYPE) == LINK;
        }

        boolean isFile() {
            return (mode & TYPE) == FILE;
        }

        /** Writes the content, all of {@link #size} bytes. */
        void writeTo(OutputStream out) throws IOException {
            if (host == null) {
                out.write(bytes);
                return;
            }
            long copied = Files.copy(host, out);
            if (copied != size) {
                throw new IOException(host + " changed while it was copied: " + copied + " bytes instead of " + size);
            }
        }
    }

    private static final long DIRECTORY = 0040000;
    private static final long FILE = 0100000;
    private static final long LINK = 0120000;
    private static final long CHARACTER_DEVICE = 0020000;
    private static final byte[] NOTHING = {};

    void directory(String path, int permissions) {
        parents(path);
        nodes.put(path, new Node(DIRECTORY | permissions, 0, 0, null, NOTHING, 0));
    }

    void link(String path, String target) {
        parents(path);
        byte[] bytes = target.getBytes(StandardCharsets.UTF_8);
        nodes.put(path, new Node(LINK | 0777, 0, bytes.length, null, bytes, 0));
    }

    void file(String path, int permissions, byte[] content) {
        parents(path);
        nodes.put(path, new Node(FILE | permissions, 0, content.length, null, content, 0));
    }

    void file(String path, int permissions, String content) {
        file(path, permissions, content.getBytes(StandardCharsets.UTF_8));
    }

    void characterDevice(String path, int permissions, int major, int minor) {
        parents(path);
        long device = (long) major << 32 | minor;
        nodes.put(path, new Node(CHARACTER_DEVICE | permissions, 0, 0, null, NOTHING, device));
    }

    /**
     * A file of the host, with its time and whether it may be executed.
     *
     * @throws HostLacks if it cannot be read or is larger than the format allows
     */
    void hostFile(String path, Path host) {
        try {
            Path real = host.toRealPath();
            if (!Files.isRegularFile(real) || !Files.isReadable(real)) {
                throw new HostLacks("cannot copy " + host + " into the guest: it "
                        + (Files.isRegularFile(real) ? "is not readable for this user" : "is not a regular file"));
            }
            long size = Files.size(real);
            if (size > MAX_FILE) {
                throw new HostLacks("cannot copy " + host + " into the guest: it is larger than 4 GiB");
            }
            FileTime time = Files.getLastModifiedTime(real);
            int permissions = Files.isExecutable(real) ? 0755 : 0644;
            parents(path);
            nodes.put(path, new Node(FILE | permissions, time.to(TimeUnit.SECONDS), size, real, NOTHING, 0));
        } catch (IOException e) {
            throw new HostLacks("cannot copy " + host + " into the guest: " + Cache.reason(e), e);
        }
    }

    /** Takes over a file of another tree. */
    void put(String path, Node node) {
        parents(path);
        nodes.put(path, node);
    }

    private void parents(String path) {
        if (path.startsWith("/") || path.isEmpty() || path.endsWith("/")) {
            throw new IllegalArgumentException("not a relative path: " + path);
        }
        int slash = path.lastIndexOf('/');
        if (slash > 0) {
            String parent = path.substring(0, slash);
            Node node = nodes.get(parent);
            if (node == null) {
                directory(parent, 0755);
            } else if (!node.isDirectory()) {
                throw new HostLacks("cannot put " + path + " into the guest's image: " + parent + " is no directory");
            }
        }
    }

    boolean contains(String path) {
        return nodes.containsKey(path);
    }

    /** The files of the host that are to be copied. */
    List<Path> hostFiles() {
        return nodes.values().stream()
                .map(Node::host)
                .filter(Objects::nonNull)
                .map(Objects::requireNonNull)
                .toList();
    }

    int count() {
        return nodes.size();
    }

    /** Bytes of all files. */
    long totalSize() {
        return nodes.values().stream().mapToLong(Node::size).sum();
    }

    /** A hash of names, modes, sizes, times and the content that is not the host's. */
    String key() {
        StringBuilder all = new StringBuilder();
        nodes.forEach((path, n) -> all.append(path)
                .append(' ')
                .append(n.mode)
                .append(' ')
                .append(n.mtime)
                .append(' ')
                .append(n.size)
                .append(' ')
                .append(n.host)
                .append(' ')
                .append(n.device)
                .append(' ')
                .append(n.bytes.length == 0 ? "" : Keys.of(new String(n.bytes, StandardCharsets.ISO_8859_1)))
                .append('\n'));
        return Keys.of(all);
    }

    /** All files by path, in order; a directory comes before what is in it. */
    Map<String, Node> nodes() {
        return Collections.unmodifiableMap(nodes);
    }
}
