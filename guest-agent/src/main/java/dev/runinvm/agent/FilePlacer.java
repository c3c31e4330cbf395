package dev.runinvm.agent;

import dev.runinvm.wire.HostMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;

/** Puts files of the host's where tests want them. They are written there as they come: memory is all that a guest has for files. */
final class FilePlacer {
    private FilePlacer() {}

    /**
     * Writes a file, or a directory's content, to a path; what is there already stays unless it is in the way.
     *
     * @param arrival a file's content, or a directory as a zip
     */
    static void place(HostMessage.Place where, HostMessage.EntryKind kind, Arrival arrival) throws IOException {
        Path target = Path.of(where.path());
        if (!target.isAbsolute()) {
            throw new IOException("the path " + target + " in the guest is not absolute");
        }
        if (kind == HostMessage.EntryKind.DIRECTORY) {
            Unpacker.unpack(arrival, target);
        } else {
            Path parent = target.getParent();
            if (parent != null) {
                Files.createDirectories(parent);
            }
            arrival.write(target);
        }
        makeExecutable(target, where.executable());
    }

    private static void makeExecutable(Path target, List<String> executable) throws IOException {
        for (String name : executable) {
            Path program = target.resolve(name);
            Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(program);
            permissions.addAll(PosixFilePermissions.fromString("--x--x--x"));
            Files.setPosixFilePermissions(program, permissions);
        }
    }
}
