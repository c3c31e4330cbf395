package dev.runinvm.client;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.VmException;
import dev.runinvm.engine.snapshot.SnapshotFile;
import dev.runinvm.engine.snapshot.SnapshotStore;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import dev.runinvm.wire.HostMessage.EntryKind;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Guests that need not boot: restored from a snapshot in which the agent has the class path's jars, has rehearsed with the
 * JUnit in them and waits for its next command. What is missing of the snapshots is made first, in two layers: a guest whose
 * agent waits, and from that one, one for the jars. Directories of classes are no part of either: editing a test makes
 * nothing anew.
 */
public final class WarmGuests {
    private static final Logger LOG = LoggerFactory.getLogger(WarmGuests.class);
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final Duration SLICE = Duration.ofSeconds(1);
    /** The most that an agent may take to answer that has nothing else to do. */
    private static final Duration ANSWER = Duration.ofSeconds(60);
    /** The most that it may take to rehearse. */
    private static final Duration REHEARSAL = Duration.ofMinutes(3);
    /** The most that a guest may take, after its agent's last word, until it has nothing to do. */
    private static final Duration IDLE = Duration.ofSeconds(60);

    private final VmConfig config;
    private final Duration bootTimeout;
    private final SnapshotStore store;

    private WarmGuests(VmConfig config, Duration bootTimeout, SnapshotStore store) {
        this.config = config;
        this.bootTimeout = bootTimeout;
        this.store = store;
    }

    /** Why a technique's guests have to boot each time; empty if they need not. */
    public static Optional<String> obstacle(VmConfig config) {
        return Techniques.snapshotObstacle(config.technique());
    }

    /**
     * A guest whose agent waits for its next command and has the jars of a class path.
     *
     * @param config mode AGENT, of a technique without an {@linkplain #obstacle}
     * @param classPath all of it; what is not a jar is not sent
     * @param bootTimeout from the start of a guest to its agent's first word, if one has to be booted
     */
    public static Vm start(VmConfig config, List<Path> classPath, Duration bootTimeout) {
        return new WarmGuests(config, bootTimeout, SnapshotStore.ofUser()).start(jars(classPath));
    }

    /** Makes what is missing of the snapshots; see {@link #start}. */
    public static void prepare(VmConfig config, List<Path> classPath, Duration bootTimeout) {
        new WarmGuests(config, bootTimeout, SnapshotStore.ofUser()).project(jars(classPath));
    }

    /** Hashes of the jars of a class path, in order: what a guest of {@link #start} has been sent. */
    public static List<String> hashes(List<Path> classPath) {
        return jars(classPath).stream().map(ClassPath.Entry::hash).toList();
    }

    private static List<ClassPath.Entry> jars(List<Path> classPath) {
        return classPath.stream()
                .map(ClassPath::entry)
                .filter(e -> e.kind() == EntryKind.JAR)
                .collect(Collectors.toMap(ClassPath.Entry::hash, e -> e, (first, again) -> first, LinkedHashMap::new))
                .values()
                .stream()
                .toList();
    }

    private record Keyed(String key, SnapshotFile file) {}

    private Vm start(List<ClassPath.Entry> jars) {
        return restore(() -> project(jars), config);
    }

    private interface Source {
        Keyed get();
    }

    /** Restores a guest; a snapshot that turns out to be useless is made anew once. */
    private Vm restore(Source source, VmConfig as) {
        for (int attempt = 0; ; attempt++) {
            long start = System.nanoTime();
            Keyed snapshot = source.get();
            long found = System.nanoTime();
            try {
                Vm vm = Techniques.restore(as, snapshot.file);
                long built = System.nanoTime();
                guarded(vm, () -> thaw(vm));
                LOG.debug(
                        "a guest from {}: found in {} ms, built in {} ms, awake in {} ms",
                        snapshot.key,
                        millis(start, found),
                        millis(found, built),
                        millis(built, System.nanoTime()));
                return vm;
            } catch (SnapshotUnusable e) {
                if (attempt > 0) {
                    throw new EngineBug("a snapshot just made is of no use: " + e.getMessage(), e);
                }
                store.discard(snapshot.key, String.valueOf(e.getMessage()));
            }
        }
    }

