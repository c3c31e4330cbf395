package dev.runinvm.junit;

import dev.runinvm.client.ReceivedFiles;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.Thrown;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.platform.launcher.Launcher;

/**
 * What the guest has said of its tests: the nodes of its plan, how each ended, what was printed meanwhile. Guarded by its
 * run's lock.
 */
final class TestTree {
    private final ThrownRebuilder rebuilder;
    private final GuestIds ids;
    private final ReceivedFiles files;
    private final Map<String, NodeState> nodes = new LinkedHashMap<>();
    /** Ids that some thread of the host waits for, whose output is that thread's business. */
    private final Set<String> awaited = new HashSet<>();

    private final Set<String> missing = new HashSet<>();
    private final List<String> problems = new ArrayList<>();
    private boolean discovered;
    private boolean ended;
    private @Nullable String stopped;
    private @Nullable Thrown stoppedBy;

    TestTree(ThrownRebuilder rebuilder, GuestIds ids, ReceivedFiles files) {
        this.rebuilder = rebuilder;
        this.ids = ids;
        this.files = files;
    }

    void discovered(GuestMessage.Discovered m) {
        discovered = true;
        for (GuestMessage.Node node : m.nodes()) {
            nodes.put(node.id(), new NodeState(node, false));
        }
        for (String text : m.missing()) {
            (text.startsWith("[engine:") ? missing : problems).add(text);
        }
        String here = Launcher.class.getPackage().getImplementationVersion();
        if (here != null && !here.equals(m.platform()) && !m.platform().equals("unknown")) {
            throw new GuestFailure("the guest runs the tests with JUnit Platform " + m.platform() + ", the host has "
                    + here + ": the class path holds both");
        }
    }

    void registered(GuestMessage.Node node) {
        NodeState child = new NodeState(node, true);
        nodes.put(child.id(), child);
        NodeState parent = nodes.get(String.valueOf(node.parent()));
        if (parent != null) {
            parent.registered.add(child);
        }
    }

    void started(NodeState node) {
        node.started = true;
        childStarted(node.id());
    }

    void skipped(NodeState node, String reason) {
        node.skipReason = reason;
        childStarted(node.id());
    }

    private void childStarted(String id) {
        for (String above = Ids.parent(id); above != null; above = Ids.parent(above)) {
            NodeState parent = nodes.get(above);
            if (parent != null) {
                parent.childStarted = true;
            }
        }
    }

    void ended(GuestMessage.RunEnded m) {
        ended = true;
        stopped = m.problem();
        stoppedBy = m.thrown();
    }

    boolean isDiscovered() {
        return discovered;
    }

    boolean isEnded() {
        return ended;
    }

    /** What stopped the run as a whole; null if it came to its regular end, or has not ended. */
    @Nullable
    String stopped() {
        return stopped;
    }

    @Nullable
    NodeState get(@Nullable String id) {
        return id == null ? null : nodes.get(id);
    }

    Collection<NodeState> all() {
        return nodes.values();
    }

    String name(String id) {
        NodeState node = nodes.get(id);
        return node == null ? id : node.node.displayName();
    }

    /** Tests that have started and not ended. */
    List<String> inFlight() {
        return nodes.values().stream()
                .filter(n -> n.started && !n.ended() && n.node.test())
                .map(n -> n.node.displayName() + " " + n.id())
                .toList();
    }

    /** Fails if the guest's JUnit has found nothing to run. */
    void requireTests(String asked) {
        if (nodes.values().stream().noneMatch(n -> n.node.test() || isLeaf(n))) {
            throw new GuestFailure("the guest's JUnit found no test for " + asked + because());
        }
    }

    private boolean isLeaf(NodeState n) {
        return n.node.parent() != null && nodes.values().stream().noneMatch(o -> n.id().equals(o.node.parent()));
    }

    /**
     * A node that is there or may still come.
     *
     * @throws GuestFailure if it is not there, or can no longer come to an end
     */
    NodeState known(String id) {
        NodeState node = nodes.get(id);
        if (node == null || !node.ended()) {
            requireReachable(id, node);
        }
        if (node == null) {
            throw new GuestFailure("the guest's test plan has no " + id);
        }
        return node;
    }

