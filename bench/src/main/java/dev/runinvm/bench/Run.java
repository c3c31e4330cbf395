package dev.runinvm.bench;

import java.util.Map;
import java.util.Optional;

/**
 * One run of one contender.
 *
 * @param contender who ran
 * @param millis when each milestone was reached, in milliseconds since its process was started, in order
 * @param peakBytes the most memory that its processes held at once, see {@link MemorySampler}
 * @param work milliseconds of each kind of processor-bound work, empty in a JUnit run
 * @param counters the engine's counters at the end, empty for others
 * @param failure why the run does not count; empty when it does
 */
record Run(
        String contender,
        Map<String, Long> millis,
        long peakBytes,
        Map<String, Long> work,
        Map<String, Long> counters,
        Optional<String> failure) {
    /** The guest's first program runs. */
    static final String INIT = "init";
    /** The JVM in the guest has started. */
    static final String JVM = "jvm";
    /** The first test's result is known to the host. */
    static final String FIRST_RESULT = "first result";
    /** The guest has ended. */
    static final String TOTAL = "total";

    /** Whether everything went as it should. */
    boolean good() {
        return failure.isEmpty();
    }
}