    /** The second layer: with the jars of a class path. */
    private Keyed project(List<ClassPath.Entry> jars) {
        String base = Techniques.snapshotKey(config);
        if (jars.isEmpty()) {
            return base(base);
        }
        StringBuilder all = new StringBuilder(base);
        jars.forEach(jar -> all.append(' ').append(jar.hash()).append(' ').append(jar.name()));
        String key = hash(all.toString());
        String what = "a " + config.technique() + " guest with " + jars.size() + " jars";
        return new Keyed(key, store.get(key, what, draft -> {
            long start = System.nanoTime();
            VmConfig quiet = quiet();
            Vm vm = restore(() -> base(base), quiet);
            guarded(vm, () -> {
                Autopsy autopsy = new Autopsy(vm, what);
                GuestLink link = new GuestLink(vm);
                new Opening(what, bootTimeout, link, autopsy)
                        .ship(jars.stream().map(ClassPath.Entry::path).toList());
                link.send(new HostMessage.WarmUp(
                        jars.stream().map(ClassPath.Entry::hash).toList()));
                GuestMessage.Warmed warmed =
                        answer(vm, GuestMessage.Warmed.class, REHEARSAL, "its rehearsal with JUnit");
                if (warmed.problem() != null) {
                    LOG.info("the snapshot has JUnit's jars, but has not rehearsed: {}", warmed.problem());
                }
                freeze(vm, draft);
            });
            vm.close();
            LOG.info("made the snapshot of {} in {} s", what, seconds(start));
        }));
    }

    /** The first layer: booted, the agent waiting. */
    private Keyed base(String key) {
        String what = "a " + config.technique() + " guest whose agent waits";
        return new Keyed(key, store.get(key, what, draft -> {
            LOG.info("making the snapshot of {}: it boots once", what);
            long start = System.nanoTime();
            Vm vm = Techniques.start(quiet());
            guarded(vm, () -> {
                new Opening(what, bootTimeout, new GuestLink(vm), new Autopsy(vm, what)).greet();
                freeze(vm, draft);
            });
            vm.close();
            LOG.info("made the snapshot of {} in {} s", what, seconds(start));
        }));
    }

    private static String millis(long from, long to) {
        return String.format(java.util.Locale.ROOT, "%.1f", (to - from) / 1e6);
    }

    private static String seconds(long start) {
        return String.format(java.util.Locale.ROOT, "%.1f", (System.nanoTime() - start) / 1e9);
    }

    /** The same guest, its console not in the way of anybody's. */
    private VmConfig quiet() {
        return VmConfig.of(config.technique())
                .kernelOf(config)
                .memory(config.memoryBytes())
                .agent(config.agentJar().orElseThrow(() -> new EngineBug("a warm guest without an agent")))
                .agentFiles(config.agentFiles())
                .kernelArguments(config.kernelArguments());
    }

    private interface Work {
        void run() throws InterruptedException;
    }

    /** Ends the guest if something goes wrong with it. */
    private static Vm guarded(Vm vm, Work work) {
        boolean done = false;
        try {
            work.run();
            done = true;
            return vm;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new GuestFailure("interrupted while a guest was made ready", e);
        } finally {
            if (!done) {
                vm.close();
            }
        }
    }

    private static void freeze(Vm vm, Path draft) throws InterruptedException {
        GuestLink link = new GuestLink(vm);
        link.send(new HostMessage.Freeze(Techniques.snapshotClock(vm.technique())));
        answer(vm, GuestMessage.Frozen.class, ANSWER, "it to be ready for its snapshot");
        vm.snapshot(draft, true, IDLE);
    }

    private static void thaw(Vm vm) throws InterruptedException {
        byte[] seed = new byte[HostMessage.SEED_SIZE];
        byte[] generation = new byte[16];
        RANDOM.nextBytes(seed);
        RANDOM.nextBytes(generation);
        Instant now = Instant.now();
        new GuestLink(vm)
                .send(new HostMessage.Thaw(
                        HexFormat.of().formatHex(generation),
                        now.getEpochSecond() * 1_000_000_000L + now.getNano(),
                        seed));
        GuestMessage.Thawed thawed = answer(vm, GuestMessage.Thawed.class, ANSWER, "it to go on from its snapshot");
        if (thawed.problem() != null) {
            throw new GuestFailure("the guest went on from its snapshot, but not afresh: " + thawed.problem());
        }
    }

    private static <T extends GuestMessage> T answer(Vm vm, Class<T> type, Duration limit, String what)
            throws InterruptedException {
        Autopsy autopsy = new Autopsy(vm, "a guest that is made ready");
        Deadline deadline = Deadline.in(limit);
        GuestLink link = new GuestLink(vm);
        try {
            while (!deadline.passed()) {
                GuestMessage message = link.receive(deadline.left(SLICE)).orElse(null);
                if (type.isInstance(message)) {
                    return type.cast(message);
                }
                if (message instanceof GuestMessage.Dying dying) {
                    autopsy.lastWords(dying.why());
                } else if (message != null
                        && !(message instanceof GuestMessage.Stored)
                        && !(message instanceof GuestMessage.Output)) {
                    throw new GuestFailure("the guest said " + message + " where " + type.getSimpleName() + " was due");
                }
            }
        } catch (GuestFailure e) {
            throw autopsy.ended("while the host waited for " + what, e);
        }
        VmException late =
                autopsy.failure("waited " + limit.toSeconds() + " s for " + what + "; it has not come", null);
        throw late;
    }

    private static String hash(String text) {
        try {
            return HexFormat.of()
                    .formatHex(
                            MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)), 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
