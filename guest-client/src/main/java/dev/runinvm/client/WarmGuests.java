package dev.runinvm.client;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.snapshot.SnapshotFile;
import dev.runinvm.engine.snapshot.SnapshotStore;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage.EntryKind;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Guests that need not boot: restored from a snapshot in which the agent waits for its next command. There are two layers: a
 * guest whose agent waits, and, from that one, one that has the jars of a class path and has rehearsed with the JUnit in them.
 * Directories of classes are no part of either: editing a test makes nothing anew.
 *
 * <p>What is missing is made on the way. The first guest of all boots as it would without snapshots, is written down, and is
 * used. A class path's layer is made when its jars are asked for the second time: the rehearsal is worth its time only to
 * those who come after. Whatever hinders the writing, tests run: in the guest that is there.
 *
 * <p>The jars of a large class path are on a disk that a guest has from its start. Such guests have the second layer alone.
 */
public final class WarmGuests {
    private static final Logger LOG = LoggerFactory.getLogger(WarmGuests.class);
    /** What guests boot for each time has been told, once for each reason. */
    private static final Set<String> TOLD = ConcurrentHashMap.newKeySet();
    /** Folders that could not be written to: trying again with each guest would only cost time. */
    private static final Set<Path> UNWRITABLE = ConcurrentHashMap.newKeySet();

    private final VmConfig config;
    private final String name;
    private final Duration bootTimeout;
    private final SnapshotStore store;
    private final GuestLink.Listener listener;
    /** Hashes of the jars that each guest has from the start. */
    private final Set<String> onDisk;

    private WarmGuests(
            ClassPathDisk disk, String name, Duration bootTimeout, SnapshotStore store, GuestLink.Listener listener) {
        this.config = disk.config();
        this.onDisk = disk.hashes();
        this.name = name;
        this.bootTimeout = bootTimeout;
        this.store = store;
        this.listener = listener;
    }

    /** Whether guests of a configuration can come from snapshots; if they have to boot, it is logged why, once. */
    public static boolean canServe(VmConfig config) {
        Optional<String> obstacle = Techniques.snapshotObstacle(config.technique());
        if (obstacle.isPresent() && TOLD.add(obstacle.get())) {
            LOG.info("guests boot anew for each class: {}", obstacle.get());
        }
        return obstacle.isEmpty();
    }

    /**
     * A guest whose agent waits for its next command, with the jars of a class path if there is a snapshot with them.
     *
     * @param config mode AGENT, of one that {@link #canServe}
     * @param name what it is to run, for people
     * @param classPath all of it
     * @param bootTimeout from the start of a guest to its agent's first word, if one has to be booted
     * @param listener told of what goes to and from the guest meanwhile
     */
    public static StartedGuest start(
            VmConfig config, String name, List<Path> classPath, Duration bootTimeout, GuestLink.Listener listener) {
        ClassPathDisk disk = ClassPathDisk.of(config, classPath);
        return new WarmGuests(disk, name, bootTimeout, SnapshotStore.ofUser(), listener).start(jars(classPath));
    }

    /**
     * Makes what is missing of the snapshots, so that the next {@link #start} restores a guest.
     *
     * @param config mode AGENT, of one that {@link #canServe}
     * @param classPath of tests; an empty one for the first layer alone
     * @param bootTimeout from the start of a guest to its agent's first word
     * @param progress told what is being done
     * @return whether anything was missing
     * @throws HostLacks if they cannot be kept
     */
    public static boolean prepare(
            VmConfig config, List<Path> classPath, Duration bootTimeout, Consumer<String> progress) {
        SnapshotStore store = SnapshotStore.ofUser();
        ClassPathDisk disk = ClassPathDisk.of(config.withoutConsole(), classPath);
        WarmGuests guests = new WarmGuests(disk, "a snapshot", bootTimeout, store, new PreparationListener(progress));
        List<ClassPath.Entry> jars = jars(classPath);
        String key = guests.key(jars);
        if (store.find(key) != null) {
            return false;
        }
        UNWRITABLE.remove(store.directory());
        progress.accept("a " + guests.guest() + " is being started, to be written down");
        (jars.isEmpty() ? guests.base() : guests.withJars(key, jars)).vm().close();
        if (store.find(key) == null) {
            throw new HostLacks("the snapshot could not be kept in " + store.directory() + "; the log says why");
        }
        return true;
    }

    private record PreparationListener(Consumer<String> progress) implements GuestLink.Listener {
        @Override
        public void received(GuestMessage message) {
            if (message instanceof GuestMessage.Hello) {
                progress.accept("it has booted, its agent waits");
            } else if (message instanceof GuestMessage.Warmed) {
                progress.accept("it has the jars, and has rehearsed with the JUnit in them");
            } else if (message instanceof GuestMessage.Frozen) {
                progress.accept("it is being written down");
            }
        }
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

    private static Set<String> hashes(List<ClassPath.Entry> jars) {
        return jars.stream().map(ClassPath.Entry::hash).collect(Collectors.toSet());
    }

    private String key(List<ClassPath.Entry> jars) {
        String base = Techniques.snapshotKey(config);
        if (jars.isEmpty()) {
            return base;
        }
        StringBuilder all = new StringBuilder(base);
        jars.forEach(jar -> all.append(' ').append(jar.hash()).append(' ').append(jar.name()));
        return hash(all.toString());
    }

