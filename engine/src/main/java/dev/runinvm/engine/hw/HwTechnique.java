package dev.runinvm.engine.hw;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.Capability;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.TechniqueProvider;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.image.PreparedImages;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;

/** Technique HW: needs VT-x or AMD-V, and a /dev/kvm that may be used. */
public final class HwTechnique implements TechniqueProvider {
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
        return new HwMachine(config, PreparedImages.of(config, true)).start();
    }
}
