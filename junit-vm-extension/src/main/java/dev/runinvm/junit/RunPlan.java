package dev.runinvm.junit;

import dev.runinvm.client.ConsoleLogger;
import dev.runinvm.client.GuestJvm;
import dev.runinvm.client.RunRecorder;
import dev.runinvm.engine.VmConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * What one guest is to do.
 *
 * @param name of the class or method, for people and for the log's directory
 * @param className the test class
 * @param root the guest's id of the node that the annotation is on
 * @param ids how the host's ids map to the guest's
 * @param each the guest's ids of templates that JUnit there is to run once, in the node of its technique
 * @param selected the guest's ids to run
 * @param parameters JUnit's configuration parameters
 * @param properties system properties
 * @param jvm the guest's JVM
 * @param loader the tests' class loader
 * @param log file of the guest's console
 */
record RunPlan(
        String name,
        String className,
        String root,
        GuestIds ids,
        List<String> each,
        List<String> selected,
        Map<String, String> parameters,
        Map<String, String> properties,
        Settings settings,
        GuestJvm jvm,
        ClassLoader loader,
        Path log) {

    private static final Pattern DEBIAN_PACKAGE = Pattern.compile("linux-image-[a-z0-9.+-]+");

    /** What a document of the run says of it; its name is the same under every technique, so that they can be compared. */
    RunRecorder.About about() {
        String suffix = "-" + settings.technique();
        return new RunRecorder.About(
                settings.technique(),
                name.endsWith(suffix) ? name.substring(0, name.length() - suffix.length()) : name,
                className,
                selected,
                settings.memory(),
                directory());
    }

    /** Where everything is kept that comes of the run. */
    Path directory() {
        return Objects.requireNonNull(log.toAbsolutePath().getParent(), "a log is in a folder");
    }

    VmConfig vmConfig(Path agentJar) {
        VmConfig config = VmConfig.of(settings.technique())
                .memory(settings.memory())
                .cpus(settings.cpus())
                .paravirtualClock(settings.paravirtualClock())
                .agent(agentJar)
                .consoleLog(log)
                .consoleListener(new ConsoleLogger(settings.technique()));
        return jvm.in(settings.kernel().map(name -> withKernel(config, name)).orElse(config));
    }

    private static VmConfig withKernel(VmConfig config, String name) {
        Path file = Path.of(name);
        return DEBIAN_PACKAGE.matcher(name).matches() && !Files.exists(file)
                ? config.kernelPackage(name)
                : config.kernel(file);
    }
}
