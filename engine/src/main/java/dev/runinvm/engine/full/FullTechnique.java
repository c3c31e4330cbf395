package dev.runinvm.engine.full;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.TechniqueProvider;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.direct.DirectExecution;
import dev.runinvm.engine.image.GuestImages;
import dev.runinvm.engine.image.ImageRequest;
import dev.runinvm.engine.image.LoggedProgress;
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
        ImageRequest request = config.agentJar().map(ImageRequest::withJdk).orElseGet(ImageRequest::small)
                .withJdkOnDisk(true);
        if (config.kernel().isPresent()) {
            request = request.withKernelFile(config.kernel().get());
        }
        return new FullMachine(config, GuestImages.prepare(request, new LoggedProgress())).start();
    }
}
