package dev.runinvm.engine;

import java.nio.file.Path;
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

    /**
     * Writes all of the guest's state into a new file, from which {@link Techniques#restore} goes on; the guest then goes on
     * too. Only of techniques without a {@linkplain Techniques#snapshotObstacle reason} against it.
     *
     * @param file must not exist; only its owner may read it
     * @param idleOnly wait until the guest has nothing to do; else wherever it is
     * @param patience the most to wait for that
     * @return bytes the file takes
     * @throws GuestFailure if the guest has ended or is never idle
     * @throws HostLacks if the file cannot be written, or the technique has no snapshots
     */
    default long snapshot(Path file, boolean idleOnly, Duration patience) throws InterruptedException {
        throw new HostLacks("technique " + technique() + " has no snapshots");
    }

    /** Ends the guest, at once and whatever it is doing. Idempotent. */
    @Override
    void close();
}
