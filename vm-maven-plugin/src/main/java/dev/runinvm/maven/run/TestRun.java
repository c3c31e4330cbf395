package dev.runinvm.maven.run;

import dev.runinvm.client.AgentJar;
import dev.runinvm.client.ConsoleLogger;
import dev.runinvm.client.Coverage;
import dev.runinvm.client.DebugPort;
import dev.runinvm.client.GuestSession;
import dev.runinvm.client.GuestSession.Request;
import dev.runinvm.client.ReceivedFiles;
import dev.runinvm.client.RunRecorder;
import dev.runinvm.client.StartedGuest;
import dev.runinvm.client.WarmGuests;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.VmException;
import dev.runinvm.maven.results.Console;
import dev.runinvm.maven.results.Recorder;
import dev.runinvm.maven.results.Results;
import dev.runinvm.maven.results.Suite;
import dev.runinvm.maven.results.TestResult;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.GuestMessage.Node;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs test classes in guests of one technique. A guest that ends early takes the classes with it that it had begun; the
 * others get another guest.
 */
public final class TestRun {
    /**
     * What one launch is to run.
     *
     * @param ids unique ids of tests to run instead of the whole classes
     */
    private record Batch(List<String> classes, List<String> ids) {
        String name() {
            return classes.size() == 1 ? classes.get(0) : classes.size() + " classes";
        }
    }

    /** The tests of a launch could not be started: no other launch will fare better. */
    private static final class NoGuest extends RuntimeException {
        private static final long serialVersionUID = 1L;

        NoGuest(VmException cause) {
            super(cause.getMessage(), cause);
        }
    }

    private final RunSettings settings;
    private final Results results;
    private final Console console;
    private final BiConsumer<GuestMessage.Stream, String> echo;
    private final Deque<Batch> queue = new ArrayDeque<>();
    private final AtomicInteger guests = new AtomicInteger();
    private @Nullable NoGuest stopped;

    /** @param echo given what tests print */
    public TestRun(
            RunSettings settings, Results results, Console console, BiConsumer<GuestMessage.Stream, String> echo) {
        this.settings = settings;
        this.results = results;
        this.console = console;
        this.echo = echo;
    }

    /** Runs all, and again what failed, as often as the settings say. Whatever goes wrong is in the results. */
    public void run() throws InterruptedException {
        if (settings.reuseGuests() && settings.parallelGuests() == 1) {
            queue.add(new Batch(settings.classes(), List.of()));
        } else {
            settings.classes().forEach(name -> queue.add(new Batch(List.of(name), List.of())));
        }
        work();
        for (int i = 0; i < settings.reruns() && stopped == null; i++) {
            results.failing().forEach((suite, failing) -> queue.add(again(suite, failing)));
            if (queue.isEmpty()) {
                return;
            }
            work();
        }
    }

    private static Batch again(Suite suite, List<TestResult> failing) {
        List<String> ids =
                failing.stream().map(TestResult::id).filter(id -> !id.isEmpty()).toList();
        return new Batch(List.of(suite.className()), ids);
    }

