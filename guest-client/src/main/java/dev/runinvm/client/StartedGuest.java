package dev.runinvm.client;

import dev.runinvm.engine.Vm;
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

    /** The same guest when its agent waits and has these entries of the class path. */
    public StartedGuest knowing(Set<String> hashes) {
        return waiting(vm, hashes);
    }

    /** A guest whose agent waits for its next command. */
    static StartedGuest waiting(Vm vm, Set<String> known) {
        return new StartedGuest(vm, true, Set.copyOf(known));
    }
}
