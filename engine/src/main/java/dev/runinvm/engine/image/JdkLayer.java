package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The part of the guest's files that is the JDK, at the same path as on the host, with the shared libraries it needs.
 * File times are kept: Java uses its CDS archive only beside a {@code modules} file of the time it was made from.
 */
final class JdkLayer {
    /** Libraries that programs open at run time, so that no DT_NEEDED tells of them. */
    static final List<String> OPENED_AT_RUN_TIME = List.of(
            "libnss_files.so.2",
            "libnss_dns.so.2",
            "libresolv.so.2",
            "libgcc_s.so.1",
            "libstdc++.so.6",
            "libm.so.6",
            "libdl.so.2",
            "libpthread.so.0",
            "librt.so.1",
            "libutil.so.1");

    private static final Logger LOG = LoggerFactory.getLogger(JdkLayer.class);
    /** Below java.home, what no test needs. */
    private static final Set<String> LEFT_OUT =
            Set.of("src.zip", "lib/src.zip", "jmods", "include", "demo", "sample", "man", "legal", "docs");

    private static final List<String> ESSENTIAL = List.of("bin/java", "lib/server/libjvm.so", "lib/libjava.so");
    /** On the disk, what does not belong to the JDK itself. */
    private static final String ELSEWHERE = ".runinvm/";

    private static final int DEPTH_LIMIT = 32;

    private final Path home;
    private final FileTree tree = new FileTree();
    /** Files to be copied: path below java.home to real file; and links: path to target. */
    private final Map<String, Path> files = new TreeMap<>();

    private final Map<String, String> links = new TreeMap<>();

    private JdkLayer(Path home) {
        this.home = home;
    }

    /**
     * What was made.
     *
     * @param archive cpio archive
     * @param disk EROFS image the archive's links lead into, null if everything is in the archive
     * @param javaHome absolute path in the guest
     */
    record Made(Path archive, @Nullable Path disk, String javaHome) {}

    /**
     * Makes the layer.
     *
     * @param onDisk whether files go to a disk in the guest's memory instead of the archive
     */
    static Made make(Cache cache, Path javaHome, boolean onDisk, Progress progress) {
        JdkLayer layer;
        try {
            layer = new JdkLayer(javaHome.toRealPath());
        } catch (IOException e) {
            throw new HostLacks("the JDK " + javaHome + " cannot be read: " + Cache.reason(e), e);
        }
        progress.at("collecting the JDK", 0, 0);
        String guestHome = GuestPaths.isCovered(layer.home) ? "opt/java" : GuestPaths.of(layer.home);
        layer.collect(guestHome, javaHome);
        String key = Keys.of(BaseLayer.FORMAT, layer.tree.key());
        if (!onDisk) {
            Path archive = cache.get(
                    "image",
                    "jdk-" + key + ".cpio",
                    "the guest's JDK",
                    out -> CpioWriter.write(layer.tree, out, "writing the JDK", progress));
            return new Made(archive, null, "/" + guestHome);
        }
        Split split = layer.split(guestHome);
        Path disk = cache.get(
                "image",
                "jdk-" + key + ".erofs",
                "the guest's JDK",
                out -> ErofsWriter.write(split.disk, out, "writing the JDK", progress));
        Path archive = cache.get(
                "image",
                "jdk-links-" + key + ".cpio",
                "links to the guest's JDK",
                out -> CpioWriter.write(split.archive, out, "writing links to the JDK", Progress.NONE));
        return new Made(archive, disk, "/" + guestHome);
    }

    private record Split(FileTree archive, FileTree disk) {}

    /**
     * Divides the files: the JDK makes the disk's root, which is mounted at java.home; files of other places go to a
     * directory on the disk and are linked to.
     */
    private Split split(String guestHome) {
        FileTree archive = new FileTree();
        FileTree disk = new FileTree();
        tree.nodes().forEach((path, node) -> {
            if (path.startsWith(guestHome + "/")) {
                disk.put(path.substring(guestHome.length() + 1), node);
            } else if (node.host() != null) {
                disk.put(ELSEWHERE + path, node);
                archive.link(path, "/" + guestHome + "/" + ELSEWHERE + path);
            } else {
                archive.put(path, node);
            }
        });
        archive.file("opt/runinvm/disks", 0644, "/dev/pmem0 /" + guestHome + "\n");
        return new Split(archive, disk);
    }