    /** Has as many threads as guests take batches until none is left. */
    private void work() throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        int n = Math.min(settings.parallelGuests(), queue.size());
        for (int i = 1; i < n; i++) {
            Thread thread = new Thread(this::takeBatches, "vm-guest-" + i);
            thread.setContextClassLoader(Thread.currentThread().getContextClassLoader());
            thread.start();
            threads.add(thread);
        }
        try {
            takeBatches();
            for (Thread thread : threads) {
                thread.join();
            }
        } finally {
            threads.forEach(Thread::interrupt);
        }
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        NoGuest why = stopped;
        if (why != null) {
            results.infrastructureFailed(String.valueOf(why.getMessage()));
            Batch left;
            while ((left = next()) != null) {
                left.classes().forEach(name -> results.error(name, "", name, why));
            }
        }
    }

    private @Nullable Batch next() {
        synchronized (queue) {
            return queue.poll();
        }
    }

    private void putBack(Batch batch) {
        synchronized (queue) {
            queue.addFirst(batch);
        }
    }

    private void takeBatches() {
        Guest guest = null;
        try {
            Batch batch;
            while (stopped == null && (batch = next()) != null) {
                if (guest != null && (!settings.reuseGuests() || !guest.usable())) {
                    guest.close();
                    guest = null;
                }
                if (guest == null) {
                    guest = open(batch);
                }
                run(guest.session(), batch);
                guest.mergeCoverage();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (NoGuest e) {
            stopped = e;
        } finally {
            if (guest != null) {
                guest.close();
            }
        }
    }

    /** A guest with all that belongs to it. */
    private record Guest(
            GuestSession session,
            long memoryBytes,
            Optional<DebugPort> debugger,
            Path covered,
            Optional<Coverage> coverage)
            implements AutoCloseable {
        boolean usable() {
            return session.usable();
        }

        @Override
        public void close() {
            debugger.ifPresent(DebugPort::close);
            try {
                session.close();
            } finally {
                GuestPlaces.closed(session.vm(), memoryBytes);
            }
        }

        /** What its tests have covered since it was last asked. */
        void mergeCoverage() {
            coverage.filter(c -> Files.isRegularFile(covered)).ifPresent(c -> c.merge(covered));
        }
    }

    private Guest open(Batch batch) throws InterruptedException {
        Optional<DebugPort> debugger = Optional.empty();
        boolean done = false;
        try {
            String name = settings.reuseGuests() ? "guest-" + guests.incrementAndGet() : batch.name();
            Path log = log(name);
            Path folder = Objects.requireNonNull(log.getParent(), "a log is in a folder");
            VmConfig config = settings.jvm()
                    .in(settings.vm().agent(AgentJar.locate()))
                    .consoleLog(log)
                    .consoleListener(new ConsoleLogger(settings.vm().technique()));
            RunRecorder recorder = new RunRecorder(new RunRecorder.About(
                    config.technique(), name, batch.name(), batch.ids(), config.memoryBytes(), folder));
            ReceivedFiles received = new ReceivedFiles(folder, settings.filesLimit(), "vm.filesLimit");
            debugger = settings.jvm().debugging().map(DebugPort::listen);
            StartedGuest guest = start(config, batch.name(), recorder);
            Vm vm = guest.vm();
            try {
                debugger.ifPresent(port -> port.serve(vm, batch.name()));
                GuestSession session = GuestSession.open(
                        guest,
                        new GuestSession.Setup(
                                batch.name(),
                                settings.limits(),
                                settings.classPath(),
                                settings.files(),
                                Optional.of(received),
                                recorder));
                results.properties(properties(vm));
                done = true;
                return new Guest(
                        session,
                        config.memoryBytes(),
                        debugger,
                        received.path(GuestMessage.FilePart.COVERAGE),
                        settings.jvm().coverage());
            } catch (RuntimeException | Error e) {
                GuestPlaces.closed(vm, config.memoryBytes());
                throw e;
            }
        } catch (VmException e) {
            NoGuest why = new NoGuest(e);
            batch.classes().forEach(type -> results.error(type, "", type, e));
            throw why;
        } finally {
            if (!done) {
                debugger.ifPresent(DebugPort::close);
            }
        }
    }

    private StartedGuest start(VmConfig config, String name, RunRecorder recorder) throws InterruptedException {
        long asked = System.nanoTime();
        long[] granted = {asked};
        try {
            StartedGuest guest = GuestPlaces.start(
                    Math.max(settings.parallelGuests(), Runtime.getRuntime().availableProcessors() / 2),
                    config.memoryBytes(),
                    settings.limits().launch(),
                    () -> {
                        granted[0] = System.nanoTime();
                        return settings.snapshots()
                                        && settings.jvm().debugging().isEmpty()
                                        && WarmGuests.canServe(config)
                                ? WarmGuests.start(
                                        config,
                                        name,
                                        settings.classPath(),
                                        settings.limits().boot(),
                                        recorder)
                                : StartedGuest.boot(config, settings.classPath());
                    });
            recorder.started(guest.vm(), granted[0] - asked);
            return guest;
        } catch (VmException e) {
            recorder.notStarted(e);
            throw e;
        }
    }

    private Map<String, String> properties(Vm vm) {
        Map<String, String> told = new LinkedHashMap<>(settings.properties());
        told.put("runinvm.technique", vm.technique().name());
        told.put("runinvm.kernelRelease", vm.kernelRelease());
        told.put("runinvm.memory", (settings.vm().memoryBytes() >> 20) + "M");
        told.put("java.version", System.getProperty("java.version", ""));
        return told;
    }

    private Path log(String name) {
        try {
            return Files.createDirectories(settings.logs()
                            .resolve(name + "-"
                                    + settings.vm().technique().name().toLowerCase(Locale.ROOT)))
                    .resolve("console.log");
        } catch (IOException e) {
            throw new HostLacks("cannot make the directory for the guest's console log: " + e, e);
        }
    }

    private void run(GuestSession session, Batch batch) throws InterruptedException {
        List<String> ids = batch.ids();
        if (ids.isEmpty() && settings.chosen().choosesMethods()) {
            Recorder plan = new Recorder(results, console, echo);
            if (!launch(session, batch, List.of(), false, plan)) {
                return;
            }
            ids = chosen(plan);
            if (ids.isEmpty()) {
                reportUnloadable(batch, plan);
                return;
            }
        }
        launch(session, batch, ids, true, new Recorder(results, console, echo));
    }

    /** The topmost nodes that stand for chosen methods. */
    private List<String> chosen(Recorder plan) {
        Set<String> ids = new LinkedHashSet<>();
        Set<String> covered = new LinkedHashSet<>();
        for (Node node : plan.nodes()) {
            boolean below = node.parent() != null && covered.contains(node.parent());
            String method = node.methodName() == null && node.test() ? node.reportName() : node.methodName();
            if (below) {
                covered.add(node.id());
            } else if (method != null && settings.chosen().chooses(plan.className(node), method)) {
                covered.add(node.id());
                ids.add(node.id());
            }
        }
        return List.copyOf(ids);
    }

    /** Launches; whether it ended as it should. What did not is recorded. */
    private boolean launch(GuestSession session, Batch batch, List<String> ids, boolean execute, Recorder recorder)
            throws InterruptedException {
        Request request = new Request(
                ids.isEmpty() ? batch.classes() : List.of(),
                ids,
                settings.groups(),
                settings.excludedGroups(),
                execute,
                settings.configuration(),
                settings.properties());
        try {
            session.launch(request, recorder::accept);
        } catch (VmException e) {
            afterFailure(session, batch, recorder, e);
            return false;
        }
        if (execute) {
            recorder.complete();
            reportUnloadable(batch, recorder);
        }
        return true;
    }

    private void afterFailure(GuestSession session, Batch batch, Recorder recorder, VmException why) {
        if (session.usable() && !recorder.discovered() && batch.classes().size() > 1) {
            // JUnit failed to look through them together; which of them is to blame is seen when they come one by one.
            batch.classes().forEach(name -> putBack(new Batch(List.of(name), List.of())));
            return;
        }
        recorder.cutOff(why);
        List<String> untouched = new ArrayList<>();
        boolean any = false;
        for (String name : batch.classes()) {
            boolean begun = recorder.hasBegun(name);
            any |= begun;
            if (!begun && (recorder.hasTestsOf(name) || !recorder.discovered())) {
                untouched.add(name);
            }
        }
        if (any && !untouched.isEmpty() && batch.ids().isEmpty()) {
            putBack(new Batch(untouched, List.of()));
        } else {
            untouched.forEach(name -> results.error(name, "", name, why));
            if (!any && untouched.isEmpty()) {
                results.infrastructureFailed(String.valueOf(why.getMessage()));
            }
        }
        reportUnloadable(batch, recorder);
    }

    /** A class that JUnit could not load is an error of that class; once, whichever engines said so. */
    private void reportUnloadable(Batch batch, Recorder recorder) {
        Set<String> told = new LinkedHashSet<>();
        for (String problem : recorder.problems()) {
            String name = batch.classes().stream()
                    .filter(c -> problem.contains("'" + c + "'") || problem.contains(":" + c + "]"))
                    .findFirst()
                    .orElse(batch.classes().get(0));
            if (told.add(name)) {
                results.error(name, "", name, new IllegalStateException("JUnit in the guest: " + problem));
            }
        }
    }
}
