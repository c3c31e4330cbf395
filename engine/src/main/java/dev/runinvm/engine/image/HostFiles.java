package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Copies files and directories of the host to the same place in the guest. */
final class HostFiles {
    private HostFiles() {}

    /** The layer with a user's extra files and the libraries they need. */
    static Path makeLayer(Cache cache, List<Path> files, Progress progress) {
        FileTree tree = new FileTree();
        for (Path file : files) {
            if (GuestPaths.isCovered(file)) {
                throw new HostLacks("cannot copy " + file + " into the guest: something else is mounted over "
                        + file.getRoot() + file.getName(0) + " there");
            }
            if (!Files.exists(file)) {
                throw new HostLacks("cannot copy " + file + " into the guest: it does not exist");
            }
            if (Files.isDirectory(file)) {
                addDirectory(tree, file);
            } else {
                add(tree, file);
            }
        }
        SharedLibraries libraries = new SharedLibraries(Map.of(), SharedLibraries.hostDirectories());
        for (Path elf : tree.hostFiles()) {
            if (SharedLibraries.isElf(elf)) {
                String missing = libraries.add(elf);
                if (missing != null) {
                    throw new HostLacks(
                            "cannot copy " + elf + " into the guest: " + missing + ", which this host does not have");
                }
            }
        }
        libraries.addTo(tree);
        String key = "extra-" + Keys.of(BaseLayer.FORMAT, tree.key()) + ".cpio";
        return cache.get(
                "image",
                key,
                "the extra files",
                out -> CpioWriter.write(tree, out, "writing the extra files", progress));
    }

    /** Adds a directory with everything below it. */
    static void addDirectory(FileTree tree, Path directory) {
        try (Stream<Path> walk = Files.walk(directory)) {
            for (Path file : walk.sorted().toList()) {
                if (Files.isDirectory(file) && !Files.isSymbolicLink(file)) {
                    tree.directory(GuestPaths.of(file), 0755);
                } else {
                    add(tree, file);
                }
            }
        } catch (IOException | java.io.UncheckedIOException e) {
            throw new HostLacks("cannot copy " + directory + " into the guest: " + e.getMessage(), e);
        }
    }

    private static void add(FileTree tree, Path file) {
        try {
            if (!Files.isSymbolicLink(file)) {
                if (Files.isRegularFile(file)) {
                    tree.hostFile(GuestPaths.of(file), file);
                }
                return; // sockets, pipes and devices have no content to copy
            }
            tree.link(GuestPaths.of(file), Files.readSymbolicLink(file).toString());
            Path real = Files.exists(file) ? file.toRealPath() : file;
            if (Files.isRegularFile(real) && !tree.contains(GuestPaths.of(real))) {
                tree.hostFile(GuestPaths.of(real), real);
            }
        } catch (IOException e) {
            throw new HostLacks("cannot copy " + file + " into the guest: " + Cache.reason(e), e);
        }
    }
}