    private StartedGuest start(List<ClassPath.Entry> jars) {
        if (jars.isEmpty()) {
            return base();
        }
        String key = key(jars);
        Vm vm = restored(key);
        if (vm != null) {
            return StartedGuest.waiting(vm, hashes(jars));
        }
        return store.isWanted(key) && isWritable() ? withJars(key, jars) : without();
    }

    /** A guest that has nothing of the class path but what is on its disk. */
    private StartedGuest without() {
        return onDisk.isEmpty() ? base() : StartedGuest.waiting(boot(), onDisk);
    }

    /** The first layer: booted, the agent waiting. Guests with a disk of their class path's are not made from it. */
    private StartedGuest base() {
        String key = key(List.of());
        Vm vm = restored(key);
        if (vm == null && isWritable()) {
            vm = made(key, "a " + guest() + " whose agent waits", List.of(), made -> {
                made.vm = boot();
            });
        }
        return StartedGuest.waiting(vm == null ? boot() : vm, Set.of());
    }

    /** The second layer: with the jars of a class path. */
    private StartedGuest withJars(String key, List<ClassPath.Entry> jars) {
        String what = "a " + guest() + " with " + jars.size() + " jars, among them "
                + jars.stream().limit(3).map(ClassPath.Entry::name).collect(Collectors.joining(", "));
        Vm vm = made(key, what, jars, made -> {
            made.vm = without().vm();
            made.talk().warmUp(jars, onDisk);
        });
        return vm == null ? without() : StartedGuest.waiting(vm, hashes(jars));
    }

    private String guest() {
        return config.technique() + " guest of " + (config.memoryBytes() >> 20) + " MiB";
    }

    private boolean isWritable() {
        return !UNWRITABLE.contains(store.directory());
    }

    /** A guest that is being made ready for its snapshot, and that goes on afterwards. */
    private final class Made {
        private @Nullable Vm vm;
        private boolean frozen;
        private @Nullable RuntimeException failure;

        Vm vm() {
            Vm made = vm;
            if (made == null) {
                throw new EngineBug("there is no guest yet");
            }
            return made;
        }

        WarmTalk talk() {
            return new WarmTalk(vm(), name, listener);
        }
    }

    private interface Making {
        void make(Made made) throws InterruptedException;
    }

    /**
     * Makes a guest, writes it down, and has it go on; restores one instead if another build was first. What hinders the
     * writing is told, and hinders nobody else.
     *
     * @return null if there is no guest to go on with
     */
    private @Nullable Vm made(String key, String what, List<ClassPath.Entry> jars, Making making) {
        Made made = new Made();
        long start = System.nanoTime();
        try {
            store.get(key, new SnapshotStore.About(what, shape(jars)), draft -> write(made, making, draft));
        } catch (HostLacks e) {
            if (made.failure != null) {
                throw made.failure;
            }
            cannotKeep(e);
        } catch (RuntimeException e) {
            throw made.failure != null ? made.failure : e;
        }
        Vm vm = made.vm;
        if (vm == null) {
            return isWritable() ? restored(key) : null;
        }
        if (made.frozen) {
            guarded(vm, () -> made.talk().thaw());
        }
        LOG.info("made the snapshot of {} in {} s", what, seconds(start));
        return vm;
    }

    private void write(Made made, Making making, Path draft) {
        try {
            making.make(made);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            made.failure = new GuestFailure("interrupted while a guest was made ready", e);
        } catch (RuntimeException e) {
            made.failure = e;
        }
        if (made.failure != null) {
            if (made.vm != null) {
                made.vm.close();
            }
            throw made.failure;
        }
        guarded(made.vm(), () -> {
            made.talk().freeze();
            made.frozen = true;
        });
        try {
            made.vm().snapshot(draft, true, WarmTalk.IDLE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HostLacks("interrupted while a snapshot was written", e);
        } catch (GuestFailure e) {
            throw new HostLacks(String.valueOf(e.getMessage()), e);
        }
    }

    private void cannotKeep(HostLacks why) {
        UNWRITABLE.add(store.directory());
        LOG.warn("guests boot anew for each class: {}", why.getMessage());
    }

    private List<String> shape(List<ClassPath.Entry> jars) {
        List<String> all = new ArrayList<>(Techniques.snapshotShape(config));
        jars.forEach(jar -> all.add("jar: " + jar.name() + " " + jar.hash()));
        return all;
    }

    private Vm boot() {
        Vm vm = Techniques.start(config);
        return guarded(
                vm, () -> new Opening(name, bootTimeout, new GuestLink(vm, listener), new Autopsy(vm, name)).greet());
    }

    /** A guest restored from a snapshot that is there; null if none is, or if it turns out to be of no use. */
    private @Nullable Vm restored(String key) {
        long start = System.nanoTime();
        SnapshotFile snapshot = store.find(key);
        if (snapshot == null) {
            return null;
        }
        try {
            long found = System.nanoTime();
            Vm vm = Techniques.restore(config, snapshot);
            long built = System.nanoTime();
            guarded(vm, () -> new WarmTalk(vm, name, listener).thaw());
            LOG.debug(
                    "a guest from {}: found in {} ms, built in {} ms, awake in {} ms",
                    key,
                    millis(start, found),
                    millis(found, built),
                    millis(built, System.nanoTime()));
            return vm;
        } catch (SnapshotUnusable e) {
            store.discard(key, String.valueOf(e.getMessage()));
            return null;
        }
    }

    private static String millis(long from, long to) {
        return String.format(java.util.Locale.ROOT, "%.1f", (to - from) / 1e6);
    }

    private static String seconds(long start) {
        return String.format(Locale.ROOT, "%.1f", (System.nanoTime() - start) / 1e9);
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
