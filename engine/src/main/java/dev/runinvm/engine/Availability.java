package dev.runinvm.engine;

import java.util.List;

/**
 * Whether a technique can run on this machine.
 *
 * @param technique which one
 * @param missing what is missing, one sentence each with what to do about it; empty when it can run
 * @param notes what is good to know, for people
 */
public record Availability(Technique technique, List<String> missing, List<String> notes) {
    public Availability {
        missing = List.copyOf(missing);
        notes = List.copyOf(notes);
    }

    /** Whether it can run. */
    public boolean usable() {
        return missing.isEmpty();
    }
}
