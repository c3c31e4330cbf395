package dev.runinvm.corpus;

import dev.runinvm.client.GuestSession;
import dev.runinvm.client.StartedGuest;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmException;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.Thrown;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** One side of the comparison: all classes of a library, one launch each, in one machine as long as it lives. */
final class Side {
    private static final GuestSession.Limits LIMITS =
            new GuestSession.Limits(Duration.ofMinutes(3), Duration.ofMinutes(5), Duration.ofMinutes(30));

    /** Bytes of RAM of a guest. */
    static final long MEMORY = 2L << 30;

    /** Starts a machine. */
    interface Starter {
        Vm start() throws IOException;
    }

    private final String name;
    private final Starter starter;
    private final Path documents;
    private final Map<String, String> outcomes = new TreeMap<>();
    private final Map<String, String> details = new HashMap<>();
    private final List<Vm> machines = new CopyOnWriteArrayList<>();
    private long nanos;
    private int tests;

    /** @param documents folder for what comes of its runs */
    Side(String name, Starter starter, Path documents) {
        this.name = name;
        this.documents = documents;
        this.starter = starter;
    }

    /** Runs all of a library. */
    void run(Library library) throws IOException, InterruptedException {
        GuestSession session = null;
        Thread atExit = new Thread(() -> machines.forEach(Vm::close), "corpus-clean-up");
        Runtime.getRuntime().addShutdownHook(atExit);
        try {
            int n = 0;
            for (String type : library.classes()) {
                if (session == null || !session.usable()) {
                    if (session != null) {
                        session.close();
                    }
                    Vm vm = starter.start();
                    machines.add(vm);
                    session = GuestSession.open(
                            StartedGuest.booting(vm),
                            new GuestSession.Setup(library.name(), LIMITS, library.classPath()));
                }
                launch(session, type);
                if (++n % 10 == 0 || n == library.classes().size()) {
                    System.out.printf(
                            "%s, %s: %d of %d classes, %.0f s%n",
                            library.name(), name, n, library.classes().size(), seconds());
                }
            }
        } finally {
            if (session != null) {
                session.close();
            }
            Runtime.getRuntime().removeShutdownHook(atExit);
        }
    }

    private void launch(GuestSession session, String type) throws InterruptedException {
        Map<String, String> properties =
                Map.of("user.timezone", "UTC", "user.language", "en", "user.country", "US", "java.io.tmpdir", "/tmp");
        GuestSession.Request request =
                new GuestSession.Request(List.of(type), List.of(), List.of(), List.of(), true, Map.of(), properties);
        long start = System.nanoTime();
        Map<String, GuestMessage.Node> nodes = new HashMap<>();
        try {
            session.launch(request, message -> accept(message, nodes));
        } catch (VmException e) {
            put("[class:" + type + "]", "ENDED", String.valueOf(e.getMessage()));
        }
        nanos += System.nanoTime() - start;
    }

    private void accept(GuestMessage message, Map<String, GuestMessage.Node> nodes) {
        if (message instanceof GuestMessage.Discovered m) {
            m.nodes().forEach(node -> nodes.put(node.id(), node));
            m.missing().forEach(text -> put(text, "UNLOADABLE", text));
        } else if (message instanceof GuestMessage.Registered m) {
            nodes.put(m.node().id(), m.node());
        } else if (message instanceof GuestMessage.Finished m) {
            GuestMessage.Node node = nodes.get(m.id());
            boolean test = node != null && node.test();
            if (test || m.outcome() != GuestMessage.Outcome.SUCCESSFUL) {
                tests += test ? 1 : 0;
                put(m.id(), m.outcome() + type(m.thrown()), detail(m.thrown()));
            }
        } else if (message instanceof GuestMessage.Skipped m) {
            put(m.id(), "SKIPPED", m.reason());
        }
    }

    private static String type(@Nullable Thrown thrown) {
        return thrown == null ? "" : " " + thrown.type();
    }

    private static String detail(@Nullable Thrown thrown) {
        if (thrown == null) {
            return "";
        }
        String text = thrown.text().lines().findFirst().orElse("");
        StackTraceElement at = thrown.stack().stream()
                .filter(f -> f.getClassName().contains("commons"))
                .findFirst()
                .orElse(null);
        return text.substring(0, Math.min(300, text.length())) + (at == null ? "" : " at " + at);
    }

    private void put(String id, String outcome, String detail) {
        outcomes.put(id, outcome);
        details.put(id, detail);
    }

    Map<String, String> outcomes() {
        return outcomes;
    }

    String detail(String id) {
        return details.getOrDefault(id, "");
    }

    double seconds() {
        return nanos / 1e9;
    }

    int tests() {
        return tests;
    }
}
