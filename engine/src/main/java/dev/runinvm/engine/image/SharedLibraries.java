package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.boot.Elf64;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the shared libraries programs need, as ld.so(8) would: DT_NEEDED of each, transitively, looked for in its
 * DT_RUNPATH or DT_RPATH, in the directories of /etc/ld.so.conf and in the default ones.
 */
final class SharedLibraries {
    private static final Logger LOG = LoggerFactory.getLogger(SharedLibraries.class);
    private static final long DT_NULL = 0;
    private static final long DT_NEEDED = 1;
    private static final long DT_STRTAB = 5;
    private static final long DT_RPATH = 15;
    private static final long DT_RUNPATH = 29;
    private static final List<String> DEFAULT_DIRECTORIES =
            List.of("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib");

    private final List<Path> directories;
    private final Map<String, Path> own;
    private final Map<Path, Dynamic> read = new HashMap<>();
    private final Map<String, Path> libraries = new TreeMap<>();
    private final Set<Path> interpreters = new TreeSet<>();

    /** What a file's dynamic section and program headers say about others. */
    private record Dynamic(
            List<String> needed,
            List<String> runPath,
            @Nullable String interpreter) {}

    /**
     * @param own libraries by name that are copied anyway and found before any other
     * @param directories to look in, behind the run paths
     */
    SharedLibraries(Map<String, Path> own, List<Path> directories) {
        this.own = Map.copyOf(own);
        this.directories = List.copyOf(directories);
    }

    /** Where this host's dynamic loader looks. */
    static List<Path> hostDirectories() {
        Set<Path> found = new LinkedHashSet<>();
        readLoaderConfiguration(Path.of("/etc/ld.so.conf"), found, 0);
        DEFAULT_DIRECTORIES.forEach(d -> found.add(Path.of(d)));
        found.removeIf(d -> !Files.isDirectory(d));
        return List.copyOf(found);
    }

    private static void readLoaderConfiguration(Path file, Set<Path> found, int depth) {
        if (depth > 8 || !Files.isReadable(file)) {
            return;
        }
        try {
            for (String raw : Files.readAllLines(file, java.nio.charset.StandardCharsets.ISO_8859_1)) {
                String line = raw.replaceAll("#.*", "").trim();
                if (line.startsWith("include ")) {
                    Path pattern = Path.of("/etc").resolve(line.substring(8).trim());
                    Path parent = pattern.getParent();
                    if (parent == null || !Files.isDirectory(parent)) {
                        continue;
                    }
                    List<Path> included = new ArrayList<>();
                    String glob = String.valueOf(pattern.getFileName());
                    try (DirectoryStream<Path> files = Files.newDirectoryStream(parent, glob)) {
                        files.forEach(included::add);
                    }
                    included.stream().sorted().forEach(f -> readLoaderConfiguration(f, found, depth + 1));
                } else if (line.startsWith("/")) {
                    found.add(Path.of(line));
                }
            }
        } catch (IOException e) {
            LOG.debug("cannot read {}", file, e);
        }
    }

