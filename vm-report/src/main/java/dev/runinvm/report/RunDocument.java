package dev.runinvm.report;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One guest run: a test class, or a method of one, in one guest under one technique. Written as JSON when the guest ends,
 * see {@code run.schema.json} beside this class. Times are nanoseconds of the host's clock unless said otherwise.
 *
 * @param version of this format, {@link #VERSION}
 * @param id unique to this run
 * @param technique {@code FULL}, {@code PARA} or {@code HW}
 * @param name the test class, or class and method where a method has a guest of its own
 * @param className the test class
 * @param selected the ids that were to run; empty if all were
 * @param startedAt when the guest was asked for, ISO 8601 in UTC
 * @param nanos from then to the guest's end
 * @param host the machine the guest ran on
 * @param guest the machine the guest was
 * @param phases what the time went to, in order, without gaps: they sum to {@code nanos}
 * @param counters the engine's counters at the guest's end, by name
 * @param tests the guest's tests and containers, parents before children
 * @param output what was printed while no test ran
 * @param end how the guest ended
 * @param files logs, by paths relative to the document's folder
 * @param notes what a reader should know: what was cut, what could not be read
 */
public record RunDocument(
        int version,
        String id,
        String technique,
        String name,
        String className,
        List<String> selected,
        String startedAt,
        long nanos,
        Host host,
        Guest guest,
        List<Phase> phases,
        Map<String, Long> counters,
        List<TestEntry> tests,
        @Nullable Output output,
        End end,
        List<FileLink> files,
        List<String> notes) {

    /** The version that this class reads and writes. */
    public static final int VERSION = 1;

    /**
     * Something known about the host.
     *
     * @param name what was probed, in the kernel's or the JDK's words
     * @param value what was found
     * @param verdict {@code OK}, {@code LIMITED} or {@code MISSING}
     */
    public record Fact(String name, String value, String verdict) {}

    /**
     * The machine the guest ran on.
     *
     * @param facts what was probed of it
     */
    public record Host(List<Fact> facts) {}

    /**
     * The machine the guest was.
     *
     * @param kernel release, as {@code uname -r} says it; null if no guest could be started
     * @param java full version of the JVM in it; null if it never greeted
     * @param memoryBytes RAM
     */
    public record Guest(@Nullable String kernel, @Nullable String java, long memoryBytes) {}

    /**
     * A stretch of the run.
     *
     * @param name what was done in it, one of {@link PhaseNames}, or what an engine or a guest calls the moment that ended it
     * @param startNanos when it began, from the run's start
     * @param nanos how long it took
     */
    public record Phase(String name, long startNanos, long nanos) {}

    /** How a test ended. */
    public enum Outcome {
        /** It passed. */
        PASSED,
        /** It failed. */
        FAILED,
        /** An assumption of its did not hold. */
        ABORTED,
        /** It was disabled, or its container was. */
        SKIPPED,
        /** It had started when the guest ended. */
        UNFINISHED,
        /** It had not started when the guest ended. */
        NOT_RUN
    }

    /**
     * A test or container of the guest's plan.
     *
     * @param id JUnit's unique id, from the engine's segment on; the same under every technique
     * @param parent id of its parent; null for an engine
     * @param displayName as JUnit shows it
     * @param test whether it is a test, not a mere container
     * @param outcome how it ended
     * @param nanos how long it took by the guest's clock, 0 if it did not finish
     * @param reason why it was skipped
     * @param failure what it threw
     * @param out what it printed to the standard output
     * @param err what it printed to the standard error
     */
    public record TestEntry(
            String id,
            @Nullable String parent,
            String displayName,
            boolean test,
            Outcome outcome,
            long nanos,
            @Nullable String reason,
            @Nullable Failure failure,
            @Nullable Output out,
            @Nullable Output err) {}

    /**
     * What a test threw.
     *
     * @param type the exception's class
     * @param message its message
     * @param stack its stack trace with causes, as text
     * @param expected of a failed comparison: the expected value
     * @param actual of a failed comparison: the actual value
     */
    public record Failure(
            String type,
            @Nullable String message,
            String stack,
            @Nullable String expected,
            @Nullable String actual) {}

    /**
     * Text that was printed.
     *
     * @param text its first characters
     * @param dropped how many characters more there were
     */
    public record Output(String text, long dropped) {}

    /**
     * How the guest ended.
     *
     * @param kind one of the engine's kinds of end, such as {@code PANIC}; {@link #FINISHED} if all tests had run before,
     *     {@link #NOT_STARTED} if there was no guest
     * @param detail one sentence for people
     */
    public record End(String kind, String detail) {
        /** All tests had run before. */
        public static final String FINISHED = "FINISHED";
        /** No guest could be started: the technique cannot run here, or something that it needs is missing. */
        public static final String NOT_STARTED = "NOT_STARTED";
    }

    /**
     * A file that belongs to the run.
     *
     * @param label what it is
     * @param path relative to the document's folder, with forward slashes
     */
    public record FileLink(String label, String path) {}
}
