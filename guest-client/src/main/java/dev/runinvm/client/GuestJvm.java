package dev.runinvm.client;

import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.image.CommandLine;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The JVM that runs tests in a guest: its system class loader is the tests', as it is where a build tool runs them.
 *
 * @param assertions whether assertions are enabled in it
 * @param options further ones, with paths of the guest's
 * @param debugging whether a debugger is to be connected with it
 * @param coverage what measures coverage in it
 */
public record GuestJvm(
        boolean assertions, List<String> options, Optional<GuestDebugging> debugging, Optional<Coverage> coverage) {
    private static final String SYSTEM_LOADER = "-Djava.system.class.loader=dev.runinvm.agent.TestLoader";
    private static final String COVERAGE_AGENT = "jacocoagent.jar";
    /** Where it listens in the guest. */
    private static final int JDWP_PORT = 5005;

    /** Makes it what it is whatever the list becomes. */
    public GuestJvm {
        options = List.copyOf(options);
    }

    /** The same guest, with this JVM in it. */
    public VmConfig in(VmConfig config) {
        Map<String, Path> files = new LinkedHashMap<>(config.agentFiles());
        List<String> all = new ArrayList<>(List.of(SYSTEM_LOADER));
        if (assertions) {
            all.add("-ea");
        }
        coverage.ifPresent(c -> {
            files.put(COVERAGE_AGENT, c.agent());
            all.add("-javaagent:" + VmConfig.AGENT_FILES + "/" + COVERAGE_AGENT + "=" + c.optionsInGuest());
        });
        all.addAll(options);
        List<String> arguments = new ArrayList<>(config.kernelArguments());
        debugging.ifPresent(d -> {
            all.add("-Druninvm.debugged=true");
            all.add("-agentlib:jdwp=transport=dt_socket,server=y,suspend=" + (d.suspend() ? "y" : "n")
                    + ",address=127.0.0.1:" + JDWP_PORT);
            arguments.addAll(CommandLine.ofDebugPort(JDWP_PORT));
        });
        arguments.addAll(CommandLine.ofJavaOptions(all));
        return config.agentFiles(files).kernelArguments(arguments);
    }
}