    private void collect(String guestHome, Path asGiven) {
        try {
            walk("", home, 0);
        } catch (IOException e) {
            throw new HostLacks("cannot copy the JDK " + home + ": " + Cache.reason(e), e);
        }
        for (String path : ESSENTIAL) {
            if (!files.containsKey(path)) {
                throw new HostLacks("cannot copy the JDK " + home + ": it has no " + path);
            }
        }
        SharedLibraries libraries = takeLibraries();
        files.forEach((path, file) -> tree.hostFile(guestHome + "/" + path, file));
        links.forEach((path, target) -> tree.link(guestHome + "/" + path, target));
        libraries.addTo(tree);
        String absolute = "/" + guestHome;
        tree.file("opt/runinvm/env", 0644, "JAVA_HOME='" + absolute.replace("'", "'\\''") + "'\n");
        tree.link("usr/bin/java", absolute + "/bin/java");
        addLink(GuestPaths.of(asGiven), absolute);
        addLocale();
    }

    private void addLink(String path, String target) {
        if (!("/" + path).equals(target) && !GuestPaths.isCovered(Path.of("/" + path)) && !tree.contains(path)) {
            tree.link(path, target);
        }
    }

    /** C libraries before 2.35 need C.UTF-8 as files. */
    private void addLocale() {
        for (String name : List.of("C.utf8", "C.UTF-8")) {
            Path locale = Path.of("/usr/lib/locale", name);
            if (Files.isDirectory(locale)) {
                HostFiles.addDirectory(tree, locale);
            }
        }
    }

    private void walk(String prefix, Path directory, int depth) throws IOException {
        if (depth > DEPTH_LIMIT) {
            throw new IOException("directories nested too deeply, or links in a circle, at " + directory);
        }
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                String path = prefix + entry.getFileName();
                String name = entry.getFileName().toString();
                if (LEFT_OUT.contains(path) || name.startsWith("classes_") && name.endsWith(".jsa")) {
                    continue;
                }
                if (!Files.exists(entry)) {
                    LOG.debug("left out {}: a link to nowhere", entry);
                } else if (Files.isSymbolicLink(entry)
                        && entry.toRealPath().startsWith(home)
                        && !Files.readSymbolicLink(entry).isAbsolute()) {
                    links.put(path, Files.readSymbolicLink(entry).toString());
                } else if (Files.isDirectory(entry)) {
                    walk(path + "/", entry, depth + 1);
                } else {
                    files.put(path, entry);
                }
            }
        }
    }

    /** Finds what the JDK's programs and libraries need; those that need what is not there are left out. */
    private SharedLibraries takeLibraries() {
        Map<String, Path> own = new HashMap<>();
        List<String> elves = new ArrayList<>();
        files.forEach((path, file) -> {
            String name = path.substring(path.lastIndexOf('/') + 1);
            boolean library = name.endsWith(".so") || name.contains(".so.");
            if ((library || path.startsWith("bin/") || Files.isExecutable(file)) && SharedLibraries.isElf(file)) {
                elves.add(path);
                if (library) {
                    own.putIfAbsent(name, file);
                }
            }
        });
        for (String path : ESSENTIAL) {
            if (!elves.contains(path)) {
                Path file = files.get(path);
                boolean readable = file != null && Files.isReadable(file);
                throw new HostLacks("cannot copy the JDK " + home + ": " + path
                        + (readable ? " is not an ELF file" : " is not readable for this user"));
            }
        }
        SharedLibraries libraries = new SharedLibraries(own, SharedLibraries.hostDirectories());
        for (String path : elves) {
            String missing = addLibrary(libraries, path);
            if (missing != null && ESSENTIAL.contains(path)) {
                throw new HostLacks("cannot copy the JDK " + home + ": " + missing + ", which this host does not have");
            }
            if (missing != null) {
                LOG.debug("left out {}: {}, which this host does not have", path, missing);
                files.remove(path);
            }
        }
        OPENED_AT_RUN_TIME.forEach(libraries::addIfPresent);
        return libraries;
    }

    private @Nullable String addLibrary(SharedLibraries libraries, String path) {
        try {
            return libraries.add(Objects.requireNonNull(files.get(path)));
        } catch (HostLacks e) {
            throw new HostLacks("cannot copy the JDK " + home + ": " + e.getMessage(), e);
        }
    }
}
