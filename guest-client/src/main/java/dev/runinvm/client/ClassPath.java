package dev.runinvm.client;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.wire.HostMessage.EntryKind;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;

/** The class path of this JVM, as it is shipped: jars as they are, directories as zips, each known by its content's hash. */
public final class ClassPath {
    private static final Map<String, Entry> CACHE = new ConcurrentHashMap<>();
    private static final Map<String, Contents> CONTENTS = new ConcurrentHashMap<>();

    /** One entry; {@code zip} is null for a jar, which is read from its file when it is sent. */
    public record Entry(String hash, EntryKind kind, String name, long size, Path path, byte @Nullable [] zip) {}

    /** What a file of the class path holds: classes of its own (or resources, if it names no other), and names of others. */
    private record Contents(boolean classes, List<Path> named) {
        static final Contents NONE = new Contents(false, List.of());
    }

    private ClassPath() {}

    /**
     * All entries: the system's class and module path, what manifests of jars there name (build tools put a long class path
     * into one), and the URLs of the tests' own class loaders.
     */
    public static List<Path> paths(ClassLoader loader) {
        Set<Path> found = new LinkedHashSet<>();
        List<Path> todo = new ArrayList<>();
        for (String property : List.of("surefire.test.class.path", "java.class.path", "jdk.module.path")) {
            for (String element : System.getProperty(property, "").split(File.pathSeparator)) {
                if (!element.isEmpty()) {
                    todo.add(Path.of(element));
                }
            }
        }
        for (ClassLoader l = loader; l != null; l = l.getParent()) {
            if (l instanceof URLClassLoader urls) {
                for (URL url : urls.getURLs()) {
                    add(todo, url.toString());
                }
            }
        }
        for (Path path : todo) {
            collect(path.toAbsolutePath().normalize(), found);
        }
        return List.copyOf(found);
    }

    /**
     * A class path, and behind it the jar that a class comes from in this JVM, if that is not on it: build tools bring
     * JUnit's launcher along without naming it in the tests' class path.
     */
    public static List<Path> with(List<Path> paths, String className, ClassLoader loader) {
        try {
            CodeSource source = Class.forName(className, false, loader)
                    .getProtectionDomain()
                    .getCodeSource();
            List<Path> jar = new ArrayList<>();
            if (source != null && source.getLocation() != null) {
                add(jar, source.getLocation().toString());
            }
            return Stream.concat(paths.stream(), jar.stream()).distinct().toList();
        } catch (ClassNotFoundException e) {
            return paths; // not here either: the guest says what it misses
        }
    }

    private static void collect(Path path, Set<Path> found) {
        if (!Files.exists(path) || found.contains(path)) {
            return;
        }
        if (Files.isDirectory(path)) {
            found.add(path);
            return;
        }
        Contents contents = contents(path);
        if (contents.classes) {
            found.add(path);
        }
        for (Path other : contents.named) {
            collect(other.toAbsolutePath().normalize(), found);
        }
    }

    private static Contents contents(Path path) {
        try {
            return CONTENTS.computeIfAbsent(state(path), k -> read(path));
        } catch (IOException e) {
            return Contents.NONE; // gone meanwhile
        }
    }

    private static Contents read(Path path) {
        try (JarFile jar = new JarFile(path.toFile())) {
            Manifest manifest = jar.getManifest();
            String classPath =
                    manifest == null ? null : manifest.getMainAttributes().getValue(Attributes.Name.CLASS_PATH);
            if (classPath == null) {
                return new Contents(true, List.of());
            }
            List<Path> named = new ArrayList<>();
            for (String url : classPath.trim().split("\\s+")) {
                add(named, path.toUri().resolve(url).toString());
            }
            return new Contents(jar.stream().anyMatch(e -> e.getName().endsWith(".class")), List.copyOf(named));
        } catch (IOException | IllegalArgumentException e) {
            return Contents.NONE; // Not a jar: the JVM ignores such entries too.
        }
    }

    private static void add(List<Path> to, String url) {
        try {
            URI uri = new URI(url);
            if ("file".equals(uri.getScheme())) {
                to.add(Path.of(uri));
            }
        } catch (URISyntaxException | IllegalArgumentException e) {
            throw new HostLacks("class path entry " + url + " is no file; the guest cannot get it", e);
        }
    }

    /** An entry ready to be sent. Hashes are kept for the life of the JVM, by path, size and time of change. */
    public static Entry entry(Path path) {
        try {
            boolean directory = Files.isDirectory(path);
            return CACHE.computeIfAbsent(state(path), k -> directory ? directory(path) : jar(path));
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    /** What changes when the content does, or all but surely: a build's JVM may live for many builds. */
    private static String state(Path path) throws IOException {
        return Files.isDirectory(path)
                ? stateOfDirectory(path)
                : path + "|" + Files.size(path) + "|" + Files.getLastModifiedTime(path);
    }

    private static String stateOfDirectory(Path directory) throws IOException {
        long files = 0;
        long bytes = 0;
        long newest = 0;
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path file : (Iterable<Path>) all::iterator) {
                files++;
                bytes += Files.isDirectory(file) ? 0 : Files.size(file);
                newest = Math.max(newest, Files.getLastModifiedTime(file).to(TimeUnit.NANOSECONDS));
            }
        }
        return directory + "|" + files + "|" + bytes + "|" + newest;
    }

    private static Entry jar(Path path) {
        MessageDigest digest = sha256();
        try (var in = Files.newInputStream(path)) {
            byte[] buffer = new byte[1 << 16];
            long size = 0;
            int n;
            while ((n = in.read(buffer)) > 0) {
                digest.update(buffer, 0, n);
                size += n;
            }
            return new Entry(hex(digest), EntryKind.JAR, path.getFileName().toString(), size, path, null);
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    private static Entry directory(Path path) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes);
                Stream<Path> files = Files.walk(path)) {
            zip.setLevel(Deflater.NO_COMPRESSION);
            for (Path file : files.sorted().toList()) {
                String name = path.relativize(file).toString();
                if (name.isEmpty()) {
                    continue;
                }
                boolean directory = Files.isDirectory(file);
                ZipEntry entry = new ZipEntry(directory ? name + "/" : name);
                entry.setTime(0);
                zip.putNextEntry(entry);
                if (!directory) {
                    Files.copy(file, zip);
                }
                zip.closeEntry();
            }
        } catch (IOException e) {
            throw unreadable(path, e);
        }
        byte[] content = bytes.toByteArray();
        MessageDigest digest = sha256();
        digest.update(content);
        return new Entry(hex(digest), EntryKind.DIRECTORY, path.getFileName() + ".zip", content.length, path, content);
    }

    private static HostLacks unreadable(Path path, IOException e) {
        return new HostLacks("cannot read class path entry " + path + " to ship it to the guest: " + e, e);
    }

    private static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
