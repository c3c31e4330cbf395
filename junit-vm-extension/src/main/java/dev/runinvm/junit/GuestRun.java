package dev.runinvm.junit;

import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmException;
import dev.runinvm.wire.Frame;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import dev.runinvm.wire.Thrown;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.platform.launcher.Launcher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One guest running one selection of tests, and what it has said so far. The host's threads that wait for something take the
 * guest's messages themselves, one thread at a time: output is re-emitted on the thread of the test it belongs to.
 */
final class GuestRun implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(GuestRun.class);
    private static final Duration SLICE = Duration.ofSeconds(1);
    private static final Duration DUMP_TIME = Duration.ofSeconds(5);

    /** Takes what belongs to a node while it is the host's turn to show it. */
    interface Sink {
        void output(GuestMessage.Stream stream, String text);

        void report(Map<String, String> entries);
    }

    private final RunPlan plan;
    private final Guests.Lease lease;
    private final Vm vm;
    private final GuestLink link;
    private final Autopsy autopsy;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Map<String, NodeState> nodes = new LinkedHashMap<>();
    private final Set<String> awaited = new HashSet<>();
    private final Set<String> missing = new HashSet<>();
    private final List<String> problems = new ArrayList<>();
    private Deadline runDeadline;
    private boolean pumping;
    private boolean discovered;
    private boolean ended;
    private boolean finished;
    private @Nullable String stopped;
    private @Nullable Thrown stoppedBy;
    private @Nullable String threadDump;
    private @Nullable VmException dead;

    private GuestRun(RunPlan plan, Guests.Lease lease) {
        this.plan = plan;
        this.lease = lease;
        this.vm = lease.vm();
        this.link = new GuestLink(vm);
        this.autopsy = new Autopsy(vm, plan);
        this.runDeadline = Deadline.in(plan.settings().runTimeout());
    }

    /**
     * Boots a guest, ships the class path and has the tests started; returns when the guest's JUnit has found them.
     *
     * @param above the run of the class around, if there is one
     */
    static GuestRun start(RunPlan plan, @Nullable GuestRun above) {
        Settings settings = plan.settings();
        Guests.Lease lease = Guests.start(
                plan.vmConfig(AgentJar.locate()),
                settings.maxGuests(),
                above == null ? null : above.lease,
                settings.runTimeout());
        GuestRun run = new GuestRun(plan, lease);
        try {
            run.open();
            return run;
        } catch (RuntimeException | Error e) {
            run.lease.close();
            throw e;
        }
    }

    private void open() {
        long start = System.nanoTime();
        GuestMessage.Hello hello = hello();
        long greeted = System.nanoTime();
        if (hello.protocol() != Frame.VERSION) {
            throw new GuestFailure(
                    "the agent in the guest (" + hello.agent() + ") speaks protocol version " + hello.protocol()
                            + ", the host " + Frame.VERSION + ": image and extension are of different releases");
        }
        String java = Runtime.version().toString();
        if (!hello.java().equals(java)) {
            throw new GuestFailure("the guest runs Java " + hello.java() + ", the host Java " + java
                    + ": the image was made for another JDK");
        }
        List<String> hashes = ship();
        long sent = System.nanoTime();
        Map<String, String> properties = new LinkedHashMap<>(plan.properties());
        properties.put("runinvm.technique", vm.technique().name());
        properties.put("runinvm.kernelRelease", vm.kernelRelease());
        link.send(new HostMessage.Run(hashes, plan.className(), plan.selected(), plan.parameters(), properties));
        runDeadline = Deadline.in(plan.settings().runTimeout());
        await(
                () -> discovered || ended ? Boolean.TRUE : null,
                null,
                null,
                plan.settings().bootTimeout(),
                "its JUnit to find the tests");
        if (!discovered) {
            throw stoppedEarly("the guest's JUnit did not get as far as finding tests");
        }
        requireTests();
        LOG.info(
                "guest of {} ({}): agent after {} s, class path of {} entries sent in {} s, tests found in {} s",
                plan.name(),
                vm.technique(),
                seconds(start, greeted),
                hashes.size(),
                seconds(greeted, sent),
                seconds(sent, System.nanoTime()));
    }

    private static String seconds(long from, long to) {
        return String.format(Locale.ROOT, "%.2f", (to - from) / 1e9);
    }

    private GuestMessage.Hello hello() {
        Deadline deadline = Deadline.in(plan.settings().bootTimeout());
        try {
            while (!deadline.passed()) {
                var message = link.receive(deadline.left(SLICE));
                if (message.isPresent()) {
                    if (message.get() instanceof GuestMessage.Hello hello) {
                        return hello;
                    }
                    throw new GuestFailure("the guest's first message is no greeting but " + message.get());
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new GuestFailure("interrupted while the guest of " + plan.name() + " was booting", e);
        } catch (GuestFailure e) {
            throw autopsy.ended("before its agent had said a word", e);
        }
        throw autopsy.failure(
                "the guest's agent has not said a word within "
                        + deadline.allowed().toSeconds() + " s of its start (bootTimeout)",
                null);
    }

    private List<String> ship() {
        List<String> hashes = new ArrayList<>();
        try {
            for (Path path : ClassPath.paths(plan.loader())) {
                ClassPath.Entry entry = ClassPath.entry(path);
                if (!hashes.contains(entry.hash())) {
                    link.put(entry);
                    hashes.add(entry.hash());
                }
            }
        } catch (IOException e) {
            throw new dev.runinvm.engine.HostLacks("cannot read the class path to ship it to the guest: " + e, e);
        } catch (GuestFailure e) {
            throw autopsy.ended("while the class path was sent to it", e);
        }
        return hashes;
    }

    private void requireTests() {
        String tests = plan.selected().isEmpty() ? plan.className() : String.join(", ", plan.selected());
        if (nodes.values().stream().noneMatch(n -> n.node.test() || isLeaf(n))) {
            throw new GuestFailure("the guest's JUnit found no test for " + tests
                    + (problems.isEmpty() ? "" : ": " + String.join("; ", problems)));
        }
    }

    private boolean isLeaf(NodeState n) {
        return n.node.parent() != null && nodes.values().stream().noneMatch(o -> n.id().equals(o.node.parent()));
    }

    /** Waits until the guest has run what comes before a container's first child; the container's end if there is none. */
    @Nullable
    NodeState awaitFirstChild(String id, Sink sink) {
        return await(
                        () -> {
                            NodeState node = known(id);
                            if (node.ended()) {
                                return new Found(node);
                            }
                            return node.childStarted ? new Found(null) : null;
                        },
                        id,
                        sink,
                        plan.settings().timeout(),
                        "the first test of " + name(id))
                .node;
    }

    /** Waits for a node's end. */
    NodeState awaitEnd(String id, Sink sink) {
        NodeState node = await(
                () -> {
                    NodeState n = nodes.get(id);
                    if (n != null && n.ended()) {
                        return n;
                    }
                    requireReachable(id, n);
                    return null;
                },
                id,
                sink,
                plan.settings().timeout(),
                "the end of " + name(id));
        lock.lock();
        try {
            node.shown = true;
        } finally {
            lock.unlock();
        }
        return node;
    }

    /** Waits for a container's n-th child of those that come into being while it runs; null if it ended without. */
    @Nullable
    NodeState awaitRegistered(String container, int n, Sink sink) {
        return await(
                        () -> {
                            NodeState node = known(container);
                            if (node.registered.size() > n) {
                                return new Found(node.registered.get(n));
                            }
                            return node.ended() ? new Found(null) : null;
                        },
                        container,
                        sink,
                        plan.settings().timeout(),
                        "child " + (n + 1) + " of " + name(container))
                .node;
    }

    private record Found(@Nullable NodeState node) {}

    private NodeState known(String id) {
        NodeState node = nodes.get(id);
        if (node == null || !node.ended()) {
            requireReachable(id, node);
        }
        if (node == null) {
            throw new GuestFailure("the guest's test plan has no " + id);
        }
        return node;
    }

    /** Fails if the guest can no longer say how a node ended. */
    private void requireReachable(String id, @Nullable NodeState node) {
        String what = node == null ? id : name(id);
        if (node == null && missing.contains(id)) {
            throw new GuestFailure("the guest's JUnit did not find " + id
                    + (problems.isEmpty() ? "" : ": " + String.join("; ", problems)));
        }
        for (String above = Ids.parent(id); above != null; above = Ids.parent(above)) {
            NodeState parent = nodes.get(above);
            if (parent != null && parent.ended()) {
                String how = parent.skipReason != null
                        ? "was skipped: " + parent.skipReason
                        : "ended (" + parent.outcome + ") without running it";
                throw new GuestFailure(
                        what + " did not run in the guest: " + parent.node.displayName() + " " + how,
                        parent.thrown == null ? null : rebuild(parent.thrown));
            }
        }
        if (ended && dead == null) {
            throw stoppedEarly("the guest's run ended without a word on " + what);
        }
    }

    private GuestFailure stoppedEarly(String what) {
        Thrown by = stoppedBy;
        return new GuestFailure(what + (stopped == null ? "" : ": " + stopped), by == null ? null : rebuild(by));
    }

    Throwable rebuild(Thrown image) {
        return new ThrownRebuilder(plan.loader()).rebuild(image);
    }

    private String name(String id) {
        NodeState node = nodes.get(id);
        return node == null ? id : node.node.displayName();
    }

    private <T> T await(
            Supplier<@Nullable T> condition, @Nullable String id, @Nullable Sink sink, Duration limit, String what) {
        Deadline deadline = Deadline.in(limit).orSooner(runDeadline);
        boolean interrupted = false;
        lock.lock();
        try {
            if (id != null) {
                awaited.add(id);
            }
            while (true) {
                emitPending(id, sink);
                T result = condition.get();
                if (result != null) {
                    return result;
                }
                requireAlive(id);
                if (deadline.passed()) {
                    String limits = String.format(
                            Locale.ROOT,
                            "%.1f s%s",
                            deadline.allowed().toMillis() / 1000.0,
                            interrupted ? " of the host's interrupting it" : "");
                    throw die(autopsy.timedOut(what, limits, inFlight(), dumpThreads()));
                }
                try {
                    pumpOrWait(deadline, id, sink);
                } catch (InterruptedException e) {
                    interrupted = true;
                    deadline = deadline.orSooner(Deadline.in(plan.settings().grace()));
                }
            }
        } finally {
            if (id != null) {
                awaited.remove(id);
            }
            lock.unlock();
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void requireAlive(@Nullable String id) {
        VmException reason = dead;
        if (reason == null) {
            return;
        }
        NodeState node = id == null ? null : nodes.get(id);
        if (id == null || node != null && node.started) {
            throw reason;
        }
        throw new GuestFailure(name(id) + " did not run: its guest had ended before. " + reason.getMessage(), reason);
    }

    /** Takes one message from the guest, unless another thread is about to. */
    private void pumpOrWait(Deadline deadline, @Nullable String id, @Nullable Sink sink) throws InterruptedException {
        if (pumping) {
            changed.await(deadline.left(SLICE).toNanos(), TimeUnit.NANOSECONDS);
            return;
        }
        pumping = true;
        GuestMessage message = null;
        GuestFailure failure = null;
        lock.unlock();
        try {
            message = link.receive(deadline.left(SLICE)).orElse(null);
        } catch (GuestFailure e) {
            failure = e;
        } finally {
            lock.lock();
            pumping = false;
            changed.signalAll();
        }
        if (failure != null) {
            if (dead == null && !ended) {
                die(autopsy.ended(inFlight(), failure));
            }
        } else if (message != null) {
            handle(message, id, sink);
        }
    }

    private void handle(GuestMessage message, @Nullable String id, @Nullable Sink sink) {
        if (message instanceof GuestMessage.Stored) {
            return;
        }
        if (message instanceof GuestMessage.Discovered m) {
            discovered(m);
        } else if (message instanceof GuestMessage.Registered m) {
            NodeState child = new NodeState(m.node(), true);
            nodes.put(child.id(), child);
            NodeState parent = nodes.get(String.valueOf(m.node().parent()));
            if (parent != null) {
                parent.registered.add(child);
            }
        } else if (message instanceof GuestMessage.Started m) {
            state(m.id()).started = true;
            childStarted(m.id());
        } else if (message instanceof GuestMessage.Finished m) {
            NodeState node = state(m.id());
            node.outcome = m.outcome();
            node.thrown = m.thrown();
        } else if (message instanceof GuestMessage.Skipped m) {
            state(m.id()).skipReason = m.reason();
            childStarted(m.id());
        } else if (message instanceof GuestMessage.Output m) {
            deliver(m.id(), m, id, sink);
        } else if (message instanceof GuestMessage.Reported m) {
            deliver(m.id(), m, id, sink);
        } else if (message instanceof GuestMessage.ThreadDump m) {
            threadDump = m.text();
        } else if (message instanceof GuestMessage.Dying m) {
            autopsy.lastWords(m.why());
        } else if (message instanceof GuestMessage.RunEnded m) {
            ended = true;
            stopped = m.problem();
            stoppedBy = m.thrown();
        } else {
            die(autopsy.failure("the guest greeted twice", null));
        }
    }

    private void discovered(GuestMessage.Discovered m) {
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

    private NodeState state(String id) {
        NodeState node = nodes.get(id);
        if (node == null) {
            throw die(autopsy.failure("the guest speaks of a node that it never announced: " + id, null));
        }
        return node;
    }

    private void childStarted(String id) {
        for (String above = Ids.parent(id); above != null; above = Ids.parent(above)) {
            NodeState parent = nodes.get(above);
            if (parent != null) {
                parent.childStarted = true;
            }
        }
    }

    /** Re-emits what belongs to the node waited for, keeps the rest until its node's turn. */
    private void deliver(@Nullable String owner, GuestMessage message, @Nullable String id, @Nullable Sink sink) {
        if (sink == null || id == null) {
            NodeState node = owner == null ? null : nodes.get(owner);
            if (node != null) {
                node.pending.add(message);
            } else if (message instanceof GuestMessage.Output m) {
                Streams.print(m.stream(), m.text());
            }
            return;
        }
        NodeState node = owner == null ? null : nodes.get(owner);
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

    private void emitPending(@Nullable String id, @Nullable Sink sink) {
        NodeState node = id == null ? null : nodes.get(id);
        if (node == null || sink == null) {
            return;
        }
        GuestMessage message;
        while ((message = node.pending.poll()) != null) {
            emit(message, sink);
        }
    }

    private static void emit(GuestMessage message, Sink sink) {
        if (message instanceof GuestMessage.Output m) {
            sink.output(m.stream(), m.text());
        } else if (message instanceof GuestMessage.Reported m) {
            sink.report(m.entries());
        }
    }

    private List<String> inFlight() {
        return nodes.values().stream()
                .filter(n -> n.started && !n.ended() && n.node.test())
                .map(n -> n.node.displayName() + " " + n.id())
                .toList();
    }

    /** Asks the guest what its threads do; null if it does not answer. Called with the lock held. */
    private @Nullable String dumpThreads() {
        threadDump = null;
        try {
            link.send(new HostMessage.DumpThreads());
            Deadline deadline = Deadline.exactly(DUMP_TIME);
            while (threadDump == null && !deadline.passed() && dead == null) {
                pumpOrWait(deadline, null, null);
            }
        } catch (GuestFailure e) {
            return threadDump;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return threadDump;
    }

    private VmException die(VmException reason) {
        if (dead == null) {
            dead = reason;
            lease.close();
            changed.signalAll();
        }
        return dead;
    }

    /**
     * Waits for the run's end and fails if anything of it was not shown: a failed test that no node of the host stands for, an
     * invocation that only the guest had.
     */
    void finish(Sink sink) {
        if (finished) {
            return;
        }
        finished = true;
        await(
                () -> ended ? Boolean.TRUE : null,
                plan.root(),
                sink,
                plan.settings().timeout(),
                "the end of the run");
        if (stopped != null) {
            throw stoppedEarly("the guest's JUnit failed");
        }
        List<Throwable> failures = new ArrayList<>();
        List<String> unseen = new ArrayList<>();
        for (NodeState node : nodes.values()) {
            for (GuestMessage message : node.pending) {
                emit(message, sink);
            }
            node.pending.clear();
            if (node.shown || !node.ended() || Plans.shown(node.id())) {
                continue;
            }
            if (node.failed() || node.dynamic && node.node.test()) {
                unseen.add(node.node.displayName() + " (" + node.outcome + ", " + node.id() + ")");
                if (node.thrown != null) {
                    failures.add(rebuild(node.thrown));
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

    /** Whether a node of the host has shown this one's end. */
    boolean isShown(String id) {
        lock.lock();
        try {
            NodeState node = nodes.get(id);
            return node != null && node.shown;
        } finally {
            lock.unlock();
        }
    }

    /** What the guest calls a node, or null if it has none such. */
    @Nullable
    String displayName(String id) {
        lock.lock();
        try {
            NodeState node = nodes.get(id);
            return node == null ? null : node.node.displayName();
        } finally {
            lock.unlock();
        }
    }

    boolean isDead() {
        lock.lock();
        try {
            return dead != null;
        } finally {
            lock.unlock();
        }
    }

    RunPlan plan() {
        return plan;
    }

    /** Ends the guest; in order if its run has ended. */
    @Override
    public void close() {
        try {
            if (ended && dead == null) {
                link.send(new HostMessage.Bye());
                vm.awaitEnd(Duration.ofMillis(200));
            }
        } catch (GuestFailure e) {
            // It has ended by itself; closing frees what it held.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lease.close();
        }
    }
}
