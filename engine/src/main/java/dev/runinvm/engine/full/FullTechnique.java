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
import dev.runinvm.engine.image.PreparedImage;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Technique FULL: needs neither /dev/kvm nor root, only what direct execution needs. */
public final class FullTechnique implements TechniqueProvider {
    private static final Map<ImageRequest, PreparedImage> PREPARED = new ConcurrentHashMap<>();

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
        ImageRequest request = config.agentJar()
                .map(ImageRequest::withJdk)
                .orElseGet(ImageRequest::small)
                .withJdkOnDisk(true);
        if (config.kernel().isPresent()) {
            request = request.withKernelFile(config.kernel().get());
        }
        return new FullMachine(config, prepared(request)).start();
    }

    /** What this JVM has prepared once it need not look for again, as long as the cache has it. */
    private static PreparedImage prepared(ImageRequest request) {
        PreparedImage known = PREPARED.get(request);
        if (known != null && known.exists()) {
            return known;
        }
        PreparedImage made = GuestImages.prepare(request, new LoggedProgress());
        PREPARED.put(request, made);
        return made;
    }
}
