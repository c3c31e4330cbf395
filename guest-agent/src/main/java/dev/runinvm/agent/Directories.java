package dev.runinvm.agent;

import java.net.MalformedURLException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The directories of a class path whose jars another has; each answer heeds the place of both in the whole. */
final class Directories {
    private final List<Path> roots = new ArrayList<>();
    /** Place of each entry, by the URL that what is in it starts with. */
    private final Map<String, Integer> places = new HashMap<>();

    private final Map<Path, Integer> rootPlaces = new HashMap<>();

    /** @param entries the whole class path, in order */
    Directories(List<Path> entries) {
        for (int i = 0; i < entries.size(); i++) {
            Path entry = entries.get(i);
            if (Files.isDirectory(entry)) {
                roots.add(entry);
                rootPlaces.putIfAbsent(entry, i);
            } else {
                places.putIfAbsent("jar:" + url(entry) + "!/", i);
            }
        }
    }

    /**
     * The file of a resource, if a directory has it and no jar before that does.
     *
     * @param inJars finds the first in jars
     */
    @Nullable
    Path first(String name, Function<String, @Nullable URL> inJars) {
        for (Path root : roots) {
            Path file = file(root, name);
            if (file != null) {
                int place = rootPlaces.getOrDefault(root, 0);
                // Nearly always directories come first, and no jar need be asked.
                boolean jarBefore = places.values().stream().anyMatch(p -> p < place);
                URL other = jarBefore ? inJars.apply(name) : null;
                return other != null && place(other) < place ? null : file;
            }
        }
        return null;
    }

    /** The directory that a file of {@link #first} is in. */
    Path rootOf(Path file) {
        for (Path root : roots) {
            if (file.startsWith(root)) {
                return root;
            }
        }
        throw new IllegalArgumentException(file + " is in none of " + roots);
    }

    /** All of a name, in class path order. */
    Enumeration<URL> merge(String name, Enumeration<URL> inJars) {
        record Found(int place, URL url) {}
        List<Found> all = new ArrayList<>();
        for (Path root : roots) {
            Path file = file(root, name);
            if (file != null) {
                all.add(new Found(rootPlaces.getOrDefault(root, 0), url(file)));
            }
        }
        while (inJars.hasMoreElements()) {
            URL url = inJars.nextElement();
            all.add(new Found(place(url), url));
        }
        all.sort(Comparator.comparingInt(Found::place));
        return Collections.enumeration(all.stream().map(Found::url).toList());
    }

    private int place(URL inJar) {
        String text = inJar.toString();
        int end = text.indexOf("!/");
        return end < 0 ? Integer.MAX_VALUE : places.getOrDefault(text.substring(0, end + 2), Integer.MAX_VALUE);
    }

    private static @Nullable Path file(Path root, String name) {
        Path file = root.resolve(name).normalize();
        return file.startsWith(root) && Files.exists(file) ? file : null;
    }

    static URL url(Path file) {
        try {
            return file.toUri().toURL();
        } catch (MalformedURLException e) {
            throw new IllegalArgumentException("no URL for " + file, e);
        }
    }
}
