package dev.runinvm.engine.full;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.TechniqueProvider;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.direct.DirectExecution;
import dev.runinvm.engine.image.PreparedImages;
import java.util.List;

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
        return new FullMachine(config, PreparedImages.of(config, true)).start();
    }
}
