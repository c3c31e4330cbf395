package dev.runinvm.client;

import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.wire.GuestMessage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Files that a guest sends, in a directory that they cannot leave and up to a limit. */
public final class ReceivedFiles implements AutoCloseable {
    /** What a guest may send to, below the directory. */
    private static final Set<String> PLACES = Set.of("files", "attachments", "coverage");

    private final Path directory;
    private final long limit;
    private final String setting;
    private long received;
    private @Nullable String current;
    private @Nullable OutputStream out;

    /**
     * Removes what an earlier run has left there.
     *
     * @param limit bytes that all of them may have together
     * @param setting that the limit comes from, for messages
     */
    public ReceivedFiles(Path directory, long limit, String setting) {
        this.directory = directory;
        this.limit = limit;
        this.setting = setting;
        try {
            for (String place : PLACES) {
                delete(directory.resolve(place));
            }
        } catch (IOException e) {
            throw new HostLacks("cannot remove the files of an earlier run from " + directory + ": " + e, e);
        }
    }

    private static void delete(Path tree) throws IOException {
        if (!Files.exists(tree, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        List<Path> all;
        try (Stream<Path> found = Files.walk(tree)) {
            all = found.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path path : all) {
            Files.delete(path);
        }
    }

    /**
     * Where a file of this name is, or will be.
     *
     * @throws GuestFailure if the name leads elsewhere
     */
    public Path path(String name) {
        String[] segments = name.split("/", -1);
        boolean good = segments.length > 1 && PLACES.contains(segments[0]) && name.length() <= 4000;
        for (String segment : segments) {
            good &= !segment.isEmpty() && !segment.equals(".") && !segment.equals("..") && segment.indexOf('\0') < 0;
        }
        if (!good) {
            throw new GuestFailure("the guest sent a file with a name that is none: \"" + name + "\"");
        }
        return directory.resolve(name);
    }

    /**
     * Takes a part of a file.
     *
     * @throws GuestFailure if the guest sends what it may not
     */
    public void take(GuestMessage.FilePart part) {
        received += part.bytes().length;
        if (received > limit) {
            throw new GuestFailure("the guest sent more than " + limit + " bytes of files (" + setting
                    + "); the last was " + part.path());
        }
        Path file = path(part.path());
        if (current != null && !current.equals(part.path())) {
            throw new GuestFailure("the guest began with " + part.path() + " before " + current + " was whole");
        }
        try {
            OutputStream to = out;
            if (to == null) {
                Files.createDirectories(file.getParent());
                to = Files.newOutputStream(file);
                out = to;
                current = part.path();
            }
            to.write(part.bytes());
            if (part.last()) {
                close();
            }
        } catch (IOException e) {
            throw new HostLacks("cannot write " + file + ", which came from the guest: " + e, e);
        }
    }

    /** Closes a file that is not whole. */
    @Override
    public void close() {
        OutputStream to = out;
        out = null;
        current = null;
        if (to != null) {
            try {
                to.close();
            } catch (IOException e) {
                throw new HostLacks("cannot write files that came from the guest: " + e, e);
            }
        }
    }
}
