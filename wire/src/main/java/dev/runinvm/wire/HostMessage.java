package dev.runinvm.wire;

import java.util.List;
import java.util.Map;

/** What the host says to the agent. */
public sealed interface HostMessage {

    /** What a piece of the class path is. */
    enum EntryKind {
        /** A file, put on the class path as it is. */
        JAR,
        /** A zip of a directory's content, unpacked and put on the class path as a directory. */
        DIRECTORY
    }

    /**
     * Where a guest has a disk with entries of the class path, if it has one: each is the only file of a directory that is called
     * by its hash. They count as put.
     */
    String CLASS_PATH_DISK = "/opt/runinvm/cp";

    /** Most bytes of one {@link Data}. */
    int MAX_DATA = 256 << 10;

    /** The type of {@link Launch} on the wire. */
    int LAUNCH = 20;

    /**
     * A piece of the class path follows in {@link Data} messages; the agent keeps it by its content's hash.
     *
     * @param hash SHA-256 of the content, 64 lower-case hexadecimal digits
     * @param name file name, for people
     * @param size bytes that follow
     */
    record Put(String hash, EntryKind kind, String name, long size) implements HostMessage {}

    /** The next bytes of what {@link Put} announced. */
    record Data(byte[] bytes) implements HostMessage {}

    /**
     * Runs tests.
     *
     * @param classPath hashes of what was put, in class path order
     * @param className the test class; all of it is run if {@code selected} is empty
     * @param selected unique ids, from the engine's segment on
     * @param configuration JUnit configuration parameters
     * @param properties system properties to set before
     */
    record Run(
            List<String> classPath,
            String className,
            List<String> selected,
            Map<String, String> configuration,
            Map<String, String> properties)
            implements HostMessage {}

    /**
     * Runs tests of several classes, of whatever engine, in one session of JUnit's launcher. There is no JUnit on the host:
     * listeners and filters of the class path are at work in the guest. Answered as {@link Run} is.
     *
     * @param classPath hashes of what was put, in class path order; if it is that of the run before, so is the class loader
     * @param classes names of classes that may hold tests
     * @param ids unique ids to run instead of whole classes
     * @param includeTags tag expressions, one of which a test must meet, if there are any
     * @param excludeTags tag expressions, none of which a test may meet
     * @param execute whether to run what was found; otherwise it is only told
     * @param configuration JUnit configuration parameters
     * @param properties system properties to set before
     */
    record Launch(
            List<String> classPath,
            List<String> classes,
            List<String> ids,
            List<String> includeTags,
            List<String> excludeTags,
            boolean execute,
            Map<String, String> configuration,
            Map<String, String> properties)
            implements HostMessage {}

    /**
     * What is put next goes to a path of the guest's, and is no part of the class path. What goes wrong is told when tests are to
     * run.
     *
     * @param path absolute
     * @param executable which of a directory's files are programs, by their paths in it; the empty path is a file by itself
     */
    record Place(String path, List<String> executable) implements HostMessage {}

    /** The type of {@link WarmUp} on the wire. */
    int WARM_UP = 30;
    /** The type of {@link Freeze} on the wire. */
    int FREEZE = 31;
    /** The type of {@link Thaw} on the wire. */
    int THAW = 32;

    /** Bytes of {@link Thaw#seed}. */
    int SEED_SIZE = 64;

    /**
     * Opens jars that later runs will have on their class path, and exercises JUnit from them, so that its classes are loaded
     * and compiled. Answered by {@link GuestMessage.Warmed}.
     *
     * @param classPath hashes of what was put, in class path order; jars only
     */
    record WarmUp(List<String> classPath) implements HostMessage {}

    /**
     * Prepares for being written down: the next message will be {@link Thaw}, here or in any number of other guests that come
     * from the snapshot. Answered by {@link GuestMessage.Frozen}, after which the guest is idle.
     *
     * @param clockSource the kernel's clock source to use meanwhile: one that stands still in a snapshot; empty for the
     *     current one
     */
    record Freeze(String clockSource) implements HostMessage {}

    /**
     * The guest goes on. Answered by {@link GuestMessage.Thawed}. May be said again if the answer has taken so long that the
     * time is not right.
     *
     * @param generation names this restore; no other has it
     * @param wallClockNanos nanoseconds since 1970-01-01T00:00Z, as of sending
     * @param seed {@link #SEED_SIZE} bytes for the kernel's random number generator
     */
    record Thaw(String generation, long wallClockNanos, byte[] seed) implements HostMessage {}

