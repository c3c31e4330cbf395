package dev.runinvm.client;

import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.Vm;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A guest that runs tests for a host that has no JUnit: it is opened once, and then does one launch after the other. Not
 * thread-safe, but for {@link #close}.
 */
public final class GuestSession implements AutoCloseable {
    private static final Duration SLICE = Duration.ofSeconds(1);
    private static final Duration DUMP_TIME = Duration.ofSeconds(5);
    /** Lines of the console that a test gets when it asks. */
    private static final int CONSOLE_LINES = 1000;

    private static final Duration GOODBYE_TIME = Duration.ofMillis(200);

    /**
     * How long things may take.
     *
     * @param boot from the guest's start to its agent's first word, and from a launch to its list of tests
     * @param test from one test's start or end to the next
     * @param launch one launch as a whole
     */
    public record Limits(Duration boot, Duration test, Duration launch) {}

    /**
     * What to launch; the meaning of each is that of {@link HostMessage.Launch}.
     *
     * @param execute whether to run what was found
     */
    public record Request(
            List<String> classes,
            List<String> ids,
            List<String> includeTags,
            List<String> excludeTags,
            boolean execute,
            Map<String, String> configuration,
            Map<String, String> properties) {}

    /**
     * What a session starts with.
     *
     * @param name what it runs, for people
     * @param files of the host that are copied into the guest
     * @param received where files of the guest's go; without it they are not kept
     * @param recorder leaves a document of all that the guest runs when the session is closed; null for none
     */
    public record Setup(
            String name,
            Limits limits,
            List<Path> classPath,
            List<FileMapping> files,
            Optional<ReceivedFiles> received,
            @Nullable RunRecorder recorder) {
        /** Without files and without a document. */
        public Setup(String name, Limits limits, List<Path> classPath) {
            this(name, limits, classPath, List.of(), Optional.empty(), null);
        }
    }

    private final Vm vm;
    private final String name;
    private final Optional<ReceivedFiles> received;
    private final Limits limits;
    private final @Nullable RunRecorder recorder;
    private final GuestLink link;
    private final Autopsy autopsy;
    private final List<String> classPath;
    private final Map<String, String> names = new HashMap<>();
    private final Map<String, String> inFlight = new LinkedHashMap<>();
    private boolean usable = true;

    private GuestSession(StartedGuest guest, Setup setup) {
        this.vm = guest.vm();
        this.recorder = setup.recorder();
        this.name = setup.name();
        this.limits = setup.limits();
        this.received = setup.received();
        this.link = recorder == null ? new GuestLink(vm) : new GuestLink(vm, recorder);
        this.autopsy = new Autopsy(vm, name);
        Opening opening = new Opening(name, limits.boot(), link, autopsy);
        if (!guest.greeted()) {
            opening.read(setup.classPath());
            opening.greet();
        }
        this.classPath = opening.ship(setup.classPath(), guest.known());
        setup.files().forEach(file -> opening.place(file.host(), file.guest()));
    }

    /**
     * Waits for the agent of a guest that was just started and sends what it lacks of the class path. If that fails the guest is
     * closed.
     *
     * @throws GuestFailure if the agent does not come, or does not belong to this host
     */
    public static GuestSession open(StartedGuest guest, Setup setup) {
        try {
            return new GuestSession(guest, setup);
        } catch (RuntimeException | Error e) {
            end(guest.vm(), setup.recorder(), e);
            throw e;
        }
    }

    /** The guest. */
    public Vm vm() {
        return vm;
    }

    /** Whether another launch can be tried: the guest is there, and waits. */
    public boolean usable() {
        return usable && vm.end().isEmpty();
    }

    /**
     * Has tests found and run; returns when the guest's JUnit has told of the end of all.
     *
     * @param listener told of the plan and of everything that happens to its nodes, in order, on this thread
     * @throws GuestFailure if the guest ends or falls silent meanwhile, speaks of what it never announced, or its JUnit fails
     */
    public void launch(Request request, Consumer<GuestMessage> listener) throws InterruptedException {
        usable = false;
        names.clear();
        inFlight.clear();
        Map<String, String> properties = new LinkedHashMap<>(request.properties());
        properties.put("runinvm.technique", vm.technique().name());
        properties.put("runinvm.kernelRelease", vm.kernelRelease());
        try {
            link.send(new HostMessage.Launch(
                    classPath,
                    request.classes(),
                    request.ids(),
                    request.includeTags(),
                    request.excludeTags(),
                    request.execute(),
                    request.configuration(),
                    properties));
        } catch (GuestFailure e) {
            throw autopsy.ended("before the tests were started", e);
        }
        Deadline whole = Deadline.in(limits.launch());
        Deadline next = Deadline.in(limits.boot()).orSooner(whole);
        while (true) {
            GuestMessage message = receive(next.left(SLICE));
            if (message instanceof GuestMessage.RunEnded ended) {
                usable = true;
                requireOrderlyEnd(ended);
                return;
            }
            if (message != null) {
                handle(message, listener);
                if (message instanceof GuestMessage.Stored) {
                    next = Deadline.in(limits.boot()).orSooner(whole); // what was sent before is still on its way
                } else if (isProgress(message)) {
                    next = Deadline.in(limits.test()).orSooner(whole);
                }
            } else if (next.passed()) {
                throw silent(next, listener);
            }
        }
    }

    private @Nullable GuestMessage receive(Duration patience) throws InterruptedException {
        try {
            return link.receive(patience).orElse(null);
        } catch (GuestFailure e) {
            throw autopsy.ended(testsInFlight(), e);
        }
    }

    private static boolean isProgress(GuestMessage message) {
        return !(message instanceof GuestMessage.Output || message instanceof GuestMessage.Reported);
    }

    private void handle(GuestMessage message, Consumer<GuestMessage> listener) {
        if (message instanceof GuestMessage.Discovered m) {
            m.nodes().forEach(this::announced);
        } else if (message instanceof GuestMessage.Registered m) {
            announced(m.node());
        } else if (message instanceof GuestMessage.Started m) {
            inFlight.put(m.id(), known(m.id()));
        } else if (message instanceof GuestMessage.Finished m) {
            known(m.id());
            inFlight.remove(m.id());
        } else if (message instanceof GuestMessage.Skipped m) {
            known(m.id());
        } else if (message instanceof GuestMessage.FilePart m) {
            received.ifPresent(files -> files.take(m));
        } else if (message instanceof GuestMessage.Ask m) {
            link.send(new HostMessage.Answer(
                    m.number(), vm.counters(), vm.console().tail(CONSOLE_LINES)));
        } else if (message instanceof GuestMessage.Dying m) {
            autopsy.lastWords(m.why());
        } else if (message instanceof GuestMessage.Hello) {
            throw autopsy.failure("the guest greeted twice", null);
        }
        listener.accept(message);
    }

    private void announced(GuestMessage.Node node) {
        names.put(node.id(), node.test() ? node.displayName() + " " + node.id() : "");
    }

    private String known(String id) {
        String text = names.get(id);
        if (text == null) {
            throw autopsy.failure("the guest speaks of a node that it never announced: " + id, null);
        }
        return text;
    }

    private GuestFailure silent(Deadline deadline, Consumer<GuestMessage> listener) throws InterruptedException {
        String limit = String.format(Locale.ROOT, "%.1f s", deadline.allowed().toMillis() / 1000.0);
        return autopsy.timedOut("the next test's start or end", limit, testsInFlight(), dumpThreads(listener));
    }

    private List<String> testsInFlight() {
        return inFlight.values().stream().filter(text -> !text.isEmpty()).toList();
    }

    private @Nullable String dumpThreads(Consumer<GuestMessage> listener) throws InterruptedException {
        try {
            link.send(new HostMessage.DumpThreads());
            Deadline deadline = Deadline.exactly(DUMP_TIME);
            while (!deadline.passed()) {
                GuestMessage message = link.receive(deadline.left(SLICE)).orElse(null);
                if (message instanceof GuestMessage.ThreadDump dump) {
                    return dump.text();
                }
                if (message instanceof GuestMessage.Output) {
                    listener.accept(message);
                }
            }
        } catch (GuestFailure e) {
            return null;
        }
        return null;
    }

    private void requireOrderlyEnd(GuestMessage.RunEnded ended) {
        if (ended.problem() != null) {
            StringBuilder text = new StringBuilder(ended.problem());
            for (var thrown = ended.thrown(); thrown != null; thrown = thrown.cause()) {
                text.append(": ").append(thrown.text());
            }
            throw new GuestFailure(text.toString());
        }
    }

    /** Ends the guest; in order if it has nothing to do. */
    @Override
    public void close() {
        try {
            if (usable()) {
                link.send(new HostMessage.Bye());
                vm.awaitEnd(GOODBYE_TIME);
            }
        } catch (GuestFailure e) {
            // It has ended by itself; closing frees what it held.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            received.ifPresent(ReceivedFiles::close);
            end(vm, recorder, null);
        }
    }

    private static void end(Vm vm, @Nullable RunRecorder recorder, @Nullable Throwable why) {
        if (recorder == null) {
            vm.close();
            return;
        }
        recorder.ending(why);
        try {
            vm.close();
        } finally {
            recorder.ended();
        }
    }

    @Override
    public String toString() {
        return "guest of " + name + " (" + vm.technique() + ")";
    }
}
