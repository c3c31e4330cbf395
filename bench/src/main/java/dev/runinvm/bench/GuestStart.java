package dev.runinvm.bench;

import dev.runinvm.client.AgentJar;
import dev.runinvm.client.Autopsy;
import dev.runinvm.client.ClassPath;
import dev.runinvm.client.Deadline;
import dev.runinvm.client.GuestLink;
import dev.runinvm.client.Opening;
import dev.runinvm.client.StartedGuest;
import dev.runinvm.client.WarmGuests;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One guest from its start to the first test result, and further if wanted: in this JVM, as the test
 * classes of a build start theirs one after the other, with the class path that this JVM has.
 */
final class GuestStart implements AutoCloseable {
    /** The agent waits: it has greeted, or gone on from the snapshot. */
    static final String AGENT = "agent";
    /** All that the guest lacks of the class path has been handed over. */
    static final String SENT = "class path sent";
    /** The guest has it. */
    static final String STORED = "class path stored";
    /** The guest's JUnit has found the tests. */
    static final String FOUND = "tests found";

    /** In order of time, {@link Run#FIRST_RESULT} last. */
    static final List<String> PHASES = List.of(AGENT, SENT, STORED, FOUND, Run.FIRST_RESULT);

    private static final Duration SLICE = Duration.ofSeconds(1);
    private static final String NAME = "a guest of the bench";

    private final List<Path> classPath;
    private final Duration deadline;
    private final long start = System.nanoTime();
    private final Map<String, Long> micros = new LinkedHashMap<>();
    private final Map<String, Map<String, Long>> counters = new LinkedHashMap<>();
    private final StartedGuest guest;
    private final Vm vm;

    private GuestStart(Technique technique, boolean restored, long memoryBytes, String tests, Duration deadline)
            throws InterruptedException {
        this.deadline = deadline;
        this.classPath = classPath();
        VmConfig config = config(technique, memoryBytes);
        guest = restored
                ? WarmGuests.start(config, NAME, classPath, deadline, new GuestLink.Listener() {})
                : StartedGuest.booting(Techniques.start(config));
        vm = guest.vm();
        Autopsy autopsy = new Autopsy(vm, NAME);
        boolean done = false;
        try {
            if (restored && !vm.console().phases().containsKey("restored")) {
                throw new GuestFailure("it booted, though there was a snapshot; the log says why");
            }
            run(tests, autopsy);
            done = true;
        } catch (GuestFailure e) {
            throw autopsy.ended("after it had reached " + micros.keySet(), e);
        } finally {
            if (!done) {
                vm.close();
            }
        }
    }

    /** What guests from snapshots need, made ahead. */
    static void prepare(Technique technique, long memoryBytes, Duration deadline) {
        WarmGuests.prepare(config(technique, memoryBytes), classPath(), deadline, step -> {});
    }

    /**
     * Starts a guest and returns when its first test has ended; the guest stays until it is closed.
     *
     * @param restored from a snapshot that {@link #prepare} has made; else it boots
     * @param tests the test class
     */
    static GuestStart of(Technique technique, boolean restored, long memoryBytes, String tests, Duration deadline)
            throws InterruptedException {
        return new GuestStart(technique, restored, memoryBytes, tests, deadline);
    }

    private static VmConfig config(Technique technique, long memoryBytes) {
        return VmConfig.of(technique).memory(memoryBytes).agent(AgentJar.locate());
    }

    private static List<Path> classPath() {
        return ClassPath.paths(GuestStart.class.getClassLoader());
    }

    private void run(String tests, Autopsy autopsy) throws InterruptedException {
        GuestLink link = new GuestLink(vm);
        Opening opening = new Opening(NAME, deadline, link, autopsy);
        if (!guest.greeted()) {
            opening.greet();
        }
        reached(AGENT);
        List<String> hashes = opening.ship(classPath, guest.known());
        link.send(new HostMessage.Run(hashes, tests, List.of(), Map.of(), Map.of()));
        reached(SENT);
        Deadline end = Deadline.in(deadline);
        while (!end.passed()) {
            GuestMessage message = link.receive(end.left(SLICE)).orElse(null);
            if (message instanceof GuestMessage.Stored) {
                reached(STORED);
            } else if (message instanceof GuestMessage.Discovered found) {
                if (found.nodes().stream().noneMatch(GuestMessage.Node::test)) {
                    throw autopsy.failure("the guest found no test in " + tests + ": " + found, null);
                }
                reached(FOUND);
            } else if (message instanceof GuestMessage.Finished finished) {
                if (finished.outcome() != GuestMessage.Outcome.SUCCESSFUL) {
                    throw autopsy.failure("a test did not pass: " + finished, null);
                }
                reached(Run.FIRST_RESULT);
                return;
            } else if (message instanceof GuestMessage.RunEnded ended) {
                throw autopsy.failure("no test of " + tests + " ended: " + ended, null);
            }
        }
        throw new GuestFailure("no test result within " + deadline.toSeconds() + " s; reached: " + micros);
    }

    private void reached(String phase) {
        micros.put(phase, (System.nanoTime() - start) / 1000);
        counters.put(phase, vm.counters());
    }

    /** Microseconds from the start to each of {@link #PHASES}. */
    Map<String, Long> micros() {
        return Map.copyOf(micros);
    }

    /** Bytes of guest RAM that have been touched by now. */
    long touchedNow() {
        return vm.counters().getOrDefault(Run.TOUCHED, 0L);
    }

    /** What the engine counted in each phase: phase, a colon, the counter's name. */
    Map<String, Long> counters() {
        Map<String, Long> all = new LinkedHashMap<>();
        Map<String, Long> before = Map.of();
        for (Map.Entry<String, Map<String, Long>> phase : counters.entrySet()) {
            for (Map.Entry<String, Long> counter : phase.getValue().entrySet()) {
                long in = counter.getValue() - before.getOrDefault(counter.getKey(), 0L);
                if (in != 0) {
                    all.put(phase.getKey() + ": " + counter.getKey(), in);
                }
            }
            before = phase.getValue();
        }
        return all;
    }

    @Override
    public void close() {
        vm.close();
    }
}
