package dev.runinvm.junit;

import dev.runinvm.client.AgentJar;
import dev.runinvm.client.Autopsy;
import dev.runinvm.client.ClassPath;
import dev.runinvm.client.Deadline;
import dev.runinvm.client.DebugPort;
import dev.runinvm.client.GuestLink;
import dev.runinvm.client.Opening;
import dev.runinvm.client.ReceivedFiles;
import dev.runinvm.client.RunRecorder;
import dev.runinvm.client.WarmGuests;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.VmException;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import dev.runinvm.wire.Thrown;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One guest running one selection of tests, and what it has said so far. The host's threads that wait for something take the
 * guest's messages themselves, one thread at a time: output is re-emitted on the thread of the test it belongs to.
 */
final class GuestRun implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(GuestRun.class);
    private static final Duration SLICE = Duration.ofSeconds(1);
    /** Lines of the console that a test gets when it asks. */
    private static final int CONSOLE_LINES = 1000;

    private static final Duration DUMP_TIME = Duration.ofSeconds(5);

    private final RunPlan plan;
    private final @Nullable SessionGuests session;
    private final SessionGuests.Key key;
    private final Guests.Lease lease;
    private final Optional<DebugPort> debugger;
    private final Vm vm;
    private final GuestLink link;
    private final RunRecorder recorder;
    private final Autopsy autopsy;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ReceivedFiles files;
    private final TestTree tree;
    private Deadline runDeadline;
    private List<String> hashes = List.of();
    /** How much of what was sent the guest has. */
    private int stored;

    private boolean pumping;
    private boolean finished;
    private @Nullable String threadDump;
    private @Nullable VmException dead;

    private GuestRun(
            RunPlan plan,
            Guests.Lease lease,
            RunRecorder recorder,
            Optional<DebugPort> debugger,
            @Nullable SessionGuests session,
            SessionGuests.Key key) {
        this.session = session;
        this.key = key;
        this.plan = plan;
        this.debugger = debugger;
        this.lease = lease;
        this.vm = lease.vm();
        this.recorder = recorder;
        this.link = new GuestLink(vm, recorder);
        this.autopsy = new Autopsy(vm, plan.name());
        this.files = new ReceivedFiles(plan.directory(), plan.settings().filesLimit(), "runinvm.filesLimit");
        this.tree = new TestTree(new ThrownRebuilder(plan.loader()), plan.ids(), files);
        this.runDeadline = Deadline.in(plan.settings().runTimeout());
    }

    /**
     * Starts a guest, ships the class path and has the tests started; returns when the guest's JUnit has found them.
     *
     * @param above the run of the class around, if there is one
     * @param session where guests are that other classes have left, if this one may have such a guest
     */
    static GuestRun start(RunPlan plan, @Nullable GuestRun above, @Nullable SessionGuests session) {
        Settings settings = plan.settings();
        ReportAtEnd.expect(plan.about());
        RunRecorder recorder = new RunRecorder(plan.about());
        List<Path> classPath = ClassPath.with(
                ClassPath.paths(plan.loader()),
                "org.junit.platform.launcher.core.LauncherConfig",
                GuestRun.class.getClassLoader());
        VmConfig config = plan.vmConfig(AgentJar.locate());
        Optional<DebugPort> debugger = settings.debugging().map(DebugPort::listen);
        boolean warm = settings.snapshots() && debugger.isEmpty() && Guests.areReal() && WarmGuests.canServe(config);
        SessionGuests.Key key =
                new SessionGuests.Key(config.withoutConsole(), classPath, settings.files(), settings.properties());
        Guests.Lease lease;
        boolean[] used = new boolean[1];
        try {
            lease = Guests.start(
                    config,
                    c -> warm
                            ? WarmGuests.start(c, plan.name(), classPath, settings.bootTimeout(), recorder)
                            : Guests.boot(c, classPath),
                    () -> {
                        Guests.Lease waiting = session == null ? null : session.take(key);
                        used[0] = waiting != null;
                        return waiting;
                    },
                    settings.maxGuests(),
                    above == null ? null : above.lease,
                    settings.runTimeout());
        } catch (RuntimeException | Error e) {
            debugger.ifPresent(DebugPort::close);
            recorder.notStarted(e);
            throw e;
        }
        debugger.ifPresent(port -> port.serve(lease.vm(), plan.name()));
        if (used[0]) {
            recorder.continued(lease.vm());
        } else {
            recorder.started(lease.vm(), lease.waitedNanos());
        }
        GuestRun run;
        try {
            run = new GuestRun(plan, lease, recorder, debugger, session, key);
        } catch (RuntimeException | Error e) {
            debugger.ifPresent(DebugPort::close);
            lease.close();
            throw e;
        }
        try {
            run.open(classPath, used[0]);
            return run;
        } catch (RuntimeException | Error e) {
            run.end(e);
            throw e;
        }
    }

    /** Ends the guest, at once. */
    private void end(@Nullable Throwable why) {
        recorder.ending(why);
        debugger.ifPresent(DebugPort::close);
        try {
            lease.close();
        } finally {
            recorder.ended();
        }
    }

    /** @param used whether another class had the guest before: the files that it was to be given are there */
    private void open(List<Path> classPath, boolean used) {
        long start = System.nanoTime();
        Opening opening = new Opening(plan.name(), plan.settings().bootTimeout(), link, autopsy);
        if (!lease.guest().greeted()) {
            opening.read(classPath);
            opening.greet();
        }
        long greeted = System.nanoTime();
        hashes = opening.ship(classPath, lease.guest().known());
        long sent = System.nanoTime();
        Map<String, String> properties = new LinkedHashMap<>(plan.properties());
        properties.put("runinvm.technique", vm.technique().name());
        properties.put("runinvm.kernelRelease", vm.kernelRelease());
        properties.put(TechniqueTemplates.EACH, String.join("\n", plan.each()));
        properties.put("runinvm.memory", String.valueOf(plan.settings().memory()));
        if (!used) {
            plan.settings().files().forEach(file -> opening.place(file.host(), file.guest()));
        }
        link.send(new HostMessage.Run(hashes, plan.className(), plan.selected(), plan.parameters(), properties));
        runDeadline = Deadline.in(plan.settings().runTimeout());
        List<String> puts = opening.sent();
        for (int i = 0; i < puts.size(); i++) {
            int most = i;
            await(
                    () -> stored > most || tree.isDiscovered() || tree.isEnded() ? Boolean.TRUE : null,
                    null,
                    null,
                    plan.settings().bootTimeout(),
                    "the guest to have stored " + puts.get(i));
        }
        await(
                () -> tree.isDiscovered() || tree.isEnded() ? Boolean.TRUE : null,
                null,
                null,
                plan.settings().bootTimeout(),
                "its JUnit to find the tests");
        if (!tree.isDiscovered()) {
            throw tree.stoppedEarly("the guest's JUnit did not get as far as finding tests");
        }
        tree.requireTests(plan.selected().isEmpty() ? plan.className() : String.join(", ", plan.selected()));
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

    /** Waits until the guest has run what comes before a container's first child; the container's end if there is none. */
    @Nullable
    NodeState awaitFirstChild(String id, Sink sink) {
        return await(
                        () -> {
                            NodeState node = tree.known(id);
                            if (node.ended()) {
                                return new Found(node);
                            }
                            return node.childStarted ? new Found(null) : null;
                        },
                        id,
                        sink,
                        plan.settings().timeout(),
                        "the first test of " + tree.name(id))
                .node;
    }

    /** Waits for a node's end. */
    NodeState awaitEnd(String id, Sink sink) {
        NodeState node =
                await(() -> tree.ended(id), id, sink, plan.settings().timeout(), "the end of " + tree.name(id));
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
                            NodeState node = tree.known(container);
                            if (node.registered.size() > n) {
                                return new Found(node.registered.get(n));
                            }
                            return node.ended() ? new Found(null) : null;
                        },
                        container,
                        sink,
                        plan.settings().timeout(),
                        "child " + (n + 1) + " of " + tree.name(container))
                .node;
    }

    private record Found(@Nullable NodeState node) {}

    Throwable rebuild(Thrown image) {
        return new ThrownRebuilder(plan.loader()).rebuild(image);
    }

    private <T> T await(
            Supplier<@Nullable T> condition, @Nullable String id, @Nullable Sink sink, Duration limit, String what) {
        Deadline deadline = Deadline.in(limit).orSooner(runDeadline);
        boolean interrupted = false;
        lock.lock();
        try {
            if (id != null) {
                tree.await(id);
            }
            while (true) {
                tree.emitPending(id, sink);
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
                    throw die(autopsy.timedOut(what, limits, tree.inFlight(), dumpThreads()));
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
                tree.awaitNoMore(id);
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
        NodeState node = tree.get(id);
        if (id == null || node != null && node.started) {
            throw reason;
        }
        throw new GuestFailure(
                tree.name(id) + " did not run: its guest had ended before. " + reason.getMessage(), reason);
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
            if (dead == null && !tree.isEnded()) {
                die(autopsy.ended(tree.inFlight(), failure));
            }
        } else if (message != null) {
            handle(message, id, sink);
        }
    }

    private void handle(GuestMessage message, @Nullable String id, @Nullable Sink sink) {
        if (message instanceof GuestMessage.Stored) {
            stored++;
            return;
        }
        if (message instanceof GuestMessage.Discovered m) {
            tree.discovered(m);
        } else if (message instanceof GuestMessage.Registered m) {
            tree.registered(m.node());
        } else if (message instanceof GuestMessage.Started m) {
            tree.started(state(m.id()));
        } else if (message instanceof GuestMessage.Finished m) {
            NodeState node = state(m.id());
            node.outcome = m.outcome();
            node.thrown = m.thrown();
        } else if (message instanceof GuestMessage.Skipped m) {
            tree.skipped(state(m.id()), m.reason());
        } else if (message instanceof GuestMessage.Output m) {
            tree.deliver(m.id(), m, id, sink);
        } else if (message instanceof GuestMessage.Reported m) {
            tree.deliver(m.id(), m, id, sink);
        } else if (message instanceof GuestMessage.Attached m) {
            tree.deliver(m.id(), m, id, sink);
        } else if (message instanceof GuestMessage.FilePart m) {
            take(m);
        } else if (message instanceof GuestMessage.Ask m) {
            link.send(new HostMessage.Answer(
                    m.number(), vm.counters(), vm.console().tail(CONSOLE_LINES)));
        } else if (message instanceof GuestMessage.ThreadDump m) {
            threadDump = m.text();
        } else if (message instanceof GuestMessage.Dying m) {
            autopsy.lastWords(m.why());
        } else if (message instanceof GuestMessage.RunEnded m) {
            tree.ended(m);
        } else {
            die(autopsy.failure("the guest greeted twice", null));
        }
    }

    private void take(GuestMessage.FilePart part) {
        try {
            files.take(part);
        } catch (VmException e) {
            die(e);
        }
    }

    private NodeState state(String id) {
        NodeState node = tree.get(id);
        if (node == null) {
            throw die(autopsy.failure("the guest speaks of a node that it never announced: " + id, null));
        }
        return node;
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
            end(reason);
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
                () -> tree.isEnded() ? Boolean.TRUE : null,
                plan.root(),
                sink,
                plan.settings().timeout(),
                "the end of the run");
        if (tree.stopped() != null) {
            throw tree.stoppedEarly("the guest's JUnit failed");
        }
        tree.requireShown(sink);
    }

    /** Whether a node of the host has shown this one's end. */
    boolean isShown(String id) {
        lock.lock();
        try {
            NodeState node = tree.get(id);
            return node != null && node.shown;
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

    /** The guest's id of a node of the host's. */
    String id(ExtensionContext context) {
        return plan.ids().inGuest(context.getUniqueId());
    }

    RunPlan plan() {
        return plan;
    }

    /** Leaves the guest to the next class, if this one's run has ended as it should. */
    private boolean leave() {
        SessionGuests to = session;
        if (to == null
                || !tree.isEnded()
                || tree.stopped() != null
                || isDead()
                || vm.end().isPresent()) {
            return false;
        }
        files.close();
        recorder.ending(null);
        recorder.ended();
        to.put(key, lease.knowing(Set.copyOf(hashes)));
        return true;
    }

    /** Ends the guest, in order if its run has ended; or leaves it to the next class. */
    @Override
    public void close() {
        if (leave()) {
            return;
        }
        try {
            if (tree.isEnded() && dead == null) {
                link.send(new HostMessage.Bye());
                vm.awaitEnd(Duration.ofMillis(200));
            }
        } catch (GuestFailure e) {
            // It has ended by itself; closing frees what it held.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            try {
                files.close();
                mergeCoverage();
            } finally {
                end(null);
            }
        }
    }

    private void mergeCoverage() {
        Path covered = files.path(GuestMessage.FilePart.COVERAGE);
        plan.jvm().coverage().filter(c -> Files.isRegularFile(covered)).ifPresent(c -> c.merge(covered));
    }
}
