package dev.runinvm.maven.run;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import org.apache.maven.surefire.api.testset.TestListResolver;
import org.jspecify.annotations.Nullable;

/**
 * Which classes and methods are to run: Surefire's own reading of includes, excludes and of a test given on the command
 * line.
 */
public final class TestClasses {
    private static final String CLASS = ".class";

    private final TestListResolver resolver;
    private final boolean specified;

    private TestClasses(TestListResolver resolver, boolean specified) {
        this.resolver = resolver;
        this.specified = specified;
    }

    /**
     * Reads the patterns.
     *
     * @param test what was asked for on the command line, instead of includes and excludes; may be empty
     * @throws HostLacks if a pattern cannot be read
     */
    public static TestClasses of(@Nullable String test, List<String> includes, List<String> excludes) {
        try {
            if (test == null || test.isBlank()) {
                return new TestClasses(new TestListResolver(includes, excludes), false);
            }
            // A nested class runs with the one around it, unless it is what was asked for.
            List<String> nested = test.contains("$") ? List.of() : List.of("**/*$*");
            return new TestClasses(new TestListResolver(List.of(test.split(",")), nested), true);
        } catch (IllegalArgumentException e) {
            throw new HostLacks("cannot read the pattern of tests to run: " + e.getMessage(), e);
        }
    }

    /** Whether tests were asked for on the command line. */
    public boolean specified() {
        return specified;
    }

    /** Whether not only classes, but methods have to be chosen. */
    public boolean choosesMethods() {
        return resolver.hasMethodPatterns();
    }

    /** Whether a method of a class is to run. */
    public boolean chooses(String className, String method) {
        return resolver.shouldRun(TestListResolver.toClassFileName(className), method);
    }

    /**
     * The names of the classes that are to run, sorted.
     *
     * @param places directories and jars; what does not exist holds nothing
     */
    public List<String> in(List<Path> places) {
        TreeSet<String> names = new TreeSet<>();
        for (Path place : places) {
            for (String file : files(place)) {
                if (file.endsWith(CLASS) && !file.endsWith("-info.class") && resolver.shouldRun(file, null)) {
                    names.add(file.substring(0, file.length() - CLASS.length()).replace('/', '.'));
                }
            }
        }
        return List.copyOf(names);
    }

    private static List<String> files(Path place) {
        List<String> files = new ArrayList<>();
        try {
            if (Files.isDirectory(place)) {
                try (Stream<Path> all = Files.walk(place)) {
                    all.forEach(file -> files.add(place.relativize(file).toString()));
                }
            } else if (Files.exists(place)) {
                try (JarFile jar = new JarFile(place.toFile())) {
                    jar.stream()
                            .filter(e -> !e.getName().startsWith("META-INF/"))
                            .forEach(entry -> files.add(entry.getName()));
                }
            }
        } catch (IOException e) {
            throw new HostLacks("cannot look for test classes in " + place + ": " + e, e);
        }
        return files;
    }
}
