package dev.runinvm.agent;

import dev.runinvm.agent.spi.HostLine;
import dev.runinvm.agent.spi.RunEvents;
import dev.runinvm.agent.spi.TestRunner;
import dev.runinvm.wire.Frame;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import dev.runinvm.wire.ProtocolException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TimeZone;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Carries out the host's commands, one after the other. */
final class Agent {
    /** Set in every guest: the directory whose content goes to the host. */
    static final String OUTBOX_PROPERTY = "runinvm.files";

    private static final String BRIDGE = "dev.runinvm.agent.bridge.LauncherBridge";

    private final Link link;
    private final ClassPathStore store;
    private final Attribution attribution = new Attribution();
    private final Hibernation hibernation;
    private @Nullable TestLoader warmLoader;
    private final Capture out;
    private final Capture err;
    private final Questions questions;
    private final FileSender sender;
    /** What tests write here goes to the host when they have ended. */
    private final Path outbox;

    private List<String> lastClassPath = List.of();
    private @Nullable TestLoader lastLoader;
    /** Where what is put next goes, if it is no part of the class path. */
    private HostMessage.@Nullable Place nextPlace;
    /** Why the first of the things that are not there is not. */
    private @Nullable String missing;

    private volatile boolean saidGoodbye;

    Agent(ByteBuffer window, Doorbell doorbell, Path directory, Path disk) {
        link = new Link(window, doorbell);
        store = new ClassPathStore(directory, disk);
        outbox = directory.resolveSibling("files");
        questions = new Questions(this, link);
        sender = new FileSender(link::send);
        hibernation = new Hibernation(link);
        out = new Capture(GuestMessage.Stream.OUT, attribution, link::send);
        err = new Capture(GuestMessage.Stream.ERR, attribution, link::send);
    }

    /** Puts the captured streams in the place of System.out and System.err. */
    void capture() {
        System.setOut(out.printStream());
        System.setErr(err.printStream());
    }

    /** Says why this JVM ends when nobody told it to, as well as can be seen from inside. */
    Thread lastWords() {
        return new Thread(
                () -> {
                    if (!saidGoodbye) {
                        drain();
                        link.send(new GuestMessage.Dying(LastWords.why(Thread.getAllStackTraces())));
                        link.flush();
                    }
                },
                "runinvm-last-words");
    }

    /** Serves until the host says goodbye. */
    void serve() throws IOException {
        link.send(new GuestMessage.Hello(
                Frame.VERSION, version(), Runtime.version().toString(), kernel()));
        link.flush();
        while (true) {
            HostMessage message = link.receive();
            if (message instanceof HostMessage.Put put) {
                take(put);
            } else if (message instanceof HostMessage.Run run) {
                run(
                        run.classPath(),
                        run.properties(),
                        (runner, events) -> runner.run(run.className(), run.selected(), run.configuration(), events));
            } else if (message instanceof HostMessage.Launch m) {
                TestRunner.Request request = new TestRunner.Request(
                        m.classes(), m.ids(), m.includeTags(), m.excludeTags(), m.execute(), m.configuration());
                run(m.classPath(), m.properties(), (runner, events) -> runner.launch(request, events));
            } else if (message instanceof HostMessage.Place place) {
                nextPlace = place;
            } else if (message instanceof HostMessage.WarmUp m) {
                link.send(
                        missing != null
                                ? new GuestMessage.RunEnded(missing, null)
                                : new GuestMessage.Warmed(warmUp(store.resolve(m.classPath()))));
                link.flush();
            } else if (message instanceof HostMessage.Freeze m) {
                hibernation.freeze(m.clockSource());
            } else if (message instanceof HostMessage.Thaw m) {
                hibernation.again(m);
            } else if (message instanceof HostMessage.DumpThreads) {
                dumpThreads();
            } else if (message instanceof HostMessage.Answer answer) {
                questions.answered(answer);
            } else if (message instanceof HostMessage.Bye) {
                saidGoodbye = true;
                link.goodbye();
                return;
            } else {
                throw new ProtocolException("bytes of a class path entry that was not announced");
            }
        }
    }

