package dev.runinvm.wire;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the agent says to the host. Ids are JUnit's unique ids, from the engine's segment on.
 */
public sealed interface GuestMessage {

    /** How a test or container ended, as in JUnit's TestExecutionResult. */
    enum Outcome {
        SUCCESSFUL,
        ABORTED,
        FAILED
    }

    /** Where output went. */
    enum Stream {
        OUT,
        ERR
    }

    /**
     * A node of the test plan.
     *
     * @param parent id of its parent, null for an engine
     * @param test whether it is a test
     * @param container whether it may have children
     * @param className the class it comes from, by its source; null if it has none such
     * @param methodName the method it comes from, likewise
     * @param reportName the name that reports for machines know it by (JUnit's legacy reporting name)
     */
    record Node(
            String id,
            @Nullable String parent,
            String displayName,
            boolean test,
            boolean container,
            @Nullable String className,
            @Nullable String methodName,
            String reportName) {
        /** A node without a source. */
        public Node(String id, @Nullable String parent, String displayName, boolean test, boolean container) {
            this(id, parent, displayName, test, container, null, null, displayName);
        }
    }

    /**
     * The first message: the agent is there.
     *
     * @param protocol {@link Frame#VERSION} of the agent
     * @param agent its version
     * @param java the JVM's full version
     * @param kernel the kernel's release
     */
    record Hello(int protocol, String agent, String java, String kernel) implements GuestMessage {}

    /** A piece of the class path has arrived whole. */
    record Stored(String hash) implements GuestMessage {}

    /** Part of a plan that is too long for one message; what is left comes in {@link Discovered}. */
    record Planned(List<Node> nodes) implements GuestMessage {}

    /**
     * The guest's JUnit has found the tests.
     *
     * @param platform version of the JUnit Platform that runs them
     * @param nodes the plan, parents before children, without what came in {@link Planned}
     * @param missing selected ids that it did not find
     */
    record Discovered(String platform, List<Node> nodes, List<String> missing) implements GuestMessage {}

    /** A node was added while running: an invocation of a template, a dynamic test. */
    record Registered(Node node) implements GuestMessage {}

    record Started(String id) implements GuestMessage {}

    /**
     * A node ended.
     *
     * @param nanos how long it took by the guest's clock
     */
    record Finished(String id, Outcome outcome, @Nullable Thrown thrown, long nanos) implements GuestMessage {}

    record Skipped(String id, String reason) implements GuestMessage {}

    /** A report entry that a test published. */
    record Reported(String id, Map<String, String> entries) implements GuestMessage {}

    /** Text printed; {@code id} is the node it belongs to, null if none runs. */
    record Output(@Nullable String id, Stream stream, String text) implements GuestMessage {}

    /** The run has ended and said all; {@code problem} is what stopped it, if JUnit itself failed. */
    record RunEnded(@Nullable String problem, @Nullable Thrown thrown) implements GuestMessage {}

    /** Answer to {@link HostMessage.DumpThreads}. */
    record ThreadDump(String text) implements GuestMessage {}

    /** The agent's JVM is ending although nobody told it to; {@code why} says as much as can be seen from inside. */
    record Dying(String why) implements GuestMessage {}

    /**
     * Bytes of a file that comes back; they follow each other, one file at a time.
     *
     * @param path relative, with forward slashes
     * @param last whether the file ends here
     */
    record FilePart(String path, byte[] bytes, boolean last) implements GuestMessage {
        /** Path of what JaCoCo's agent has recorded. */
        public static final String COVERAGE = "coverage/jacoco.exec";
    }

    /**
     * A test published a file or directory, which came before.
     *
     * @param path what came of it starts so
     * @param name that the test gave it
     * @param mediaType null for a directory
     */
    record Attached(
            String id, String path, String name, @Nullable String mediaType) implements GuestMessage {}

    /** Asks what the host sees of the guest; answered by {@link HostMessage.Answer}. */
    record Ask(int number) implements GuestMessage {}
    /** The types of the three below on the wire. */
    int WARMED = 30;

    int FROZEN = 31;
    int THAWED = 32;

    /** Answer to {@link HostMessage.WarmUp}; {@code problem} says what kept JUnit from being exercised, if anything did. */
    record Warmed(@Nullable String problem) implements GuestMessage {}

    /** Answer to {@link HostMessage.Freeze}. */
    record Frozen() implements GuestMessage {}

    /** Answer to {@link HostMessage.Thaw}; {@code problem} says which of its clock and random numbers are not fresh, if any. */
    record Thawed(@Nullable String problem) implements GuestMessage {}

