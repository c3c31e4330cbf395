package dev.runinvm.client;

import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.wire.Frame;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** What comes before a guest can run tests: its agent's greeting, and the class path sent to it. */
public final class Opening {
    private static final Duration SLICE = Duration.ofSeconds(1);

    private final String name;
    private final Duration bootTimeout;
    private final GuestLink link;
    private final Autopsy autopsy;
    private final List<String> sent = new ArrayList<>();

    /**
     * For one guest.
     *
     * @param name what it runs, for people
     * @param bootTimeout from its start to its agent's first word
     */
    public Opening(String name, Duration bootTimeout, GuestLink link, Autopsy autopsy) {
        this.name = name;
        this.bootTimeout = bootTimeout;
        this.link = link;
        this.autopsy = autopsy;
    }

    /** Reads the class path, so that this is done while the guest boots. */
    public void read(List<Path> classPath) {
        classPath.forEach(ClassPath::entry);
    }

    /** Waits for the agent's first word, and fails if agent or JVM are not those that belong to this host. */
    public void greet() {
        GuestMessage.Hello hello = hello();
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
    }

    private GuestMessage.Hello hello() {
        Deadline deadline = Deadline.in(bootTimeout);
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
            throw new GuestFailure("interrupted while the guest of " + name + " was booting", e);
        } catch (GuestFailure e) {
            throw autopsy.ended("before its agent had said a word", e);
        }
        throw autopsy.failure(
                "the guest's agent has not said a word within "
                        + deadline.allowed().toSeconds() + " s of its start (bootTimeout)",
                null);
    }

    /** As {@link #ship(List, Set)} to a guest that has nothing yet. */
    public List<String> ship(List<Path> paths) {
        return ship(paths, Set.of());
    }

    /**
     * Sends what the guest lacks of the class path; gives its entries' hashes, in its order.
     *
     * @param known hashes of what it has
     */
    public List<String> ship(List<Path> paths, Set<String> known) {
        List<String> hashes = new ArrayList<>();
        try {
            for (Path path : paths) {
                ClassPath.Entry entry = ClassPath.entry(path);
                if (!hashes.contains(entry.hash())) {
                    if (!known.contains(entry.hash())) {
                        put(entry);
                    }
                    hashes.add(entry.hash());
                }
            }
        } catch (IOException e) {
            throw new HostLacks("cannot read the class path to ship it to the guest: " + e, e);
        } catch (GuestFailure e) {
            throw autopsy.ended("while the class path was sent to it", e);
        }
        return hashes;
    }

    /**
     * Sends a file, or all of a directory, and has it copied to a path of the guest's.
     *
     * @param guest absolute
     */
    public void place(Path host, String guest) {
        try {
            ClassPath.Entry entry = ClassPath.entry(host);
            link.send(new HostMessage.Place(guest, programs(host)));
            put(entry);
        } catch (IOException e) {
            throw new HostLacks("cannot read " + host + " to send it to the guest: " + e, e);
        } catch (GuestFailure e) {
            throw autopsy.ended("while " + host + " was sent to it", e);
        }
    }

    private void put(ClassPath.Entry entry) throws IOException {
        link.put(entry);
        sent.add(entry.name());
    }

    /** Names of all that was sent, in order; for each the guest says {@link GuestMessage.Stored} when it has it. */
    public List<String> sent() {
        return List.copyOf(sent);
    }

    /** Files that may be executed, by their paths in a directory; the empty path is a file by itself. */
    private static List<String> programs(Path host) throws IOException {
        try (Stream<Path> all = Files.walk(host)) {
            return all.filter(file -> Files.isRegularFile(file) && Files.isExecutable(file))
                    .map(file -> host.relativize(file).toString())
                    .toList();
        }
    }
}
