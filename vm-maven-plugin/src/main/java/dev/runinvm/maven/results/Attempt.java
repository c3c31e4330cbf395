package dev.runinvm.maven.results;

import org.jspecify.annotations.Nullable;

/**
 * One execution of a test.
 *
 * @param outcome how it ended
 * @param nanos how long it took, by the guest's clock
 * @param problem what went wrong; null where nothing did
 * @param reason why it was skipped; null where it was not, or nobody said
 * @param output what it printed
 */
public record Attempt(
        Outcome outcome,
        long nanos,
        @Nullable Problem problem,
        @Nullable String reason,
        TestOutput output) {
    /** How an execution ended. */
    public enum Outcome {
        PASSED,
        /** An assertion did not hold. */
        FAILURE,
        /** Anything else was thrown, or the guest ended. */
        ERROR,
        SKIPPED;

        /** Whether this is one of the two that fail a build. */
        public boolean failed() {
            return this == FAILURE || this == ERROR;
        }
    }

    double seconds() {
        return nanos / 1e9;
    }
}