    /** The message as bytes. */
    static byte[] encode(GuestMessage message) {
        CborWriter out = new CborWriter().begin();
        if (message instanceof Hello m) {
            out.number(1).number(m.protocol).text(m.agent).text(m.java).text(m.kernel);
        } else if (message instanceof Stored m) {
            out.number(2).text(m.hash);
        } else if (message instanceof Discovered m) {
            out.number(3).text(m.platform).list(m.nodes, GuestMessage::write).texts(m.missing);
        } else if (message instanceof Registered m) {
            write(out.number(4), m.node);
        } else if (message instanceof Started m) {
            out.number(5).text(m.id);
        } else if (message instanceof Finished m) {
            out.number(6).text(m.id).number(m.outcome.ordinal()).optional(m.thrown, Thrown::write);
            out.number(m.nanos);
        } else if (message instanceof Skipped m) {
            out.number(7).text(m.id).text(m.reason);
        } else if (message instanceof Reported m) {
            out.number(8).text(m.id).texts(m.entries);
        } else if (message instanceof Output m) {
            out.number(9).text(m.id).number(m.stream.ordinal()).text(m.text);
        } else if (message instanceof RunEnded m) {
            out.number(10).text(m.problem).optional(m.thrown, Thrown::write);
        } else if (message instanceof ThreadDump m) {
            out.number(11).text(m.text);
        } else if (message instanceof Dying m) {
            out.number(12).text(m.why);
        } else if (message instanceof FilePart m) {
            out.number(13).text(m.path).bytes(m.bytes).number(m.last ? 1 : 0);
        } else if (message instanceof Attached m) {
            out.number(14).text(m.id).text(m.path).text(m.name).text(m.mediaType);
        } else if (message instanceof Ask m) {
            out.number(15).number(m.number);
        } else if (message instanceof Planned m) {
            out.number(16).list(m.nodes, GuestMessage::write);
        } else if (message instanceof Warmed m) {
            out.number(WARMED).text(m.problem);
        } else if (message instanceof Frozen) {
            out.number(FROZEN);
        } else if (message instanceof Thawed m) {
            out.number(THAWED).text(m.problem);
        }
        return out.end().finish();
    }

    /**
     * The message in these bytes.
     *
     * @throws ProtocolException if there is none
     */
    static GuestMessage decode(byte[] bytes) {
        CborReader in = new CborReader("a message from the guest", bytes);
        in.begin();
        int type = in.number(0, Integer.MAX_VALUE);
        GuestMessage message = switch (type) {
            case 1 -> new Hello(in.number(0, 255), in.text(), in.text(), in.text());
            case 2 -> new Stored(in.text());
            case 3 -> new Discovered(in.text(), in.list(GuestMessage::node), in.texts());
            case 4 -> new Registered(node(in));
            case 5 -> new Started(in.text());
            case 6 -> new Finished(in.text(), in.oneOf(Outcome.values()), in.optional(Thrown::read), in.number());
            case 7 -> new Skipped(in.text(), in.text());
            case 8 -> new Reported(in.text(), in.textMap());
            case 9 -> new Output(in.textOrNull(), in.oneOf(Stream.values()), in.text());
            case 10 -> new RunEnded(in.textOrNull(), in.optional(Thrown::read));
            case 11 -> new ThreadDump(in.text());
            case 12 -> new Dying(in.text());
            case 13 -> new FilePart(in.text(), in.bytes(), in.number(0, 1) == 1);
            case 14 -> new Attached(in.text(), in.text(), in.text(), in.textOrNull());
            case 15 -> new Ask(in.number(0, Integer.MAX_VALUE));
            case 16 -> new Planned(in.list(GuestMessage::node));
            case WARMED -> new Warmed(in.textOrNull());
            case FROZEN -> new Frozen();
            case THAWED -> new Thawed(in.textOrNull());
            default -> throw in.broken("unknown type " + type, null);
        };
        in.end();
        in.finish();
        return message;
    }

    private static void write(CborWriter out, Node n) {
        out.begin().text(n.id).text(n.parent).text(n.displayName);
        out.number((n.test ? 1 : 0) | (n.container ? 2 : 0));
        out.text(n.className).text(n.methodName).text(n.reportName).end();
    }

    private static Node node(CborReader in) {
        in.begin();
        String id = in.text();
        String parent = in.textOrNull();
        String name = in.text();
        int flags = in.number(0, 3);
        String className = in.textOrNull();
        String methodName = in.textOrNull();
        String reportName = in.text();
        in.end();
        return new Node(id, parent, name, (flags & 1) != 0, (flags & 2) != 0, className, methodName, reportName);
    }
}
