package dev.runinvm.report;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Reads and writes documents of runs. */
public final class RunDocuments {
    /** Files of this name's shape are documents. */
    private static final String PREFIX = "run-";

    private static final String SUFFIX = ".json";
    /** No document is larger when written by this version; larger files are not read. */
    static final long MOST_BYTES = 64L << 20;

    private static final JSON JSON_FORM = JSON.builder()
            .enable(JSON.Feature.PRETTY_PRINT_OUTPUT)
            .disable(JSON.Feature.WRITE_NULL_PROPERTIES)
            .enable(JSON.Feature.FAIL_ON_DUPLICATE_MAP_KEYS)
            .build();

    private RunDocuments() {}

    /**
     * A folder's documents.
     *
     * @param runs those that could be read, oldest first
     * @param problems one sentence for each that could not
     */
    public record Found(List<RunDocument> runs, List<String> problems) {}

    /**
     * Writes a document, whole or not at all.
     *
     * @param directory made if it is absent
     * @param number 1 for the first run of this name and technique in a JVM, 2 for the second, ...; a first one removes
     *     what earlier JVMs left of the same name and technique
     * @return the file
     */
    public static Path write(RunDocument run, Path directory, int number) throws IOException {
        Files.createDirectories(directory);
        if (number == 1) {
            removeOthers(directory, run.technique());
        }
        Path file = directory.resolve(PREFIX + run.technique() + (number == 1 ? "" : "-" + number) + SUFFIX);
        writeAtomically(file, JSON_FORM.asString(run));
        return file;
    }

    private static void removeOthers(Path directory, String technique) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.filter(RunDocuments::isDocument).toList()) {
                String name = String.valueOf(file.getFileName());
                if (name.matches(PREFIX + technique + "-\\d+\\" + SUFFIX)) {
                    Files.deleteIfExists(file);
                }
            }
        }
    }

    /** Puts a text in a file's place at once: a reader sees the old one or the new one. */
    static void writeAtomically(Path file, String text) throws IOException {
        Path directory = file.toAbsolutePath().getParent();
        Path part = Files.createTempFile(directory, ".part-", SUFFIX);
        try {
            Files.writeString(part, text, StandardCharsets.UTF_8);
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    /** The JSON of a document. */
    static String toJson(RunDocument run) throws IOException {
        return JSON_FORM.asString(run);
    }

    /**
     * The document in this file.
     *
     * @throws IOException if it cannot be read, is no document, or is one of a version that this one does not know
     */
    public static RunDocument read(Path file) throws IOException {
        if (Files.size(file) > MOST_BYTES) {
            throw new IOException(file + " is larger than any document of a run: " + Files.size(file) + " bytes");
        }
        RunDocument run = JSON_FORM.beanFrom(RunDocument.class, Files.readString(file, StandardCharsets.UTF_8));
        if (run == null || run.version() != RunDocument.VERSION) {
            throw new IOException(file + " is no document of a run of version " + RunDocument.VERSION
                    + (run == null ? "" : ", but of version " + run.version()) + "; remove it, or use the report of the"
                    + " release that wrote it");
        }
        return Checked.complete(run, file);
    }

    /** All documents below a folder; none if it is absent. */
    public static Found find(Path directory) throws IOException {
        List<RunDocument> runs = new ArrayList<>();
        List<String> problems = new ArrayList<>();
        if (Files.isDirectory(directory)) {
            List<Path> files;
            try (Stream<Path> all = Files.walk(directory, 4)) {
                files = all.filter(RunDocuments::isDocument).sorted().toList();
            }
            for (Path file : files) {
                try {
                    runs.add(Checked.rebased(read(file), directory, file));
                } catch (IOException | IllegalArgumentException e) {
                    problems.add(file + " could not be read: " + firstLine(e));
                }
            }
        }
        runs.sort(java.util.Comparator.comparing(RunDocument::startedAt).thenComparing(RunDocument::id));
        return new Found(List.copyOf(runs), List.copyOf(problems));
    }

    private static String firstLine(Exception e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse(e.toString());
    }

    private static boolean isDocument(Path file) {
        String name = String.valueOf(file.getFileName());
        return name.startsWith(PREFIX) && name.endsWith(SUFFIX) && Files.isRegularFile(file);
    }
}
