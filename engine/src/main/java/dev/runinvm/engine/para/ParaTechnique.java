package dev.runinvm.engine.para;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.Capability;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.TechniqueProvider;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.direct.DirectExecution;
import dev.runinvm.engine.image.PreparedImages;
import java.util.EnumSet;
import java.util.List;
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
        return new ParaMachine(config, PreparedImages.of(config, true)).start();
    }
}
