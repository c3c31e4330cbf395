package dev.runinvm.client;

import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * A guest that was started one way or another, and how far its agent is.
 *
 * @param vm the guest; whoever has this record closes it
 * @param greeted whether its agent has greeted the host already
 * @param known hashes of the entries of the class path that it has
 */
public record StartedGuest(Vm vm, boolean greeted, Set<String> known) {
    /** A guest that has yet to boot. */
    public static StartedGuest booting(Vm vm) {
        return new StartedGuest(vm, false, Set.of());
    }

    /**
     * Starts a guest that boots, with the class path if that is large.
     *
     * @param config mode AGENT
     * @param classPath all of it
     */
    public static StartedGuest boot(VmConfig config, List<Path> classPath) {
        return ClassPathDisk.of(config, classPath).start();
    }

    /** The same guest when its agent waits and has these entries of the class path. */
    public StartedGuest knowing(Set<String> hashes) {
        return waiting(vm, hashes);
    }

    /** A guest whose agent waits for its next command. */
    static StartedGuest waiting(Vm vm, Set<String> known) {
        return new StartedGuest(vm, true, Set.copyOf(known));
    }
}