    /** Asks for the stacks of all threads; answered by {@link GuestMessage.ThreadDump}, during a run too. */
    record DumpThreads() implements HostMessage {}

    /**
     * What the host sees of the guest.
     *
     * @param number of the question, {@link GuestMessage.Ask}
     * @param counters the engine's counters by name
     * @param console the last lines of the guest's console
     */
    record Answer(int number, Map<String, Long> counters, List<String> console) implements HostMessage {}

    /** The agent is to end in order. */
    record Bye() implements HostMessage {}

    /** The message as bytes. */
    static byte[] encode(HostMessage message) {
        CborWriter out = new CborWriter().begin();
        if (message instanceof Put m) {
            out.number(1).text(m.hash).number(m.kind.ordinal()).text(m.name).number(m.size);
        } else if (message instanceof Data m) {
            out.number(2).bytes(m.bytes);
        } else if (message instanceof Run m) {
            out.number(3).texts(m.classPath).text(m.className).texts(m.selected);
            out.texts(m.configuration).texts(m.properties);
        } else if (message instanceof WarmUp m) {
            out.number(WARM_UP).texts(m.classPath);
        } else if (message instanceof Freeze m) {
            out.number(FREEZE).text(m.clockSource);
        } else if (message instanceof Thaw m) {
            out.number(THAW).text(m.generation).number(m.wallClockNanos).bytes(m.seed);
        } else if (message instanceof Launch m) {
            out.number(LAUNCH).texts(m.classPath).texts(m.classes).texts(m.ids);
            out.texts(m.includeTags).texts(m.excludeTags).number(m.execute ? 1 : 0);
            out.texts(m.configuration).texts(m.properties);
        } else if (message instanceof DumpThreads) {
            out.number(4);
        } else if (message instanceof Place m) {
            out.number(7).text(m.path).texts(m.executable);
        } else if (message instanceof Answer m) {
            out.number(6).number(m.number).begin();
            m.counters.forEach((name, value) -> out.text(name).number(value));
            out.end().texts(m.console);
        } else {
            out.number(5);
        }
        return out.end().finish();
    }

    /**
     * The message in these bytes.
     *
     * @throws ProtocolException if there is none
     */
    static HostMessage decode(byte[] bytes) {
        CborReader in = new CborReader("a message from the host", bytes);
        in.begin();
        int type = in.number(0, Integer.MAX_VALUE);
        HostMessage message = switch (type) {
            case 1 -> new Put(hash(in), in.oneOf(EntryKind.values()), in.text(), size(in));
            case 2 -> new Data(in.bytes());
            case 3 -> new Run(in.texts(), in.text(), in.texts(), in.textMap(), in.textMap());
            case 4 -> new DumpThreads();
            case 5 -> new Bye();
            case WARM_UP -> new WarmUp(in.texts());
            case FREEZE -> new Freeze(in.text());
            case THAW -> new Thaw(in.text(), in.number(), seed(in));
            case LAUNCH ->
                new Launch(
                        in.texts(),
                        in.texts(),
                        in.texts(),
                        in.texts(),
                        in.texts(),
                        in.number(0, 1) == 1,
                        in.textMap(),
                        in.textMap());
            case 6 -> new Answer(in.number(0, Integer.MAX_VALUE), in.numberMap(), in.texts());
            case 7 -> new Place(in.text(), in.texts());
            default -> throw in.broken("unknown type " + type, null);
        };
        in.end();
        in.finish();
        return message;
    }

    private static String hash(CborReader in) {
        String hash = in.text();
        if (!hash.matches("[0-9a-f]{64}")) {
            throw in.broken("'" + hash + "' is no SHA-256", null);
        }
        return hash;
    }

    private static byte[] seed(CborReader in) {
        byte[] seed = in.bytes();
        if (seed.length != SEED_SIZE) {
            throw in.broken("a seed of " + seed.length + " bytes", null);
        }
        return seed;
    }

    private static long size(CborReader in) {
        long size = in.number();
        if (size < 0) {
            throw in.broken("negative size " + size, null);
        }
        return size;
    }
}
