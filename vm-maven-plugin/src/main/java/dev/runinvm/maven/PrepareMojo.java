package dev.runinvm.maven;

import dev.runinvm.engine.image.Cache;
import dev.runinvm.engine.image.GuestImages;
import dev.runinvm.engine.image.ImageRequest;
import dev.runinvm.engine.image.PreparedImage;
import java.io.File;
import java.nio.file.Path;
import org.apache.maven.plugins.annotations.LifecyclePhase;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;
import org.jspecify.annotations.Nullable;

/**
 * Makes kernel and guest file system ready, so that the first test need not: fetches the kernel, unpacks it, and copies
 * the JDK that runs Maven into an image. What the cache already holds is neither fetched nor made again.
 *
 * @since 0.1.0
 */
@Mojo(name = "prepare", defaultPhase = LifecyclePhase.PRE_INTEGRATION_TEST, requiresProject = false, threadSafe = true)
public class PrepareMojo extends AbstractVmMojo {
    /**
     * A kernel file, bzImage or vmlinux, or a Debian package that holds one, instead of the default kernel.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.kernel")
    private @Nullable File kernel;

    /**
     * The Debian package to take the kernel from; by default <code>linux-image-cloud-amd64</code>.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.kernelPackage")
    private @Nullable String kernelPackage;

    /**
     * Whether to look for a newer kernel package even if the cache holds one.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.refresh", defaultValue = "false")
    private boolean refresh;

    @Override
    void run() {
        ImageRequest request = ImageRequest.small()
                .withJavaHome(Path.of(System.getProperty("java.home")))
                .withJdkOnDisk(true)
                .withKernelFile(kernel == null ? null : kernel.toPath())
                .withKernelPackage(kernelPackage)
                .withRefresh(refresh);
        Cache cache = Cache.ofUser();
        PreparedImage image = new GuestImages(cache).make(request, new ProgressLog(getLog()::info));
        getLog().info("kernel " + image.kernelRelease() + ", from " + image.kernelOrigin());
        getLog().info("image of " + (image.size() >> 20) + " MiB ready in " + cache.directory());
    }
}
