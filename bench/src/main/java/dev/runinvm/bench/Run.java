package dev.runinvm.bench;

import java.util.Map;
import java.util.Optional;

/**
 * One run of one contender.
 *
 * @param round from 1
 * @param contender who ran
 * @param work what it did
 * @param millis when each milestone was reached, in milliseconds since its process was started, in order
 * @param memory the most memory that its processes held at once
 * @param workMillis what each kind of work took, in milliseconds unless its name says otherwise; empty in other runs
 * @param counters the engine's counters at the end, empty for others
 * @param failure why the run does not count; empty when it does
 */
record Run(
        int round,
        String contender,
        Work work,
        Map<String, Long> millis,
        Held memory,
        Map<String, Long> workMillis,
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
    /** The engine's counter of bytes of guest RAM that have ever been touched. */
    static final String TOUCHED = "memory.touchedBytes";

    /**
     * Memory of a contender's processes.
     *
     * @param anonymous bytes that belong to one process alone, all processes together
     * @param shared bytes of shared memory mapped by the process that maps most of it
     */
    record Held(long anonymous, long shared) {
        /** The larger of each. */
        Held max(Held other) {
            return new Held(Math.max(anonymous, other.anonymous), Math.max(shared, other.shared));
        }
    }

    /** Whether everything went as it should. */
    boolean good() {
        return failure.isEmpty();
    }

    /** Bytes that the run took of the host's memory at its height; files that are merely cached do not count. */
    long peakBytes() {
        return memory.anonymous() + Math.max(memory.shared(), counters.getOrDefault(TOUCHED, 0L));
    }
}
