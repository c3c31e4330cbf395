package dev.runinvm.engine;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * One running guest. Made by {@link Techniques#start}; closing it ends the guest and frees everything it held:
 * processes, memory, descriptors.
 */
public interface Vm extends AutoCloseable {
    /** The technique that runs this guest. */
    Technique technique();

    /** Release of the guest's kernel, as {@code uname -r} says it there. */
    String kernelRelease();

    /** Messages to and from the agent in the guest. */
    GuestChannel channel();

    /** What the guest's kernel prints. */
    GuestConsole console();

    /** The engine's counters by name, monotonic, a snapshot of now. */
    Map<String, Long> counters();

    /** How the guest ended, or empty while it runs. */
    Optional<GuestEnd> end();

    /**
     * Waits for the guest's end.
     *
     * @return whether it ended within the time
     */
    boolean awaitEnd(Duration timeout) throws InterruptedException;

    /** Ends the guest, at once and whatever it is doing. Idempotent. */
    @Override
    void close();
}