    /** Whether a file starts as ELF files do. */
    static boolean isElf(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer start = ByteBuffer.allocate(4);
            channel.read(start);
            return Elf64.looksLikeElf(start.flip());
        } catch (IOException e) {
            LOG.debug("cannot read {}", file, e);
            return false;
        }
    }

    /**
     * Takes a program or library and all it needs, unless something of that is missing.
     *
     * @return what is missing, for people; null if nothing is
     * @throws HostLacks if the file is no x86-64 ELF file
     */
    @Nullable
    String add(Path file) {
        Map<String, Path> found = new LinkedHashMap<>();
        Set<Path> seen = new LinkedHashSet<>();
        Set<Path> loaders = new LinkedHashSet<>();
        String missing = walk(file, found, seen, loaders);
        if (missing == null) {
            found.forEach(libraries::putIfAbsent);
            interpreters.addAll(loaders);
        }
        return missing;
    }

    /** Takes a library by name if the host has it. */
    void addIfPresent(String name) {
        Path file = search(name, Path.of("/"), List.of());
        if (file != null && add(file) == null) {
            libraries.putIfAbsent(name, file);
        }
    }

    private @Nullable String walk(Path file, Map<String, Path> found, Set<Path> seen, Set<Path> loaders) {
        if (!seen.add(file)) {
            return null;
        }
        Dynamic dynamic = dynamic(file);
        if (dynamic.interpreter != null) {
            Path loader = Path.of(dynamic.interpreter);
            if (!Files.isRegularFile(loader)) {
                return file + " needs the dynamic loader " + loader;
            }
            loaders.add(loader);
        }
        for (String name : dynamic.needed) {
            Path mine = own.get(name);
            Path needed = mine != null ? mine : search(name, file, dynamic.runPath);
            if (needed == null) {
                return file + " needs " + name;
            }
            if (mine == null) {
                found.putIfAbsent(name, needed);
            }
            String missing = walk(needed, found, seen, loaders);
            if (missing != null) {
                return missing;
            }
        }
        return null;
    }

    private @Nullable Path search(String name, Path by, List<String> runPath) {
        if (name.startsWith("/")) {
            return usable(Path.of(name));
        }
        Path origin = by.getParent();
        for (String entry : runPath) {
            String dir = entry.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", String.valueOf(origin));
            Path file = dir.startsWith("/") ? usable(Path.of(dir, name)) : null;
            if (file != null) {
                return file;
            }
        }
        for (Path directory : directories) {
            Path file = usable(directory.resolve(name));
            if (file != null) {
                return file;
            }
        }
        return null;
    }

    /** The file if it is a library for this architecture: 32-bit ones of the same name may lie in the path. */
    private @Nullable Path usable(Path file) {
        if (!Files.isRegularFile(file)) {
            return null;
        }
        try {
            dynamic(file);
            return file;
        } catch (HostLacks e) {
            LOG.debug("passed over", e);
            return null;
        }
    }

    private Dynamic dynamic(Path file) {
        return read.computeIfAbsent(file, SharedLibraries::read);
    }

    private static Dynamic read(Path file) {
        Elf64 elf = Elf64.open(file);
        String interpreter = null;
        List<String> needed = new ArrayList<>();
        List<String> runPath = new ArrayList<>();
        for (Elf64.Segment s : elf.segments()) {
            if (s.type() == Elf64.PT_INTERP) {
                interpreter = Elf64.string(elf.content(s), 0);
            } else if (s.type() == Elf64.PT_DYNAMIC) {
                readDynamic(elf, elf.content(s), needed, runPath);
            }
        }
        return new Dynamic(needed, runPath, interpreter);
    }

    private static void readDynamic(Elf64 elf, ByteBuffer table, List<String> needed, List<String> runPath) {
        long strings = -1;
        for (int at = 0; at + 16 <= table.limit() && table.getLong(at) != DT_NULL; at += 16) {
            if (table.getLong(at) == DT_STRTAB) {
                strings = table.getLong(at + 8);
            }
        }
        for (int at = 0; at + 16 <= table.limit() && table.getLong(at) != DT_NULL; at += 16) {
            long tag = table.getLong(at);
            if (tag == DT_NEEDED) {
                needed.add(stringAt(elf, strings, table.getLong(at + 8)));
            } else if (tag == DT_RPATH || tag == DT_RUNPATH) {
                runPath.addAll(
                        List.of(stringAt(elf, strings, table.getLong(at + 8)).split(":")));
            }
        }
    }

    private static String stringAt(Elf64 elf, long table, long offset) {
        long address = table + offset;
        for (Elf64.Segment s : elf.segments()) {
            if (s.type() == Elf64.PT_LOAD && address >= s.virtual() && address < s.virtual() + s.fileSize()) {
                return Elf64.string(elf.content(s), (int) (address - s.virtual()));
            }
        }
        throw new HostLacks(elf.name() + " is damaged: a string of its dynamic section is not in it");
    }

    /** The libraries found so far by the name they are asked for, without those of our own. */
    Map<String, Path> libraries() {
        return libraries;
    }

    /** The dynamic loaders needed so far. */
    Collection<Path> interpreters() {
        return interpreters;
    }

    /**
     * Adds libraries and loaders to a guest's files. All libraries go to the C library's directory, which the loader
     * searches whatever its configuration.
     */
    void addTo(FileTree tree) {
        if (libraries.isEmpty()) {
            return;
        }
        Path c = libraries.get("libc.so.6");
        Path directory = c != null ? c.getParent() : null;
        String target = directory != null ? GuestPaths.of(directory) : "usr/lib";
        libraries.forEach((name, file) ->
                tree.hostFile(name.startsWith("/") ? GuestPaths.of(Path.of(name)) : target + "/" + name, file));
        interpreters.forEach(i -> tree.hostFile(GuestPaths.of(i), i));
    }
}
