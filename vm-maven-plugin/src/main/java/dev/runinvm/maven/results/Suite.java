package dev.runinvm.maven.results;

import dev.runinvm.maven.results.Attempt.Outcome;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The results of one test class. */
public final class Suite {
    private final String className;
    private final Map<String, TestResult> results = new LinkedHashMap<>();
    private long nanos;

    Suite(String className) {
        this.className = className;
    }

    /** The class's binary name. */
    public String className() {
        return className;
    }

    /** Adds an execution of a test. */
    void add(String id, String name, Attempt attempt) {
        results.computeIfAbsent(id.isEmpty() ? name : id, key -> new TestResult(id, name))
                .add(attempt);
    }

    /** Adds to the time that the class took. */
    void took(long moreNanos) {
        nanos += moreNanos;
    }

    /** The result with an id. */
    @Nullable
    TestResult result(String id) {
        return results.get(id);
    }

    /** All results, in the order in which they came. */
    public List<TestResult> results() {
        return new ArrayList<>(results.values());
    }

    /** How long the class took by the guest's clock, in nanoseconds: what comes before and after its tests too. */
    public long nanos() {
        long tests = 0;
        for (TestResult result : results.values()) {
            for (Attempt attempt : result.attempts()) {
                tests += attempt.nanos();
            }
        }
        return Math.max(tests, nanos);
    }

    /** The counts. */
    public Counts counts() {
        return Counts.of(results.values());
    }

    /**
     * How many results of each kind.
     *
     * @param tests all
     * @param flakes those that failed at first and passed later; they count as passed
     */
    public record Counts(int tests, int failures, int errors, int skipped, int flakes) {
        static final Counts NONE = new Counts(0, 0, 0, 0, 0);

        static Counts of(Collection<TestResult> results) {
            int[] of = new int[Outcome.values().length];
            int flakes = 0;
            for (TestResult result : results) {
                of[result.outcome().ordinal()]++;
                flakes += result.flaky() ? 1 : 0;
            }
            return new Counts(
                    results.size(),
                    of[Outcome.FAILURE.ordinal()],
                    of[Outcome.ERROR.ordinal()],
                    of[Outcome.SKIPPED.ordinal()],
                    flakes);
        }

        /** The sum. */
        public Counts plus(Counts other) {
            return new Counts(
                    tests + other.tests,
                    failures + other.failures,
                    errors + other.errors,
                    skipped + other.skipped,
                    flakes + other.flakes);
        }

        /** Whether any failed. */
        public boolean failed() {
            return failures + errors > 0;
        }

        @Override
        public String toString() {
            return "Tests run: " + tests + ", Failures: " + failures + ", Errors: " + errors + ", Skipped: " + skipped
                    + (flakes == 0 ? "" : ", Flakes: " + flakes);
        }
    }
}
