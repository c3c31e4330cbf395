package dev.runinvm.agent;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Copies what the host has sent to where tests want it. */
final class FilePlacer {
    private FilePlacer() {}

    /**
     * Copies a file, or a directory's content, to a path; what is there already stays unless it is in the way.
     *
     * @param executable paths of programs, below {@code from}
     */
    static void place(Path from, Path target, List<String> executable) throws IOException {
        if (!target.isAbsolute()) {
            throw new IOException("the path " + target + " in the guest is not absolute");
        }
        if (Files.isDirectory(from)) {
            List<Path> all;
            try (Stream<Path> found = Files.walk(from)) {
                all = found.toList();
            }
            for (Path path : all) {
                Path to = target.resolve(from.relativize(path).toString());
                if (Files.isDirectory(path)) {
                    Files.createDirectories(to);
                } else {
                    Files.copy(path, to, StandardCopyOption.REPLACE_EXISTING);
                }
            }
            makeExecutable(target, executable);
            return;
        }
        Path parent = target.getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        Files.copy(from, target, StandardCopyOption.REPLACE_EXISTING);
        makeExecutable(target, executable);
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
