package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Debian packages in the cache, fetched when asked for the first time. */
final class Packages {
    private static final String DIRECTORY = "packages";

    private final Cache cache;
    private final PackageClient client;

    Packages(Cache cache, PackageClient client) {
        this.cache = cache;
        this.client = client;
    }

    /**
     * The package's files: one, or several where a kernel's image and modules are packages of their own.
     *
     * @param refresh ask the package source even if the package is there, and take its newest version
     */
    List<Path> get(String name, boolean refresh) {
        if (!refresh) {
            List<Path> known = known(name);
            if (known != null) {
                return known;
            }
        }
        List<Path> result = new ArrayList<>();
        cache.locked("apt", "fetching " + name, () -> {
            List<Path> meanwhile = refresh ? null : known(name);
            result.addAll(meanwhile != null ? meanwhile : fetch(name));
        });
        return result;
    }

    private @Nullable List<Path> known(String name) {
        Path list = cache.find(DIRECTORY, name + ".list");
        if (list == null) {
            return null;
        }
        try {
            List<Path> files = new ArrayList<>();
            for (String line : Files.readAllLines(list)) {
                Path file = cache.find(DIRECTORY, line);
                if (file == null) {
                    return null;
                }
                files.add(file);
            }
            return files.isEmpty() ? null : files;
        } catch (IOException e) {
            throw new HostLacks("cannot read the cache entry " + list + ": " + Cache.reason(e), e);
        }
    }

    private List<Path> fetch(String name) {
        Path downloads = cache.directory().resolve("downloads");
        try {
            clear(downloads);
            Files.createDirectories(downloads);
            Map<String, Path> debs = client.download(name, downloads);
            List<Path> files = new ArrayList<>();
            for (Path deb : debs.values()) {
                String fileName = deb.getFileName().toString();
                files.add(cache.replace(DIRECTORY, fileName, fileName, out -> Files.copy(deb, out)));
            }
            String lines = String.join(
                    "\n", files.stream().map(f -> f.getFileName().toString()).toList());
            cache.replace(
                    DIRECTORY,
                    name + ".list",
                    "the list of " + name,
                    out -> out.write((lines + "\n").getBytes(java.nio.charset.StandardCharsets.UTF_8)));
            return files;
        } catch (IOException e) {
            throw new HostLacks("cannot fetch " + name + " into " + downloads + ": " + Cache.reason(e), e);
        } finally {
            clear(downloads);
        }
    }

    private static void clear(Path directory) {
        if (!Files.isDirectory(directory)) {
            return;
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
            for (Path file : files) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot clear " + directory, e);
        }
    }
}
