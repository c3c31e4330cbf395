package dev.runinvm.engine.hw;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.Capability;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.TechniqueProvider;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.image.PreparedImages;
import dev.runinvm.engine.snapshot.SnapshotFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Technique HW: needs VT-x or AMD-V, and a /dev/kvm that may be used. */
public final class HwTechnique implements TechniqueProvider {
    private static final String SNAPSHOTS = "runinvm.hw.snapshots";

    /** For {@link java.util.ServiceLoader}. */
    public HwTechnique() {}

    @Override
    public Technique technique() {
        return Technique.HW;
    }

    @Override
    public Availability availability() {
        return new HwRequirements(Path.of("/"), KvmAnswers::ask).check();
    }

    @Override
    public Set<Capability> capabilities() {
        return EnumSet.of(Capability.SEVERAL_CPUS, Capability.PARAVIRTUAL_CLOCK);
    }

    @Override
    public Vm start(VmConfig config) {
        return new HwMachine(config, PreparedImages.of(config, true), null).start();
    }

    @Override
    public Optional<String> snapshotObstacle() {
        return Boolean.getBoolean(SNAPSHOTS)
                ? Optional.empty()
                : Optional.of("with technique HW guests have gone on from snapshots only on a processor without AVX; -D"
                        + SNAPSHOTS + "=true has it tried");
    }

    @Override
    public Vm restore(VmConfig config, SnapshotFile snapshot) {
        return new HwMachine(config, PreparedImages.of(config, true), snapshot).start();
    }

    @Override
    public List<String> shapes(VmConfig config) {
        List<String> all = new ArrayList<>(PreparedImages.of(config, true).identity());
        // The counter's frequency is the snapshot's to know.
        all.add(HwMachine.commandLine(config, 0));
        all.add(config.cpus() + " processors");
        all.addAll(HwHardware.shapes(config.cpus(), config.paravirtualClock()));
        return all;
    }
}
