package dev.runinvm.report;

import dev.runinvm.report.RunDocument.Outcome;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Runs under several techniques, compared: the data of the report, written as {@code report.json}, see
 * {@code report.schema.json} beside this class.
 *
 * @param version of this format, {@link #VERSION}
 * @param createdAt ISO 8601 in UTC
 * @param techniques those that ran, in the order in which they are shown
 * @param summaries one for each technique
 * @param rows every test, with its outcome under each technique
 * @param differences what differs between techniques, the gravest first
 * @param changes what is different from the report before; null if there was none
 * @param runs the documents that this was made from
 * @param problems what could not be read
 */
public record ReportDocument(
        int version,
        String createdAt,
        List<String> techniques,
        List<Summary> summaries,
        List<Row> rows,
        List<Difference> differences,
        @Nullable Changes changes,
        List<RunDocument> runs,
        List<String> problems) {

    /** The version that this class reads and writes. */
    public static final int VERSION = 1;

    /**
     * A technique's tests and times.
     *
     * @param runs guests
     * @param tests all of them
     * @param notRun not run, or unfinished when the guest ended
     * @param nanos of all its runs together
     * @param bootNanos from a guest's start to its agent's greeting, the mean; 0 if none greeted
     * @param testNanos of all tests together, by the guest's clock
     */
    public record Summary(
            String technique,
            int runs,
            int tests,
            int passed,
            int failed,
            int skipped,
            int notRun,
            long nanos,
            long bootNanos,
            long testNanos) {}

    /**
     * A test.
     *
     * @param id its unique id
     * @param className the class whose run it belongs to
     * @param name display names from below the class to the test
     * @param cells by technique; a technique under which the class did not run has none
     */
    public record Row(String id, String className, String name, Map<String, Cell> cells) {
        /** Whether its outcomes are not all the same, where it did run. */
        public boolean differs() {
            return cells.values().stream()
                            .map(Cell::outcome)
                            .filter(o -> o != Outcome.NOT_RUN)
                            .distinct()
                            .count()
                    > 1;
        }
    }

    /**
     * A test under a technique.
     *
     * @param nanos by the guest's clock
     * @param reason why it was skipped or did not run
     */
    public record Cell(
            Outcome outcome, long nanos, @Nullable String reason) {}

    /** What differs, the gravest first. */
    public enum Kind {
        /** A guest did not start, or did not come to its regular end. */
        RUN,
        /** Passes here, fails there. */
        OUTCOME,
        /** There is such a test under one technique only. */
        PRESENCE,
        /** Fails with another exception. */
        EXCEPTION,
        /** Prints something else. */
        OUTPUT
    }

    /**
     * One difference.
     *
     * @param id of the test; empty if the difference is one of the whole run
     * @param sentence what differs, for people
     * @param diffs texts that differ, line by line
     */
    public record Difference(Kind kind, String id, String className, String name, String sentence, List<Diff> diffs) {}

    /**
     * Two texts, compared.
     *
     * @param what they are
     * @param from the technique of the first
     * @param to the technique of the second
     * @param lines a unified diff without its head: each line begins with a blank, a minus, a plus, or {@code @@}
     * @param cut whether there were more lines
     */
    public record Diff(String what, String from, String to, List<String> lines, boolean cut) {}

    /**
     * What is different from the report before.
     *
     * @param previousCreatedAt when that was made
     * @param outcomes tests whose outcome is another, or which are new or gone
     * @param times of techniques that are in both
     */
    public record Changes(String previousCreatedAt, List<Change> outcomes, List<Times> times) {}

    /**
     * A test whose outcome has changed.
     *
     * @param before null if the test is new
     * @param after null if it is gone
     */
    public record Change(
            String technique,
            String className,
            String name,
            @Nullable Outcome before,
            @Nullable Outcome after) {}

    /** A technique's times then and now, means over its runs. */
    public record Times(String technique, long bootNanosBefore, long bootNanos, long testNanosBefore, long testNanos) {}
}
