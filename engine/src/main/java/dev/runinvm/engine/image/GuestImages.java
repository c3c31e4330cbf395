package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.boot.Compression;
import dev.runinvm.engine.boot.KernelImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Prepares kernels and guest file systems. Everything made is kept in the {@link Cache}; what is there already, and
 * made from the same inputs, is not made again.
 */
public final class GuestImages {
    private final Cache cache;
    private final @Nullable PackageClient client;
    private final Path hostRoot;

    /** With the user's cache. */
    public GuestImages() {
        this(Cache.ofUser());
    }

    public GuestImages(Cache cache) {
        this(cache, null, Path.of("/"));
    }

    /**
     * @param client fetches packages; null for the distribution's own
     * @param hostRoot where the host's /boot and /lib/modules are
     */
    GuestImages(Cache cache, @Nullable PackageClient client, Path hostRoot) {
        this.cache = cache;
        this.client = client;
        this.hostRoot = hostRoot;
    }

    /**
     * Prepares an image in the user's cache.
     *
     * @throws HostLacks if something needed is missing: network, disk space, a readable JDK, ...
     */
    public static PreparedImage prepare(ImageRequest request, Progress progress) {
        return new GuestImages().make(request, progress);
    }

    /** As {@link #prepare}, in this object's cache. */
    public PreparedImage make(ImageRequest request, Progress progress) {
        PackageClient fetcher =
                client != null ? client : new Apt(cache.directory().resolve("apt"), progress);
        Packages packages = new Packages(cache, fetcher);
        KernelFiles kernel = new KernelSource(cache, packages, progress, hostRoot).find(request);
        Path vmlinux = unpacked(kernel, progress);
        List<Path> layers = new ArrayList<>();
        List<Path> disks = new ArrayList<>();
        Path busybox = Busybox.find(cache, packages, request.refresh());
        layers.add(BaseLayer.make(cache, busybox, kernel, request, progress));
        String javaHome = "";
        Path home = request.javaHome();
        if (home != null) {
            boolean onDisk = request.jdkOnDisk() && !kernel.modules().isEmpty();
            JdkLayer.Made jdk = JdkLayer.make(cache, home, onDisk, progress);
            layers.add(jdk.archive());
            if (jdk.disk() != null) {
                disks.add(jdk.disk());
            }
            javaHome = jdk.javaHome();
        }
        if (!request.extraFiles().isEmpty()) {
            layers.add(HostFiles.makeLayer(cache, request.extraFiles(), progress));
        }
        Path agent = request.agent();
        if (agent != null) {
            layers.add(agentLayer(agent, request.agentFiles(), progress));
        }
        return new PreparedImage(kernel.kernel(), kernel.release(), kernel.origin(), vmlinux, layers, disks, javaHome);
    }

    private Path agentLayer(Path agent, Map<String, Path> files, Progress progress) {
        if (!Files.isRegularFile(agent)) {
            throw new HostLacks("the guest agent's jar " + agent + " does not exist");
        }
        FileTree tree = new FileTree();
        tree.hostFile("opt/runinvm/agent.jar", agent);
        tree.file("opt/runinvm/renew", 0755, RenewProgram.make());
        new TreeMap<>(files).forEach((name, file) -> {
            if (!Files.isRegularFile(file)) {
                throw new HostLacks("the file " + file + " for the guest's JVM does not exist");
            }
            tree.hostFile(VmConfig.AGENT_FILES.substring(1) + "/" + name, file);
        });
        String key = "agent-" + Keys.of(BaseLayer.FORMAT, tree.key()) + ".cpio";
        return cache.get(
                "image", key, "the guest agent", out -> CpioWriter.write(tree, out, "writing the agent", progress));
    }

    private Path unpacked(KernelFiles kernel, Progress progress) {
        KernelImage image = KernelImage.open(kernel.kernel());
        if (image.compression() == Compression.NONE && image.setupHeader().isEmpty()) {
            image.vmlinux(); // checks it
            return kernel.kernel();
        }
        try {
            String key = Keys.of("vmlinux", Keys.ofFile(kernel.kernel()), kernel.identity()) + ".vmlinux";
            return cache.get("vmlinux", key, "the unpacked kernel", out -> {
                progress.at("unpacking the kernel", 0, 0);
                byte[] plain = image.extract();
                image.vmlinux();
                out.write(plain);
            });
        } catch (IOException e) {
            throw new HostLacks("cannot read " + kernel.kernel() + ": " + Cache.reason(e), e);
        }
    }
}
