package dev.runinvm.maven.results;

import dev.runinvm.maven.results.Attempt.Outcome;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.GuestMessage.Node;
import dev.runinvm.wire.Thrown;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Makes results of what a guest says during one launch. Fails closed: what was found and has not ended when the launch has
 * is an error.
 */
public final class Recorder {
    private final Results results;
    private final Console console;
    private final BiConsumer<GuestMessage.Stream, String> echo;
    private final Map<String, Node> nodes = new LinkedHashMap<>();
    private final Map<String, TestOutput> outputs = new HashMap<>();
    private final Map<String, List<Console.NamedAttempt>> done = new HashMap<>();
    private final Map<String, TestOutput> lastOutput = new HashMap<>();
    private final Map<String, Node> nextTest = new HashMap<>();
    private final Set<String> started = new HashSet<>();
    private final Set<String> ended = new HashSet<>();
    /** Ended in a way that explains why nothing below has run. */
    private final Set<String> excused = new HashSet<>();

    private final Set<String> startedClasses = new HashSet<>();
    private final List<String> problems = new ArrayList<>();
    private boolean discovered;

    /**
     * Records into these results.
     *
     * @param echo given what tests print
     */
    public Recorder(Results results, Console console, BiConsumer<GuestMessage.Stream, String> echo) {
        this.results = results;
        this.console = console;
        this.echo = echo;
    }

    /** Takes one message. */
    public void accept(GuestMessage message) {
        if (message instanceof GuestMessage.Discovered m) {
            discovered = true;
            m.nodes().forEach(node -> nodes.put(node.id(), node));
            problems.addAll(m.missing());
        } else if (message instanceof GuestMessage.Registered m) {
            nodes.put(m.node().id(), m.node());
        } else if (message instanceof GuestMessage.Started m) {
            started(node(m.id()));
        } else if (message instanceof GuestMessage.Finished m) {
            finished(node(m.id()), m);
        } else if (message instanceof GuestMessage.Skipped m) {
            skipped(node(m.id()), m.reason());
        } else if (message instanceof GuestMessage.Output m) {
            echo.accept(m.stream(), m.text());
            printed(m.id(), m.stream(), m.text());
        } else if (message instanceof GuestMessage.Reported m) {
            StringBuilder text = new StringBuilder();
            m.entries()
                    .forEach((key, value) ->
                            text.append(key).append(" = ").append(value).append('\n'));
            printed(m.id(), GuestMessage.Stream.OUT, text.toString());
        }
    }

    /** The plan. */
    public List<Node> nodes() {
        return new ArrayList<>(nodes.values());
    }

    /** Whether the guest has told its plan. */
    public boolean discovered() {
        return discovered;
    }

    /** What JUnit could not find or load, in its words. */
    public List<String> problems() {
        return problems;
    }

    /** Whether something of a class, or of one nested in it, has been started or was skipped. */
    public boolean hasBegun(String className) {
        return startedClasses.stream().anyMatch(name -> within(name, className));
    }

    /** Whether the plan has anything of a class, or of one nested in it. */
    public boolean hasTestsOf(String className) {
        return nodes.values().stream()
                .anyMatch(node -> node.className() != null && within(node.className(), className));
    }

    private static boolean within(String className, String outer) {
        return className.equals(outer) || className.startsWith(outer + "$");
    }

    private Node node(String id) {
        Node node = nodes.get(id);
        return node == null ? new Node(id, null, id, false, true) : node;
    }

    private @Nullable Node parent(Node node) {
        return node.parent() == null ? null : nodes.get(node.parent());
    }

    /** The class that a node counts to: its own, or that of the nearest node above it. */
    public String className(Node node) {
        Node top = node;
        for (Node n = node; n != null; n = parent(n)) {
            if (n.className() != null) {
                return n.className();
            }
            top = n.parent() == null ? top : n;
        }
        return top.reportName();
    }

    /** Whether a container is the one whose end is its class's end. */
    private boolean isClass(Node node) {
        if (node.test() || node.parent() == null) {
            return false;
        }
        Node above = parent(node);
        return above == null || above.parent() == null || !className(above).equals(className(node));
    }

    private static String testName(Node node) {
        String name = node.reportName();
        String method = node.methodName();
        return method != null && name.startsWith(method + "()") ? method + name.substring(method.length() + 2) : name;
    }

    private void started(Node node) {
        started.add(node.id());
        if (isClass(node)) {
            startedClasses.add(className(node));
            console.running(className(node));
        }
    }

    private void finished(Node node, GuestMessage.Finished m) {
        ended.add(node.id());
        String type = className(node);
        if (node.test()) {
            record(node, testName(node), attempt(type, m, output(node)));
        } else if (m.outcome() == GuestMessage.Outcome.FAILED) {
            excused.add(node.id());
            record(node, containerName(node), attempt(type, m, output(node)));
        } else if (m.outcome() == GuestMessage.Outcome.ABORTED) {
            excused.add(node.id());
            skipBelow(node, message(m.thrown()));
        } else if (wasError(node)) {
            record(node, containerName(node), attempt(type, m, output(node)));
        }
        if (isClass(node)) {
            classEnded(type, m.nanos());
        }
    }

    /** A class that failed as a whole at first, and now did not. */
    private boolean wasError(Node node) {
        return results.result(className(node), node.id()) != null;
    }

    private static String containerName(Node node) {
        return node.methodName() != null || node.className() == null ? testName(node) : node.className();
    }

