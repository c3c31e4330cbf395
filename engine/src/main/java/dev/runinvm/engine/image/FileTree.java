package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.apache.commons.compress.archivers.cpio.CpioArchiveEntry;
import org.apache.commons.compress.archivers.cpio.CpioArchiveOutputStream;
import org.apache.commons.compress.archivers.cpio.CpioConstants;
import org.jspecify.annotations.Nullable;

/**
 * What a guest's file system is to hold, and its writing as a cpio archive in the "newc" format that Linux unpacks
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Everything belongs to root. Paths are given without
 * a leading slash; directories above a file come by themselves.
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
    private record Node(long mode, long mtime, long size, @Nullable Path host, byte[] bytes, long device) {}

    private static final byte[] NOTHING = {};

    void directory(String path, int permissions) {
        parents(path);
        nodes.put(path, new Node(CpioConstants.C_ISDIR | permissions, 0, 0, null, NOTHING, 0));
    }

    void link(String path, String target) {
        parents(path);
        byte[] bytes = target.getBytes(StandardCharsets.UTF_8);
        nodes.put(path, new Node(CpioConstants.C_ISLNK | 0777, 0, bytes.length, null, bytes, 0));
    }

    void file(String path, int permissions, byte[] content) {
        parents(path);
        nodes.put(path, new Node(CpioConstants.C_ISREG | permissions, 0, content.length, null, content, 0));
    }

    void file(String path, int permissions, String content) {
        file(path, permissions, content.getBytes(StandardCharsets.UTF_8));
    }

    void characterDevice(String path, int permissions, int major, int minor) {
        parents(path);
        long device = (long) major << 32 | minor;
        nodes.put(path, new Node(CpioConstants.C_ISCHR | permissions, 0, 0, null, NOTHING, device));
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
            nodes.put(
                    path,
                    new Node(CpioConstants.C_ISREG | permissions, time.to(TimeUnit.SECONDS), size, real, NOTHING, 0));
        } catch (IOException e) {
            throw new HostLacks("cannot copy " + host + " into the guest: " + Cache.reason(e), e);
        }
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
            } else if ((node.mode & CpioConstants.S_IFMT) != CpioConstants.C_ISDIR) {
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

    /** Writes the archive, its trailer included. The stream stays open. */
    void writeTo(OutputStream out, String phase, Progress progress) throws IOException {
        long total = totalSize();
        long done = 0;
        long toldAt = System.nanoTime();
        progress.at(phase, 0, total);
        @SuppressWarnings("resource") // closing it would close the stream, which is the caller's
        CpioArchiveOutputStream cpio = new CpioArchiveOutputStream(out, CpioConstants.FORMAT_NEW, 512, "UTF-8");
        long inode = 1;
        for (Map.Entry<String, Node> e : nodes.entrySet()) {
            Node node = e.getValue();
            CpioArchiveEntry entry = new CpioArchiveEntry(CpioConstants.FORMAT_NEW, e.getKey());
            entry.setInode(inode++);
            entry.setMode(node.mode);
            entry.setNumberOfLinks((node.mode & CpioConstants.S_IFMT) == CpioConstants.C_ISDIR ? 2 : 1);
            entry.setTime(node.mtime);
            entry.setSize(node.size);
            if (node.device != 0) {
                entry.setRemoteDeviceMaj(node.device >>> 32);
                entry.setRemoteDeviceMin(node.device & 0xffff_ffffL);
            }
            cpio.putArchiveEntry(entry);
            if (node.host != null) {
                copy(node, e.getKey(), cpio);
            } else {
                cpio.write(node.bytes);
            }
            cpio.closeArchiveEntry();
            done += node.size;
            if (System.nanoTime() - toldAt > 200_000_000L) {
                toldAt = System.nanoTime();
                progress.at(phase, done, total);
            }
        }
        cpio.finish();
        cpio.flush();
        progress.at(phase, total, total);
    }

    private static void copy(Node node, String path, OutputStream out) throws IOException {
        long copied = Files.copy(Objects.requireNonNull(node.host), out);
        if (copied != node.size) {
            throw new IOException(node.host + " changed while it was copied to " + path + ": " + copied
                    + " bytes instead of " + node.size);
        }
    }
}
