package dev.runinvm.client;

import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.Vm;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What host and agent say to each other before a guest's snapshot is taken and after it. */
final class WarmTalk {
    /** The most that a guest may take, after its agent's last word, until it has nothing to do. */
    static final Duration IDLE = Duration.ofSeconds(60);

    private static final Logger LOG = LoggerFactory.getLogger(WarmTalk.class);
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final Duration SLICE = Duration.ofSeconds(1);
    /** The most that an agent may take to answer that has nothing else to do. */
    private static final Duration ANSWER = Duration.ofSeconds(60);
    /** The most that it may take to rehearse. */
    private static final Duration REHEARSAL = Duration.ofMinutes(3);
    /** A guest's clock is off by no more than the time that setting it took, from question to answer: what is good enough. */
    static final Duration CLOCK_PRECISION = Duration.ofMillis(25);
    /** What users are promised; they are told if it is not kept. */
    private static final Duration CLOCK_PROMISE = Duration.ofMillis(50);

    static final int CLOCK_ATTEMPTS = 10;
    /** On a machine so busy that setting the clock takes long, trying again does not help. */
    private static final Duration CLOCK_TIME = Duration.ofSeconds(2);

    private final Vm vm;
    private final String who;
    private final GuestLink link;
    private final Autopsy autopsy;

    WarmTalk(Vm vm, String name, GuestLink.Listener listener) {
        this.vm = vm;
        this.who = name;
        this.link = new GuestLink(vm, listener);
        this.autopsy = new Autopsy(vm, name);
    }

    /**
     * Sends jars and has JUnit exercised from them.
     *
     * @param known hashes of what the guest has
     */
    void warmUp(List<ClassPath.Entry> jars, Set<String> known) throws InterruptedException {
        new Opening("a guest that is made ready", REHEARSAL, link, autopsy)
                .ship(jars.stream().map(ClassPath.Entry::path).toList(), known);
        link.send(
                new HostMessage.WarmUp(jars.stream().map(ClassPath.Entry::hash).toList()));
        GuestMessage.Warmed warmed = answer(GuestMessage.Warmed.class, REHEARSAL, "its rehearsal with JUnit");
        if (warmed.problem() != null) {
            LOG.info("the snapshot has JUnit's jars, but has not rehearsed: {}", warmed.problem());
        }
    }

    /** Has the agent prepare for the snapshot; afterwards the guest does nothing but wait for {@link #thaw}. */
    void freeze() throws InterruptedException {
        link.send(new HostMessage.Freeze(Techniques.snapshotClock(vm.technique())));
        answer(GuestMessage.Frozen.class, ANSWER, "it to be ready for its snapshot");
    }

    /**
     * Has the agent go on: with the right time and random numbers of its own.
     *
     * @return by how much its clock may be behind
     */
    Duration thaw() throws InterruptedException {
        byte[] generation = new byte[16];
        RANDOM.nextBytes(generation);
        String name = HexFormat.of().formatHex(generation);
        Deadline deadline = Deadline.in(CLOCK_TIME);
        for (int attempt = 1; ; attempt++) {
            Duration took = thaw(name);
            if (took.compareTo(CLOCK_PRECISION) <= 0) {
                return took;
            }
            if (attempt == CLOCK_ATTEMPTS || deadline.passed()) {
                if (took.compareTo(CLOCK_PROMISE) > 0) {
                    LOG.warn(
                            "{}: the guest's clock may be behind by {} ms, for this machine is busy",
                            who,
                            took.toMillis());
                }
                return took;
            }
        }
    }

    private Duration thaw(String generation) throws InterruptedException {
        byte[] seed = new byte[HostMessage.SEED_SIZE];
        RANDOM.nextBytes(seed);
        long start = System.nanoTime();
        Instant now = Instant.now();
        link.send(new HostMessage.Thaw(generation, now.getEpochSecond() * 1_000_000_000L + now.getNano(), seed));
        GuestMessage.Thawed thawed = answer(GuestMessage.Thawed.class, ANSWER, "it to go on from its snapshot");
        if (thawed.problem() != null) {
            throw new GuestFailure("the guest went on from its snapshot, but not afresh: " + thawed.problem());
        }
        return Duration.ofNanos(System.nanoTime() - start);
    }

    private <T extends GuestMessage> T answer(Class<T> type, Duration limit, String what) throws InterruptedException {
        Deadline deadline = Deadline.in(limit);
        try {
            while (!deadline.passed()) {
                GuestMessage message = link.receive(deadline.left(SLICE)).orElse(null);
                if (type.isInstance(message)) {
                    return type.cast(message);
                }
                if (message instanceof GuestMessage.Dying dying) {
                    autopsy.lastWords(dying.why());
                } else if (message instanceof GuestMessage.RunEnded ended && ended.problem() != null) {
                    throw new GuestFailure(ended.problem());
                } else if (message instanceof GuestMessage.Stored) {
                    deadline = Deadline.in(limit); // what was sent before is still on its way
                } else if (message != null && !(message instanceof GuestMessage.Output)) {
                    throw new GuestFailure("the guest said " + message + " where " + type.getSimpleName() + " was due");
                }
            }
        } catch (GuestFailure e) {
            throw autopsy.ended("while the host waited for " + what, e);
        }
        throw autopsy.failure("waited " + limit.toSeconds() + " s for " + what + "; it has not come", null);
    }
}
