package dev.runinvm.agent;

import dev.runinvm.wire.ProtocolException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** Makes a directory of a zip as it comes, without keeping the zip. Each system call counts: a build may have thousands of classes. */
final class Unpacker {
    private static final int BUFFER = 1 << 16;

    private Unpacker() {}

    /**
     * Unpacks.
     *
     * @param zip stays open
     * @param root where to; made if it is missing, and files that are in the way are replaced
     * @return names of the files, relative, in the zip's order
     * @throws ProtocolException if one would be outside
     */
    static List<String> unpack(InputStream zip, Path root) throws IOException {
        List<String> names = new ArrayList<>();
        Files.createDirectories(root);
        Set<Path> made = new HashSet<>();
        made.add(root);
        // Not closed: the stream it reads from has more to say.
        ZipInputStream in = new ZipInputStream(zip);
        byte[] buffer = new byte[BUFFER];
        ZipEntry entry;
        while ((entry = in.getNextEntry()) != null) {
            String name = entry.getName();
            Path target = root.resolve(name).normalize();
            if (!target.startsWith(root)) {
                throw new ProtocolException("entry " + name + " leaves its directory");
            }
            Path folder = entry.isDirectory() ? target : target.getParent();
            if (made.add(folder)) {
                Files.createDirectories(folder);
            }
            if (entry.isDirectory()) {
                continue;
            }
            try (OutputStream out = create(target)) {
                int n;
                while ((n = in.readNBytes(buffer, 0, buffer.length)) > 0) {
                    out.write(buffer, 0, n);
                }
            }
            names.add(name);
        }
        return names;
    }

    /** A new file, in the place of another one or of a link, if there is one. */
    static OutputStream create(Path file) throws IOException {
        try {
            return Files.newOutputStream(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        } catch (FileAlreadyExistsException e) {
            Files.delete(file);
            return Files.newOutputStream(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        }
    }
}
