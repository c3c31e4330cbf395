package dev.runinvm.engine;

import dev.runinvm.engine.snapshot.SnapshotFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The techniques this engine has, and starting guests with them. Never one instead of another. */
public final class Techniques {
    private Techniques() {}

    /** Whether a technique can run here and, if not, exactly why. */
    public static Availability availability(Technique technique) {
        return provider(technique)
                .map(TechniqueProvider::availability)
                .orElseGet(() -> new Availability(
                        technique,
                        List.of("technique " + technique + " is not part of this version of the engine"),
                        List.of()));
    }

    /**
     * Starts a guest.
     *
     * @throws HostLacks if the technique cannot run here, naming what is missing, or never such a guest
     * @throws VmException if the guest cannot be started
     */
    public static Vm start(VmConfig config) {
        return usable(config).start(config);
    }

    /** Why guests of a technique cannot be kept in snapshots; empty if they can. */
    public static Optional<String> snapshotObstacle(Technique technique) {
        return provider(technique)
                .map(TechniqueProvider::snapshotObstacle)
                .orElseGet(() -> Optional.of("technique " + technique + " is not part of this version of the engine"));
    }

    /** See {@link TechniqueProvider#snapshotClock}. */
    public static String snapshotClock(Technique technique) {
        return provider(technique).map(TechniqueProvider::snapshotClock).orElse("");
    }

    /**
     * A key that is the same for two configurations exactly if their guests are interchangeable: a hash of technique, memory,
     * mode, engine and whatever else the technique says {@linkplain TechniqueProvider#shapes shapes} a guest.
     *
     * @throws HostLacks if the technique cannot run here, or has no snapshots
     */
    public static String snapshotKey(VmConfig config) {
        return EngineIdentity.hash(snapshotShape(config));
    }

    /**
     * All that {@link #snapshotKey} is made of, a line each, for people.
     *
     * @throws HostLacks if the technique cannot run here, or has no snapshots
     */
    public static List<String> snapshotShape(VmConfig config) {
        requireSnapshots(config.technique());
        List<String> all = new ArrayList<>();
        all.add("technique: " + config.technique().name());
        all.add("memory: " + config.memoryBytes() + " bytes");
        all.add("mode: " + config.mode());
        all.add("engine: " + EngineIdentity.get());
        all.addAll(usable(config).shapes(config));
        return List.copyOf(all);
    }

    /**
     * Goes on from a snapshot of a guest with the same {@link #snapshotKey}.
     *
     * @throws SnapshotUnusable if the snapshot has become useless
     * @throws HostLacks if the technique cannot run here, or has no snapshots
     */
    public static Vm restore(VmConfig config, SnapshotFile snapshot) {
        requireSnapshots(config.technique());
        return usable(config).restore(config, snapshot);
    }

    private static void requireSnapshots(Technique technique) {
        snapshotObstacle(technique).ifPresent(obstacle -> {
            throw new HostLacks("no snapshots: " + obstacle);
        });
    }

    private static TechniqueProvider usable(VmConfig config) {
        Availability availability = availability(config.technique());
        if (!availability.usable()) {
            throw new HostLacks("technique " + config.technique() + " cannot run here: "
                    + String.join("; ", availability.missing()));
        }
        TechniqueProvider provider = provider(config.technique()).orElseThrow();
        requireCapable(provider, config);
        return provider;
    }

    private static void requireCapable(TechniqueProvider provider, VmConfig config) {
        for (Capability need : config.needs()) {
            if (!provider.capabilities().contains(need)) {
                throw new HostLacks("technique " + provider.technique() + " does not run " + need + "; those that do: "
                        + capable(need));
            }
        }
    }

    private static String capable(Capability need) {
        String names = providers()
                .filter(p -> p.capabilities().contains(need))
                .map(p -> p.technique().name())
                .collect(Collectors.joining(", "));
        return names.isEmpty() ? "none" : names;
    }

    private static Optional<TechniqueProvider> provider(Technique technique) {
        return providers().filter(p -> p.technique() == technique).findFirst();
    }

    private static Stream<TechniqueProvider> providers() {
        return ServiceLoader.load(TechniqueProvider.class, Techniques.class.getClassLoader()).stream()
                .map(ServiceLoader.Provider::get);
    }
}