    private Attempt attempt(String type, GuestMessage.Finished m, TestOutput output) {
        Thrown thrown = m.thrown();
        return switch (m.outcome()) {
            case SUCCESSFUL -> new Attempt(Outcome.PASSED, m.nanos(), null, null, output);
            case ABORTED -> new Attempt(Outcome.SKIPPED, m.nanos(), null, message(thrown), output);
            case FAILED ->
                thrown == null
                        ? new Attempt(
                                Outcome.ERROR,
                                m.nanos(),
                                new Problem("unknown", null, "failed without a reason", 0),
                                null,
                                output)
                        : new Attempt(
                                StackTraces.isAssertion(thrown) ? Outcome.FAILURE : Outcome.ERROR,
                                m.nanos(),
                                StackTraces.problem(thrown, type, results.trimStackTrace()),
                                null,
                                output);
        };
    }

    private static @Nullable String message(@Nullable Thrown thrown) {
        return thrown == null ? null : thrown.message();
    }

    private void skipped(Node node, String reason) {
        ended.add(node.id());
        excused.add(node.id());
        String type = className(node);
        if (isClass(node)) {
            startedClasses.add(type);
            console.running(type);
        }
        skipBelow(node, reason);
        if (isClass(node)) {
            classEnded(type, 0);
        }
    }

    /** Counts every test known to be below that has not ended; where none is known, the container. */
    private void skipBelow(Node node, @Nullable String reason) {
        boolean any = false;
        for (Node below : nodes.values()) {
            if (below.test() && isBelow(below, node) && (below.equals(node) || ended.add(below.id()))) {
                any = true;
                record(below, testName(below), new Attempt(Outcome.SKIPPED, 0, null, reason, output(below)));
            }
        }
        if (!any) {
            record(node, containerName(node), new Attempt(Outcome.SKIPPED, 0, null, reason, output(node)));
        }
    }

    private boolean isBelow(Node node, Node above) {
        for (Node n = node; n != null; n = parent(n)) {
            if (n.id().equals(above.id())) {
                return true;
            }
        }
        return false;
    }

    private void record(Node node, String name, Attempt attempt) {
        String type = className(node);
        results.add(type, node.id(), name, attempt);
        done.computeIfAbsent(type, key -> new ArrayList<>()).add(new Console.NamedAttempt(name, attempt));
    }

    private void classEnded(String className, long nanos) {
        List<Console.NamedAttempt> attempts = Objects.requireNonNullElse(done.remove(className), List.of());
        if (!attempts.isEmpty()) {
            results.took(className, nanos);
            console.finished(className + results.suffix(), attempts, nanos);
        }
    }

    private TestOutput output(Node node) {
        TestOutput output = outputs.computeIfAbsent(node.id(), id -> results.newOutput());
        outputs.remove(node.id());
        lastOutput.put(className(node), output);
        return output;
    }

    /** What a class prints around its tests belongs, in a report that knows of tests only, to the next of them, or the last. */
    private void printed(@Nullable String id, GuestMessage.Stream stream, String text) {
        Node node = id == null ? null : nodes.get(id);
        if (node == null) {
            return;
        }
        TestOutput output;
        if (node.test()) {
            output = outputs.computeIfAbsent(node.id(), key -> results.newOutput());
        } else {
            String type = className(node);
            Node test = nextTest(type);
            TestOutput last = lastOutput.get(type);
            output = test == null && last != null
                    ? last
                    : outputs.computeIfAbsent((test == null ? node : test).id(), key -> results.newOutput());
        }
        (stream == GuestMessage.Stream.OUT ? output.out() : output.err()).append(text);
    }

    private @Nullable Node nextTest(String className) {
        Node known = nextTest.get(className);
        if (known != null && !ended.contains(known.id())) {
            return known;
        }
        for (Node node : nodes.values()) {
            if (node.test() && !ended.contains(node.id()) && className(node).equals(className)) {
                nextTest.put(className, node);
                return node;
            }
        }
        return null;
    }

    /** The launch has ended in order; what of its plan has no end, and nothing above it says why, is an error. */
    public void complete() {
        settle("the guest's run ended without a word on it", null);
    }

    /** The guest ended, or was ended, before the launch did: tests that were running, and those of classes begun, are errors. */
    public void cutOff(RuntimeException why) {
        settle("it did not run: its guest had ended before", why);
    }

    private void settle(String what, @Nullable RuntimeException why) {
        Set<String> parents = new HashSet<>();
        nodes.values().forEach(node -> parents.add(String.valueOf(node.parent())));
        for (Node node : new ArrayList<>(nodes.values())) {
            // A template or factory that has started and has no invocation is one that was cut off.
            boolean leaf = node.test() || node.methodName() != null && !parents.contains(node.id());
            boolean due = why == null || started.contains(node.id()) || hasBegun(outermost(node));
            if (!leaf || ended.contains(node.id()) || isExcused(node) || !due) {
                continue;
            }
            RuntimeException reason = why != null && started.contains(node.id())
                    ? why
                    : new IllegalStateException(why == null ? what : what + ". " + why.getMessage());
            String name = node.test() ? testName(node) : containerName(node);
            Problem problem = new Problem(
                    reason.getClass().getName(),
                    reason.getMessage(),
                    reason.getClass().getName() + ": " + reason.getMessage(),
                    0);
            record(node, name, new Attempt(Outcome.ERROR, 0, problem, null, output(node)));
        }
        List.copyOf(done.keySet()).forEach(type -> classEnded(type, 0));
    }

    private String outermost(Node node) {
        String type = className(node);
        int nested = type.indexOf('$');
        return nested < 0 ? type : type.substring(0, nested);
    }

    private boolean isExcused(Node node) {
        for (Node n = node; n != null; n = parent(n)) {
            if (excused.contains(n.id())) {
                return true;
            }
        }
        return false;
    }
}
