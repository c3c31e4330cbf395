package dev.runinvm.engine.image;

import dev.runinvm.engine.VmConfig;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What this JVM has prepared once it need not look for again, as long as the cache has it. */
public final class PreparedImages {
    private static final Map<ImageRequest, PreparedImage> KNOWN = new ConcurrentHashMap<>();

    private PreparedImages() {}

    /**
     * Kernel and files of a guest.
     *
     * @param jdkOnDisk whether the guest's machine has a disk in memory for the JDK
     */
    public static PreparedImage of(VmConfig config, boolean jdkOnDisk) {
        ImageRequest request = config.agentJar()
                .map(ImageRequest::withJdk)
                .orElseGet(ImageRequest::small)
                .withJdkOnDisk(jdkOnDisk)
                .withAgentFiles(config.agentFiles())
                .withKernelFile(config.kernel().orElse(null))
                .withKernelPackage(config.kernelPackage().orElse(null));
        PreparedImage image = KNOWN.get(request);
        if (image == null || !image.exists()) {
            image = GuestImages.prepare(request, new LoggedProgress());
            KNOWN.put(request, image);
        }
        return image.with(
                config.memoryDisks().stream().map(VmConfig.MemoryDisk::image).toList());
    }
}
