package dev.runinvm.client;

import dev.runinvm.engine.HostFacts;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Vm;
import dev.runinvm.report.BoundedText;
import dev.runinvm.report.PhaseNames;
import dev.runinvm.report.RunDocument;
import dev.runinvm.report.RunDocument.End;
import dev.runinvm.report.RunDocument.Fact;
import dev.runinvm.report.RunDocument.FileLink;
import dev.runinvm.report.RunDocument.Guest;
import dev.runinvm.report.RunDocument.Host;
import dev.runinvm.report.RunDocument.TestEntry;
import dev.runinvm.report.RunDocuments;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Listens to one run and leaves a document of it beside the console's log. Nothing that goes wrong here is a test's
 * business: it is logged, and the run goes on. Thread-safe.
 */
public final class RunRecorder implements GuestLink.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(RunRecorder.class);
    /** Characters of output and stack traces that a document holds. */
    private static final int TEXT_LIMIT = 8 << 20;
    /** Tests and containers that a document holds. */
    private static final int NODE_LIMIT = 20_000;
    /** How many documents this JVM has written, by folder and technique. */
    private static final Map<String, AtomicInteger> WRITTEN = new ConcurrentHashMap<>();

    private final About about;
    private final Instant startedAt = Instant.now().truncatedTo(ChronoUnit.MILLIS);
    private final long start = System.nanoTime();
    private final RunTimeline timeline = new RunTimeline();
    private final Map<String, RecordedNode> nodes = new LinkedHashMap<>();
    private final BoundedText output = new BoundedText(64 << 10);
    private final List<String> notes = new ArrayList<>();
    private Map<String, Long> counters = Map.of();
    private Map<String, Long> countersBefore = Map.of();
    private @Nullable Vm vm;
    private @Nullable String java;
    private @Nullable End end;
    private long consoleStart;
    private long greeted = Long.MAX_VALUE;
    private int textKept;
    private int nodesLeftOut;
    private boolean frozen;
    private boolean complete;
    private boolean written;

    /**
     * What is known of a run before it starts.
     *
     * @param name the test class, or class and method where a method has a guest of its own
     * @param className the test class
     * @param selected ids that are to run; empty if all are
     * @param memoryBytes the guest's RAM
     * @param folder where the document goes
     */
    public record About(
            Technique technique, String name, String className, List<String> selected, long memoryBytes, Path folder) {}

    /** A recorder whose clock starts now, when the guest is asked for. */
    public RunRecorder(About about) {
        this.about = about;
    }

    private long now() {
        return System.nanoTime() - start;
    }

    /**
     * There is a guest.
     *
     * @param waitedNanos how long it had to wait until there was a place for it
     */
    public synchronized void started(Vm guest, long waitedNanos) {
        guarded(() -> {
            vm = guest;
            consoleStart = now() - guest.console().nanosSinceStart().orElse(0);
            timeline.add(PhaseNames.WAIT, Math.min(waitedNanos, consoleStart));
            timeline.add(PhaseNames.IMAGE, consoleStart);
        });
    }

    /** There is a guest, which has run others before and keeps the log that it has. */
    public synchronized void continued(Vm guest) {
        guarded(() -> {
            vm = guest;
            greeted = 0; // nothing of its console's is of this run
            java = Runtime.version().toString();
            countersBefore = Map.copyOf(guest.counters());
            notes.add(
                    "The guest had run other classes before. Its counters are of the time since; the console's log, of all.");
        });
    }

    /** There is no guest. */
    public synchronized void notStarted(Throwable why) {
        end = new End(End.NOT_STARTED, firstLine(why));
        ended();
    }

    @Override
    public synchronized void sent(HostMessage message) {
        boolean launch = message instanceof HostMessage.Run || message instanceof HostMessage.Launch;
        if (launch && !timeline.has(PhaseNames.CLASS_PATH)) {
            timeline.add(PhaseNames.CLASS_PATH, now());
        }
        if (message instanceof HostMessage.Freeze) {
            frozen = true;
        }
    }

    @Override
    public synchronized void received(GuestMessage message) {
        guarded(() -> take(message));
    }

    private void take(GuestMessage message) {
        if (message instanceof GuestMessage.Hello m) {
            java = m.java();
            greeted = now();
            timeline.add(PhaseNames.JVM, greeted);
        } else if (message instanceof GuestMessage.Warmed) {
            timeline.add(PhaseNames.WARM_UP, now());
        } else if (message instanceof GuestMessage.Thawed) {
            thawed();
        } else if (message instanceof GuestMessage.Discovered m) {
            complete = false;
            timeline.add(PhaseNames.DISCOVERY, now());
            m.nodes().forEach(this::node);
        } else if (message instanceof GuestMessage.Registered m) {
            node(m.node());
        } else if (message instanceof GuestMessage.Started m) {
            started(nodes.get(m.id()));
        } else if (message instanceof GuestMessage.Finished m) {
            RecordedNode node = nodes.get(m.id());
            if (node != null) {
                textKept += node.finished(m);
            }
        } else if (message instanceof GuestMessage.Skipped m) {
            RecordedNode node = nodes.get(m.id());
            if (node != null) {
                node.skipped(m.reason());
            }
        } else if (message instanceof GuestMessage.Output m) {
            printed(m);
        } else if (message instanceof GuestMessage.RunEnded m) {
            timeline.add(PhaseNames.TESTS, now());
            complete = m.problem() == null;
        }
    }

    /** The guest goes on from a snapshot: one that it was restored from, or one that was made of it just now. */
    private void thawed() {
        timeline.add(frozen ? PhaseNames.SNAPSHOT : PhaseNames.RESTORE, now());
        frozen = false;
        if (java == null) {
            java = Runtime.version().toString(); // no guest of another JDK has the same snapshot
        }
        greeted = Math.min(greeted, now());
    }

    private void node(GuestMessage.Node node) {
        if (nodes.size() < NODE_LIMIT) {
            nodes.put(node.id(), new RecordedNode(node));
        } else {
            nodesLeftOut++;
        }
    }

    private void started(@Nullable RecordedNode node) {
        if (node == null) {
            return;
        }
        node.started();
        if (node.isTest() && !timeline.has(PhaseNames.FIRST_TEST)) {
            timeline.add(PhaseNames.FIRST_TEST, now());
        }
    }

    private void printed(GuestMessage.Output m) {
        RecordedNode node = m.id() == null ? null : nodes.get(m.id());
        if (node == null) {
            output.append(m.text());
        } else if (textKept < TEXT_LIMIT) {
            textKept += node.printed(m.stream(), m.text());
        } else if (textKept < Integer.MAX_VALUE) {
            textKept = Integer.MAX_VALUE;
            notes.add("The tests printed more than " + (TEXT_LIMIT >> 20)
                    + " MiB; what came after is in the build's own reports only.");
        }
    }

    /** The guest is about to be ended, if it has not ended by itself. */
    public synchronized void ending(@Nullable Throwable why) {
        guarded(() -> {
            Vm guest = vm;
            if (written || end != null || guest == null) {
                return;
            }
            Map<String, Long> since = new TreeMap<>(guest.counters());
            countersBefore.forEach((name, value) -> since.computeIfPresent(name, (n, now) -> now - value));
            counters = since;
            timeline.addConsole(guest.console().phases(), consoleStart, Math.min(greeted, now()));
            if (complete && why == null) {
                end = new End(End.FINISHED, "all tests had run");
            } else {
                end = guest.end()
                        .map(e -> new End(e.kind().name(), e.detail()))
                        .orElseGet(() ->
                                new End("KILLED", why == null ? "the guest was ended by the host" : firstLine(why)));
            }
        });
    }

    /** The guest has ended, and gives nothing more: the document is written. */
    public synchronized void ended() {
        if (written) {
            return;
        }
        written = true;
        guarded(() -> {
            Path directory = folder();
            String technique = about.technique().name();
            int number = WRITTEN.computeIfAbsent(directory + "\n" + technique, key -> new AtomicInteger())
                    .incrementAndGet();
            try {
                RunDocuments.write(document(technique), directory, number);
            } catch (IOException e) {
                LOG.warn(
                        "cannot leave a document of {} in {}, so reports lack it: {}",
                        about.name(),
                        directory,
                        e.toString());
            }
        });
    }

    private RunDocument document(String technique) {
        Vm guest = vm;
        long total = now();
        boolean ran = timeline.has(PhaseNames.TESTS);
        if (nodesLeftOut > 0) {
            notes.add(nodesLeftOut + " more tests and containers ran than a document holds.");
        }
        List<FileLink> files = guest == null
                ? List.of()
                : guest.console().log().stream()
                        .map(log -> new FileLink("console", relative(log)))
                        .toList();
        return new RunDocument(
                RunDocument.VERSION,
                UUID.randomUUID().toString(),
                technique,
                about.name(),
                about.className(),
                List.copyOf(about.selected()),
                startedAt.toString(),
                total,
                new Host(Facts.OF_HOST),
                new Guest(guest == null ? null : guest.kernelRelease(), java, about.memoryBytes()),
                timeline.phases(ran ? PhaseNames.END : PhaseNames.CUT, total),
                new TreeMap<>(counters),
                entries(),
                RecordedNode.output(output),
                end == null ? new End("KILLED", "the guest was ended by the host") : end,
                files,
                List.copyOf(notes));
    }

    private Path folder() {
        return about.folder().toAbsolutePath();
    }

    private String relative(Path log) {
        return folder().relativize(log.toAbsolutePath()).toString().replace('\\', '/');
    }

    private List<TestEntry> entries() {
        Map<String, TestEntry> entries = new LinkedHashMap<>();
        for (RecordedNode node : nodes.values()) {
            String parent = node.parent();
            entries.put(node.id(), node.entry(parent == null ? null : entries.get(parent)));
        }
        return List.copyOf(entries.values());
    }

    private static String firstLine(Throwable why) {
        return String.valueOf(why.getMessage()).lines().findFirst().orElse(why.toString());
    }

    private static void guarded(Runnable work) {
        try {
            work.run();
        } catch (RuntimeException e) {
            LOG.warn("a run's document lacks something, because the recorder failed", e);
        }
    }

    /** Probed when the first document needs them. */
    private static final class Facts {
        static final List<Fact> OF_HOST = probe();

        private static List<Fact> probe() {
            try {
                return HostFacts.probe().stream()
                        .map(f -> new Fact(f.name(), f.value(), f.verdict().name()))
                        .toList();
            } catch (RuntimeException e) {
                LOG.warn("the host's facts are not known to reports", e);
                return List.of();
            }
        }
    }
}
