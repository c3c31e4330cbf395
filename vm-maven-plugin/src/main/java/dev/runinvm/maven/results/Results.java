package dev.runinvm.maven.results;

import dev.runinvm.maven.results.Suite.Counts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The results of all classes that were run with one technique. Thread-safe. */
public final class Results {
    private final String suffix;
    private final Path directory;
    private final boolean trimStackTrace;
    private final Map<String, Suite> suites = new TreeMap<>();
    private final List<String> infrastructure = new ArrayList<>();
    private Map<String, String> properties = Map.of();

    /**
     * None yet.
     *
     * @param suffix appended to class names in reports; may be empty
     * @param directory of the reports
     */
    public Results(String suffix, Path directory, boolean trimStackTrace) {
        this.suffix = suffix;
        this.directory = directory;
        this.trimStackTrace = trimStackTrace;
    }

    /** What reports are to say about the machine that ran the tests. */
    public synchronized void properties(Map<String, String> told) {
        properties = new TreeMap<>(told);
    }

    /** What kept tests from being run. */
    public synchronized void infrastructureFailed(String message) {
        if (!infrastructure.contains(message)) {
            infrastructure.add(message);
        }
    }

    String suffix() {
        return suffix;
    }

    boolean trimStackTrace() {
        return trimStackTrace;
    }

    TestOutput newOutput() {
        return new TestOutput(directory.resolve(".output"));
    }

    synchronized void add(String className, String id, String name, Attempt attempt) {
        suite(className).add(id, name, attempt);
    }

    synchronized void took(String className, long nanos) {
        suite(className).took(nanos);
    }

    private Suite suite(String className) {
        return suites.computeIfAbsent(className, Suite::new);
    }

    synchronized @Nullable TestResult result(String className, String id) {
        Suite suite = suites.get(className);
        return suite == null ? null : suite.result(id);
    }

    /**
     * A test, or class, that did not run or was cut off, with the host's words for why.
     *
     * @param id its unique id; empty if it was never found
     */
    public void error(String className, String id, String name, Throwable why) {
        String message = String.valueOf(why.getMessage());
        Problem problem =
                new Problem(why.getClass().getName(), message, why.getClass().getName() + ": " + message, 0);
        add(className, id, name, new Attempt(Attempt.Outcome.ERROR, 0, problem, null, newOutput()));
    }

    /** A class that is not run. */
    public void skipped(String className, String reason) {
        add(className, "", className, new Attempt(Attempt.Outcome.SKIPPED, 0, null, reason, newOutput()));
    }

    /** All classes that had tests, by name. */
    public synchronized List<Suite> suites() {
        return new ArrayList<>(suites.values());
    }

    /** Those whose last execution failed. */
    public synchronized Map<Suite, List<TestResult>> failing() {
        Map<Suite, List<TestResult>> failing = new java.util.LinkedHashMap<>();
        for (Suite suite : suites.values()) {
            List<TestResult> ofSuite = suite.results().stream()
                    .filter(r -> r.outcome().failed())
                    .filter(r ->
                            r.attempts().get(r.attempts().size() - 1).outcome().failed())
                    .toList();
            if (!ofSuite.isEmpty()) {
                failing.put(suite, ofSuite);
            }
        }
        return failing;
    }

    /** The totals. */
    public synchronized Summary summary() {
        Counts counts = Counts.NONE;
        for (Suite suite : suites.values()) {
            counts = counts.plus(suite.counts());
        }
        return new Summary(counts, infrastructure.isEmpty() ? null : String.join("\n", infrastructure));
    }

    /** Writes the reports of all classes, and lets go of what their tests printed. */
    public synchronized void write() throws IOException {
        Files.createDirectories(directory);
        for (Suite suite : suites.values()) {
            String name = suite.className() + suffix;
            SuiteXml.write(suite, suffix, properties, directory.resolve("TEST-" + name + ".xml"));
            Files.writeString(directory.resolve(name + ".txt"), String.join("\n", Console.file(suite, suffix)) + "\n");
            for (TestResult result : suite.results()) {
                result.attempts().forEach(attempt -> attempt.output().close());
            }
        }
        Files.deleteIfExists(directory.resolve(".output"));
    }
}
