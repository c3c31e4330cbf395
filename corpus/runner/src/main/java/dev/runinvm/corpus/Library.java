package dev.runinvm.corpus;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.jar.JarFile;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A library whose tests are run.
 *
 * @param name its module here
 * @param classPath of its tests
 * @param classes its test classes, by Surefire's default patterns
 */
record Library(String name, List<Path> classPath, List<String> classes) {
    private static final Pattern TEST =
            Pattern.compile("(?:.*/)?(?:Test[^/$]*|[^/$]*Test|[^/$]*Tests|[^/$]*TestCase)\\.class");

    /** All modules below a directory whose class path has been written. */
    static List<Library> below(Path directory) throws IOException {
        try (Stream<Path> modules = Files.list(directory)) {
            List<Path> files = modules.map(m -> m.resolve("target/class-path"))
                    .filter(Files::isRegularFile)
                    .sorted()
                    .toList();
            Library[] libraries = new Library[files.size()];
            for (int i = 0; i < libraries.length; i++) {
                libraries[i] = read(files.get(i));
            }
            return List.of(libraries);
        }
    }

    /** The same library with those of its test classes whose whole names match. */
    Library only(Pattern names) throws IOException {
        List<String> some =
                classes.stream().filter(c -> names.matcher(c).matches()).toList();
        if (some.isEmpty()) {
            throw new IOException(name + " has no test class that matches " + names);
        }
        return new Library(name, classPath, some);
    }

    private static Library read(Path file) throws IOException {
        List<Path> entries = Arrays.stream(Files.readString(file).trim().split(File.pathSeparator))
                .map(Path::of)
                .toList();
        Path tests = entries.stream()
                .filter(e -> e.toString().endsWith("-tests.jar"))
                .findFirst()
                .orElseThrow(() -> new IOException(file + " names no jar of tests"));
        try (JarFile jar = new JarFile(tests.toFile())) {
            List<String> classes = jar.stream()
                    .map(entry -> entry.getName())
                    .filter(name -> TEST.matcher(name).matches())
                    .map(name ->
                            name.substring(0, name.length() - ".class".length()).replace('/', '.'))
                    .sorted()
                    .toList();
            return new Library(file.getParent().getParent().getFileName().toString(), entries, classes);
        }
    }
}
