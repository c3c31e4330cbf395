package dev.runinvm.junit;

import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.Thrown;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/** What the guest has said of one node of its test plan. Guarded by its run's lock. */
final class NodeState {
    final GuestMessage.Node node;
    /** Whether it came into being while running. */
    final boolean dynamic;
    /** Children that came into being while running, in the guest's order. */
    final List<NodeState> registered = new ArrayList<>();
    /** Output and report entries that wait for the host's node to come to its turn. */
    final Queue<GuestMessage> pending = new ArrayDeque<>();

    boolean started;
    boolean childStarted;
    GuestMessage.@Nullable Outcome outcome;

    @Nullable
    Thrown thrown;

    @Nullable
    String skipReason;
    /** Whether a node of the host has shown this one's end. */
    boolean shown;

    NodeState(GuestMessage.Node node, boolean dynamic) {
        this.node = node;
        this.dynamic = dynamic;
    }

    String id() {
        return node.id();
    }

    boolean ended() {
        return outcome != null || skipReason != null;
    }

    boolean failed() {
        return outcome == GuestMessage.Outcome.FAILED;
    }
}
