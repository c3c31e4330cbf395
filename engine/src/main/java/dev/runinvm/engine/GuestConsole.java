package dev.runinvm.engine;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** The guest's serial console and what its init has said. Thread-safe. */
public interface GuestConsole {
    /**
     * The last lines, oldest first, control characters removed; of a guest that goes on from a snapshot, with those from before
     * it.
     */
    List<String> tail(int lines);

    /** The file that holds all of it, if one was asked for. */
    Optional<Path> log();

    /** Types into the console. */
    void type(byte[] bytes);

    /** Exit status of the agent or of the command the guest was started for, once init has reported it. */
    OptionalInt exitStatus();

    /** Boot phases reached so far and when, in nanoseconds since the guest was started, or restored from its snapshot. */
    java.util.Map<String, Long> phases();

    /** Nanoseconds since the guest was started or restored, on the clock of {@link #phases()}; empty where that is not kept. */
    default OptionalLong nanosSinceStart() {
        return OptionalLong.empty();
    }
}