    /** What cannot be kept is told when tests are to run: until then the host only sends. */
    private void take(HostMessage.Put put) {
        HostMessage.Place place = nextPlace;
        nextPlace = null;
        Arrival arrival = new Arrival(put, link::receive);
        try {
            Room.require(put.name(), put.size());
            if (place == null) {
                store.receive(put, arrival);
            } else {
                FilePlacer.place(place, put.kind(), arrival);
            }
        } catch (IOException | InvalidPathException e) {
            if (missing == null) {
                missing = place == null
                        ? notKept(put, e)
                        : "cannot place " + put.name() + " of the host's at " + place.path() + ": " + notKept(put, e);
            }
        }
        arrival.finish();
        link.send(new GuestMessage.Stored(put.hash()));
        link.flush();
    }

    private static String notKept(HostMessage.Put put, Exception e) {
        Exception why = e instanceof IOException io ? Room.explain(put.name(), put.size(), io) : e;
        return why.getClass() == IOException.class ? String.valueOf(why.getMessage()) : why.toString();
    }

    private interface Work {
        void with(TestRunner runner, RunEvents events);
    }

    private void run(List<String> classPath, Map<String, String> properties, Work work) {
        GuestMessage.RunEnded ended;
        Watch watch = new Watch(this);
        try {
            ended = execute(classPath, properties, work);
        } finally {
            watch.close();
        }
        drain();
        attribution.clear();
        link.send(sendOutbox(ended));
        link.flush();
    }

    private GuestMessage.RunEnded sendOutbox(GuestMessage.RunEnded ended) {
        try {
            if (Files.isDirectory(outbox)) {
                sender.send(outbox, "files");
                FileSender.empty(outbox); // what comes next here is another run's
            }
            sender.send(Coverage.take(), GuestMessage.FilePart.COVERAGE);
            return ended;
        } catch (IOException | UncheckedIOException e) {
            return ended.problem() != null
                    ? ended
                    : new GuestMessage.RunEnded(
                            "what tests wrote to " + outbox + ", or what they covered, cannot be read",
                            ThrownMaker.make(e));
        }
    }

    /** Sends what a test has published. */
    void attach(String id, Path file, @Nullable String mediaType) throws IOException {
        sender.attach(id, file, mediaType);
        link.flush();
    }

    private GuestMessage.RunEnded execute(List<String> classPath, Map<String, String> properties, Work work) {
        try {
            if (missing != null) {
                return new GuestMessage.RunEnded(missing, null);
            }
            TestLoader loader = lastLoader != null && classPath.equals(lastClassPath)
                    ? lastLoader
                    : loader(store.resolve(classPath));
            lastLoader = loader;
            lastClassPath = classPath;
            perform(loader, properties, work, new Reporter(link::send, link::flush, attribution, this));
            return new GuestMessage.RunEnded(null, null);
        } catch (Throwable t) {
            return new GuestMessage.RunEnded("JUnit could not run the tests in the guest", ThrownMaker.make(t));
        }
    }

