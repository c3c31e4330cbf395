package dev.runinvm.engine.image;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * A kernel and where its modules are.
 *
 * @param kernel the bzImage or vmlinux
 * @param release as {@code uname -r} shows it
 * @param modules Debian packages with lib/modules/RELEASE in them, or that directory itself; empty without modules
 * @param identity changes with the modules' content
 * @param origin for people: "Debian package ..."
 */
record KernelFiles(Path kernel, String release, List<Path> modules, String identity, String origin) {

    /** Sees a file of lib/modules/RELEASE. */
    @FunctionalInterface
    interface ModuleVisitor {
        /**
         * @param path below lib/modules/RELEASE: {@code kernel/fs/fuse/fuse.ko}
         * @param content read only if needed
         */
        void visit(String path, InputStream content) throws IOException;
    }

    /** Goes through all regular files of the kernel's module directory. */
    void forEachModuleFile(ModuleVisitor visitor) throws IOException {
        for (Path source : modules) {
            if (Files.isDirectory(source)) {
                visitDirectory(source, visitor);
            } else {
                visitPackage(source, visitor);
            }
        }
    }

    private void visitPackage(Path deb, ModuleVisitor visitor) throws IOException {
        String prefix = "lib/modules/" + release + "/";
        Deb.forEach(deb, (path, entry, content) -> {
            String plain = path.startsWith("usr/lib/") ? path.substring(4) : path;
            if (entry.isFile() && plain.startsWith(prefix)) {
                visitor.visit(plain.substring(prefix.length()), content);
            }
            return true;
        });
    }

    private static void visitDirectory(Path directory, ModuleVisitor visitor) throws IOException {
        List<Path> files = new ArrayList<>();
        try (Stream<Path> walk = Files.walk(directory)) {
            walk.filter(Files::isRegularFile).sorted().forEach(files::add);
        }
        for (Path file : files) {
            try (InputStream in = Files.newInputStream(file)) {
                visitor.visit(directory.relativize(file).toString(), in);
            }
        }
    }
}
