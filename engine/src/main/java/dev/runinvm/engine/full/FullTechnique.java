package dev.runinvm.engine.full;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.TechniqueProvider;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.direct.DirectExecution;
import dev.runinvm.engine.direct.HostCpu;
import dev.runinvm.engine.image.PreparedImages;
import dev.runinvm.engine.snapshot.SnapshotFile;
import dev.runinvm.engine.x86.CpuidModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Technique FULL: needs neither /dev/kvm nor root, only what direct execution needs. */
public final class FullTechnique implements TechniqueProvider {
    /** For {@link java.util.ServiceLoader}. */
    public FullTechnique() {}

    @Override
    public Technique technique() {
        return Technique.FULL;
    }

    @Override
    public Availability availability() {
        return new Availability(Technique.FULL, DirectExecution.check(), List.of());
    }

    @Override
    public Vm start(VmConfig config) {
        return new FullMachine(config, PreparedImages.of(config, true), null).start();
    }

    @Override
    public Optional<String> snapshotObstacle() {
        return Optional.empty();
    }

    /** The time-stamp counter is the host's, and goes on. */
    @Override
    public String snapshotClock() {
        return "acpi_pm";
    }

    @Override
    public Vm restore(VmConfig config, SnapshotFile snapshot) {
        return new FullMachine(config, PreparedImages.of(config, true), snapshot).start();
    }

    @Override
    public List<String> shapes(VmConfig config) {
        HostCpu host = HostCpu.probe();
        List<String> all = new ArrayList<>(PreparedImages.of(config, true).identity());
        // The counter's frequency is measured anew by each JVM; the snapshot knows its own.
        all.add("command line: " + FullMachine.commandLine(config, 0));
        all.add("CPU: " + new CpuidModel(host, host.xcr0(), 0).fingerprint());
        return all;
    }
}
