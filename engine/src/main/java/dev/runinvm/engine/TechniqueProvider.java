package dev.runinvm.engine;

import dev.runinvm.engine.snapshot.SnapshotFile;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** One way of running guests; found as a {@link java.util.ServiceLoader} service, one provider a technique. */
public interface TechniqueProvider {
    /** The technique it implements. */
    Technique technique();

    /** Whether it can run here. Quick, without lasting effects. */
    Availability availability();

    /** What its guests may be given beyond what those of every technique have. */
    default Set<Capability> capabilities() {
        return Set.of();
    }

    /**
     * Starts a guest, which needs nothing but {@link #capabilities()}.
     *
     * @throws VmException saying at whose door the failure lies
     */
    Vm start(VmConfig config);

    /**
     * Why guests of this technique cannot be kept in snapshots; empty if they can. One that says nothing else cannot, and
     * {@link #restore}, {@link #shapes} and {@link Vm#snapshot} are not called then.
     */
    default Optional<String> snapshotObstacle() {
        return Optional.of("technique " + technique() + " cannot take snapshots in this version");
    }

    /**
     * The clock source that a guest's kernel is to use while it is written down, one that stands still in a snapshot; empty if
     * the one it has does.
     */
    default String snapshotClock() {
        return "";
    }

    /**
     * Goes on from a snapshot, of a guest with the same {@linkplain #shapes shape}.
     *
     * @throws SnapshotUnusable if that is not possible
     * @throws VmException saying at whose door the failure lies
     */
    default Vm restore(VmConfig config, SnapshotFile snapshot) {
        throw new EngineBug("technique " + technique() + " has no snapshots");
    }

    /**
     * What shapes a guest of this configuration beside technique, memory and engine: kernel, image, command line, the CPU it
     * sees; a line each, with what it is before a colon. Two guests for which these are equal are interchangeable.
     */
    default List<String> shapes(VmConfig config) {
        throw new EngineBug("technique " + technique() + " has no snapshots");
    }
}