    private void perform(TestLoader loader, Map<String, String> properties, Work work, RunEvents events)
            throws IOException, ReflectiveOperationException {
        properties.forEach(System::setProperty);
        System.setProperty(OUTBOX_PROPERTY, outbox.toString());
        HostLine.open(questions::ask);
        applyDefaults(properties);
        Files.createDirectories(outbox);
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try {
            thread.setContextClassLoader(loader);
            TestRunner runner = (TestRunner)
                    Class.forName(BRIDGE, true, loader).getConstructor().newInstance();
            work.with(runner, events);
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    /** Opens jars in the tests' class loader, and exercises the JUnit in them; gives what went wrong, if anything did. */
    private @Nullable String warmUp(List<Path> jars) throws IOException {
        TestLoader loader = unused();
        loader.warm(jars);
        warmLoader = loader;
        try {
            rehearse(loader, jars);
            return null;
        } catch (Exception | LinkageError e) {
            return "JUnit could not be exercised: " + e;
        } finally {
            loader.lend(null);
            attribution.clear();
        }
    }

    private void rehearse(TestLoader loader, List<Path> jars) throws IOException, ReflectiveOperationException {
        byte[] directory = Rehearsal.directory();
        HostMessage.Put put = Rehearsal.announcement(directory);
        Path root = store.receive(put, new Arrival(put, () -> new HostMessage.Data(directory)));
        try {
            List<Path> entries = new ArrayList<>(List.of(root));
            entries.addAll(jars);
            loader.lend(entries);
            // What they are already; but the JDK has much to read before it can be told.
            Map<String, String> properties = Map.of(
                    "user.timezone", TimeZone.getDefault().getID(),
                    "user.language", Locale.getDefault().getLanguage(),
                    "user.country", Locale.getDefault().getCountry());
            Rehearsal.run(messages -> rehearse(loader, properties, messages));
        } finally {
            store.remove(put);
        }
    }

    private void rehearse(TestLoader loader, Map<String, String> properties, Consumer<GuestMessage> messages)
            throws IOException, ReflectiveOperationException {
        Watch watch = new Watch(this);
        try {
            perform(
                    loader,
                    properties,
                    (runner, events) -> runner.run(Rehearsal.TESTS, List.of(), Map.of(), events),
                    new Reporter(messages, () -> {}, attribution, this));
        } finally {
            watch.close();
        }
    }

    private static TestLoader unused() {
        return ClassLoader.getSystemClassLoader() instanceof TestLoader system && system.isEmpty()
                ? system
                : new TestLoader(Agent.class.getClassLoader());
    }

    private TestLoader loader(List<Path> entries) throws IOException {
        TestLoader loader = warmLoader;
        if (loader == null || !loader.adopt(entries, store::classesIn)) {
            loader = unused();
            loader.add(entries);
        }
        System.setProperty(
                "java.class.path", entries.stream().map(Path::toString).collect(Collectors.joining(":")));
        return loader;
    }

    /** The JVM has read these properties long ago. */
    private static void applyDefaults(Map<String, String> properties) {
        String zone = properties.get("user.timezone");
        if (zone != null && !zone.isBlank()) {
            TimeZone.setDefault(TimeZone.getTimeZone(zone));
        }
        String language = properties.get("user.language");
        if (language != null) {
            Locale.setDefault(new Locale.Builder()
                    .setLanguage(language)
                    .setRegion(properties.getOrDefault("user.country", ""))
                    .build());
        }
    }

    /** Sends all output printed so far. */
    void drain() {
        out.drain();
        err.drain();
    }

    /** What is done besides while tests run: takes commands, passes on half lines. */
    void attend() {
        drain();
        link.flush();
        HostMessage message = link.poll();
        if (message instanceof HostMessage.DumpThreads) {
            dumpThreads();
        } else if (message instanceof HostMessage.Answer answer) {
            questions.answered(answer);
        } else if (message != null) {
            throw new ProtocolException(message.getClass().getSimpleName() + " while tests run");
        }
    }

    private void dumpThreads() {
        link.send(new GuestMessage.ThreadDump(LastWords.dump(Thread.getAllStackTraces())));
        link.flush();
    }

    static String kernel() {
        String release = firstLine(Path.of("/proc/sys/kernel/osrelease"));
        return release == null ? System.getProperty("os.version") : release;
    }

    private static String version() {
        String version = Agent.class.getPackage().getImplementationVersion();
        return version == null ? "unknown" : version;
    }

    private static @Nullable String firstLine(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            return null;
        }
    }
}
