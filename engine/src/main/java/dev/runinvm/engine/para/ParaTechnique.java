package dev.runinvm.engine.para;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.Capability;
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
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Technique PARA: needs neither /dev/kvm nor root nor Xen, only what direct execution needs. */
public final class ParaTechnique implements TechniqueProvider {
    /** For {@link java.util.ServiceLoader}. */
    public ParaTechnique() {}

    @Override
    public Technique technique() {
        return Technique.PARA;
    }

    @Override
    public Availability availability() {
        return new Availability(Technique.PARA, DirectExecution.check(), List.of());
    }

    @Override
    public Set<Capability> capabilities() {
        return EnumSet.of(Capability.DISKS);
    }

    @Override
    public Vm start(VmConfig config) {
        return new ParaMachine(config, PreparedImages.of(config, true), null).start();
    }

    @Override
    public Optional<String> snapshotObstacle() {
        return Optional.empty();
    }

    @Override
    public Vm restore(VmConfig config, SnapshotFile snapshot) {
        return new ParaMachine(config, PreparedImages.of(config, true), snapshot).start();
    }

    @Override
    public List<String> shapes(VmConfig config) {
        HostCpu host = HostCpu.probe();
        List<String> all = new ArrayList<>(PreparedImages.of(config, true).identity());
        all.add("command line: " + ParaMachine.commandLine(config));
        all.add("CPU: " + CpuidModel.forXenGuest(host, host.xcr0(), 0).fingerprint());
        config.disks()
                .forEach(disk -> all.add("disk: " + disk.image().toAbsolutePath() + (disk.readOnly() ? " ro" : "")));
        return all;
    }
}