    /** A node if it has ended; null as long as it may still do so. */
    @Nullable
    NodeState ended(String id) {
        NodeState node = nodes.get(id);
        if (node != null && node.ended()) {
            return node;
        }
        requireReachable(id, node);
        return null;
    }

    /** Fails if the guest can no longer say how a node ended. */
    private void requireReachable(String id, @Nullable NodeState node) {
        String what = node == null ? id : name(id);
        if (node == null && missing.contains(id)) {
            throw new GuestFailure("the guest's JUnit did not find " + id + because());
        }
        for (String above = Ids.parent(id); above != null; above = Ids.parent(above)) {
            NodeState parent = nodes.get(above);
            if (parent != null && parent.ended()) {
                String how = parent.skipReason != null
                        ? "was skipped: " + parent.skipReason
                        : "ended (" + parent.outcome + ") without running it";
                throw new GuestFailure(
                        what + " did not run in the guest: " + parent.node.displayName() + " " + how,
                        parent.thrown == null ? null : rebuilder.rebuild(parent.thrown));
            }
        }
        if (ended) {
            throw stoppedEarly("the guest's run ended without a word on " + what);
        }
    }

    private String because() {
        return problems.isEmpty() ? "" : ": " + String.join("; ", problems);
    }

    /** The failure of a run that ended before it had done its work. */
    GuestFailure stoppedEarly(String what) {
        Thrown by = stoppedBy;
        return new GuestFailure(
                what + (stopped == null ? "" : ": " + stopped), by == null ? null : rebuilder.rebuild(by));
    }

    void await(String id) {
        awaited.add(id);
    }

    void awaitNoMore(String id) {
        awaited.remove(id);
    }

    /** Re-emits what belongs to the node waited for, keeps the rest until its node's turn. */
    void deliver(@Nullable String owner, GuestMessage message, @Nullable String id, @Nullable Sink sink) {
        NodeState node = get(owner);
        if (sink == null || id == null) {
            if (node != null) {
                node.pending.add(message);
            } else if (message instanceof GuestMessage.Output m) {
                Streams.print(m.stream(), m.text());
            }
            return;
        }
        boolean related = owner == null || Ids.within(owner, id) || Ids.within(id, owner);
        if (node == null || related && !awaitedByOther(owner, id)) {
            emit(message, sink);
        } else {
            node.pending.add(message);
        }
    }

    private boolean awaitedByOther(@Nullable String owner, String id) {
        return owner != null && !owner.equals(id) && awaited.contains(owner);
    }

    /** Re-emits what was kept for a node. */
    void emitPending(@Nullable String id, @Nullable Sink sink) {
        NodeState node = get(id);
        if (node != null && sink != null) {
            emitPending(node, sink);
        }
    }

    private void emitPending(NodeState node, Sink sink) {
        GuestMessage message;
        while ((message = node.pending.poll()) != null) {
            emit(message, sink);
        }
    }

    private void emit(GuestMessage message, Sink sink) {
        if (message instanceof GuestMessage.Output m) {
            sink.output(m.stream(), m.text());
        } else if (message instanceof GuestMessage.Reported m) {
            sink.report(m.entries());
        } else if (message instanceof GuestMessage.Attached m) {
            sink.attach(files.path(m.path()), m.name(), m.mediaType());
        }
    }

    /**
     * Called when the run has ended: re-emits all that was kept, and fails if anything of the run was not shown: a failed
     * test that no node of the host stands for, an invocation that only the guest had.
     */
    void requireShown(Sink sink) {
        List<Throwable> failures = new ArrayList<>();
        List<String> unseen = new ArrayList<>();
        for (NodeState node : nodes.values()) {
            emitPending(node, sink);
            if (node.shown || !node.ended() || Plans.shown(ids.onHost(node.id()))) {
                continue;
            }
            if (node.failed() || node.dynamic && node.node.test()) {
                unseen.add(node.node.displayName() + " (" + node.outcome + ", " + node.id() + ")");
                if (node.thrown != null) {
                    failures.add(rebuilder.rebuild(node.thrown));
                }
            }
        }
        if (!unseen.isEmpty()) {
            GuestFailure failure = new GuestFailure(
                    "the guest ran tests that the host does not have, or did not show: " + String.join("; ", unseen));
            failures.forEach(failure::addSuppressed);
            throw failure;
        }
    }
}
