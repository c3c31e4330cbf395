package dev.runinvm.agent;

import dev.runinvm.wire.GuestMessage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Sends files to the host, one after the other. Thread-safe. */
final class FileSender {
    /** Bytes of one part. */
    private static final int PART = 256 << 10;

    private final Consumer<GuestMessage> out;
    private int attachments;

    FileSender(Consumer<GuestMessage> out) {
        this.out = out;
    }

    /**
     * Sends a file, or all regular files of a directory; symbolic links are left out.
     *
     * @param name what the host calls it
     */
    synchronized void send(Path from, String name) throws IOException {
        if (!Files.isDirectory(from, LinkOption.NOFOLLOW_LINKS)) {
            sendFile(from, name);
            return;
        }
        List<Path> files;
        try (Stream<Path> all = Files.walk(from)) {
            files = all.filter(f -> Files.isRegularFile(f, LinkOption.NOFOLLOW_LINKS))
                    .sorted()
                    .toList();
        }
        for (Path file : files) {
            sendFile(file, name + "/" + from.relativize(file));
        }
    }

    /** Sends bytes as a file; nothing if there are none. */
    synchronized void send(byte[] bytes, String name) {
        for (int at = 0; at < bytes.length; at += PART) {
            int end = Math.min(bytes.length, at + PART);
            out.accept(new GuestMessage.FilePart(name, Arrays.copyOfRange(bytes, at, end), end == bytes.length));
        }
    }

    /** Removes all that is in a directory. */
    static void empty(Path directory) throws IOException {
        List<Path> all;
        try (Stream<Path> found = Files.walk(directory)) {
            all = found.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : all) {
            if (!path.equals(directory)) {
                Files.deleteIfExists(path);
            }
        }
    }

    private void sendFile(Path file, String name) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] part = in.readNBytes(PART);
            while (true) {
                byte[] next = part.length < PART ? new byte[0] : in.readNBytes(PART);
                boolean last = next.length == 0;
                out.accept(new GuestMessage.FilePart(name, part, last));
                if (last) {
                    return;
                }
                part = next;
            }
        }
    }

    /** Sends what a test has published; a directory has no media type. */
    synchronized void attach(String id, Path file, @org.jspecify.annotations.Nullable String mediaType)
            throws IOException {
        String name = String.valueOf(file.getFileName());
        String path = "attachments/" + ++attachments + "/" + name;
        send(file, path);
        out.accept(new GuestMessage.Attached(id, path, name, mediaType));
    }
}
