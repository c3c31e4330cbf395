package dev.runinvm.maven;

import dev.runinvm.client.AgentJar;
import dev.runinvm.client.Coverage;
import dev.runinvm.client.GuestJvm;
import dev.runinvm.client.WarmGuests;
import dev.runinvm.engine.Availability;
import dev.runinvm.engine.MemorySize;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.image.Cache;
import dev.runinvm.engine.image.GuestImages;
import dev.runinvm.engine.image.ImageRequest;
import dev.runinvm.engine.image.PreparedImage;
import dev.runinvm.maven.run.JvmOptions;
import java.io.File;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.LifecyclePhase;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;
import org.jspecify.annotations.Nullable;

/**
 * Makes kernel, guest file system and snapshot ready, so that the first test need not: fetches the kernel, unpacks it, copies
 * the JDK that runs Maven into an image, boots a guest once and writes it down. What the cache already holds is neither fetched
 * nor made again.
 *
 * <p>The snapshot is one for guests of annotated classes and of <code>vm:integration-test</code> that have the same memory, kernel
 * and JVM options.
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

    /**
     * Whether to make a snapshot that guests are restored from. None is made where the technique cannot run or has none, and when
     * tests are skipped.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.snapshots", defaultValue = "true")
    private boolean snapshots = true;

    /**
     * The technique whose snapshot is made.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.technique", defaultValue = "FULL")
    private Technique technique = Technique.FULL;

    /**
     * Memory of the guest that the snapshot is made of, for example <code>512M</code> or <code>1G</code>: it serves guests of the
     * same memory.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.memory", defaultValue = "1G")
    private String memory = "1G";

    /**
     * Options of the guest's JVM, as <code>vm:integration-test</code> has them.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.argLine")
    private @Nullable String argLine;

    /**
     * Whether assertions are enabled in the guest's JVM, as <code>vm:integration-test</code> has it.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.enableAssertions", defaultValue = "true")
    private boolean enableAssertions = true;

    /**
     * The most that the guest may take from its start to its agent's first word, in seconds.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.bootTimeout", defaultValue = "180")
    private int bootTimeout = 180;

    @Parameter(defaultValue = "${skipTests}", readonly = true)
    private @Nullable String skipTests;

    @Parameter(defaultValue = "${skipITs}", readonly = true)
    private @Nullable String skipITs;

    @Parameter(defaultValue = "${maven.test.skip}", readonly = true)
    private @Nullable String skipAll;

    @Override
    void run() throws MojoFailureException {
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
        if (snapshots && !isSkipped(skipTests) && !isSkipped(skipITs) && !isSkipped(skipAll)) {
            makeSnapshot();
        }
    }

    /** Surefire and Failsafe count a switch without a value, too. */
    private static boolean isSkipped(@Nullable String property) {
        return property != null && !property.isBlank() && !property.equalsIgnoreCase("false");
    }

    private void makeSnapshot() throws MojoFailureException {
        if (bootTimeout < 1) {
            throw new MojoFailureException("vm.bootTimeout is " + bootTimeout + "; it must be at least 1");
        }
        Availability availability = Techniques.availability(technique);
        if (!availability.usable()) {
            getLog().info("no snapshot: technique " + technique + " cannot run here: "
                    + String.join("; ", availability.missing()));
            return;
        }
        VmConfig config = config();
        if (!WarmGuests.canServe(config)) {
            getLog().info("no snapshot: "
                    + Techniques.snapshotObstacle(technique).orElse(""));
            return;
        }
        long start = System.nanoTime();
        boolean made = WarmGuests.prepare(config, List.of(), Duration.ofSeconds(bootTimeout), getLog()::info);
        getLog().info(
                        made
                                ? String.format(
                                        Locale.ROOT, "snapshot ready after %.1f s", (System.nanoTime() - start) / 1e9)
                                : "snapshot ready: the cache has it");
    }

    private VmConfig config() {
        VmConfig config = withKernel(
                VmConfig.of(technique).memory(MemorySize.parse(memory)).agent(AgentJar.locate()),
                kernel,
                kernelPackage);
        return new GuestJvm(
                        enableAssertions,
                        Coverage.without(JvmOptions.split(argLine)),
                        Optional.empty(),
                        Optional.empty())
                .in(config);
    }
}
