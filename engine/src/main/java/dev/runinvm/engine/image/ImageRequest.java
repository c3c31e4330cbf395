package dev.runinvm.engine.image;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a guest's image is to hold. Start with {@link #small()} or {@link #withJdk(Path)} and refine.
 *
 * @param kernelFile a bzImage, a vmlinux or a .deb with one; null: see {@code kernelPackage}
 * @param modules directory with that kernel's modules (lib/modules/RELEASE); null: the host's, if it has them
 * @param kernelPackage name of a Debian package; null: {@code linux-image-cloud-amd64}, else the host's /boot
 * @param refresh look for newer packages even if the cache has some
 * @param javaHome the JDK to copy into the guest; null: none
 * @param jdkOnDisk put the JDK on a read-only disk in the guest's memory, mapped from there and not unpacked into it:
 *     much faster, needs some memory less; the virtual machine must tell of the disk (see {@link PreparedImage#disks})
 * @param agent the agent's jar; null: none
 * @param agentFiles files of the host beside it, by their names in {@link dev.runinvm.engine.VmConfig#AGENT_FILES}
 * @param moduleNames kernel modules to take, with what they depend on; empty: a useful selection; {@code *} all
 * @param extraFiles files and directories of the host to copy to the same place, with the libraries they need
 */
public record ImageRequest(
        @Nullable Path kernelFile,
        @Nullable Path modules,
        @Nullable String kernelPackage,
        boolean refresh,
        @Nullable Path javaHome,
        boolean jdkOnDisk,
        @Nullable Path agent,
        Map<String, Path> agentFiles,
        List<String> moduleNames,
        List<Path> extraFiles) {

    public ImageRequest {
        agentFiles = Map.copyOf(agentFiles);
        moduleNames = List.copyOf(moduleNames);
        extraFiles = List.copyOf(extraFiles);
    }

    /** Busybox and kernel modules only: for shells and tests of the engine. */
    public static ImageRequest small() {
        return new Parts().whole();
    }

    /** With the JDK that runs this program, and the agent. */
    public static ImageRequest withJdk(Path agent) {
        return small().withJavaHome(Path.of(System.getProperty("java.home"))).withAgent(agent);
    }

    public ImageRequest withKernelFile(@Nullable Path file) {
        return with(parts -> parts.kernelFile = file);
    }

    public ImageRequest withModules(@Nullable Path directory) {
        return with(parts -> parts.modules = directory);
    }

    public ImageRequest withKernelPackage(@Nullable String name) {
        return with(parts -> parts.kernelPackage = name);
    }

    public ImageRequest withRefresh(boolean on) {
        return with(parts -> parts.refresh = on);
    }

    public ImageRequest withJavaHome(@Nullable Path home) {
        return with(parts -> parts.javaHome = home);
    }

    public ImageRequest withJdkOnDisk(boolean on) {
        return with(parts -> parts.jdkOnDisk = on);
    }

    public ImageRequest withAgent(@Nullable Path jar) {
        return with(parts -> parts.agent = jar);
    }

    public ImageRequest withAgentFiles(Map<String, Path> files) {
        return with(parts -> parts.agentFiles = files);
    }

    public ImageRequest withModuleNames(List<String> names) {
        return with(parts -> parts.moduleNames = names);
    }

    public ImageRequest withExtraFiles(List<Path> files) {
        return with(parts -> parts.extraFiles = files);
    }

    private ImageRequest with(Consumer<Parts> change) {
        Parts parts = new Parts(this);
        change.accept(parts);
        return parts.whole();
    }

    /** A request that is being put together: the only place that lists all components. */
    private static final class Parts {
        private @Nullable Path kernelFile;
        private @Nullable Path modules;
        private @Nullable String kernelPackage;
        private boolean refresh;
        private @Nullable Path javaHome;
        private boolean jdkOnDisk;
        private @Nullable Path agent;
        private Map<String, Path> agentFiles = Map.of();
        private List<String> moduleNames = List.of();
        private List<Path> extraFiles = List.of();

        Parts() {}

        Parts(ImageRequest whole) {
            kernelFile = whole.kernelFile;
            modules = whole.modules;
            kernelPackage = whole.kernelPackage;
            refresh = whole.refresh;
            javaHome = whole.javaHome;
            jdkOnDisk = whole.jdkOnDisk;
            agent = whole.agent;
            agentFiles = whole.agentFiles;
            moduleNames = whole.moduleNames;
            extraFiles = whole.extraFiles;
        }

        ImageRequest whole() {
            return new ImageRequest(
                    kernelFile,
                    modules,
                    kernelPackage,
                    refresh,
                    javaHome,
                    jdkOnDisk,
                    agent,
                    agentFiles,
                    moduleNames,
                    extraFiles);
        }
    }
}
