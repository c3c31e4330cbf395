package dev.runinvm.client;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.jar.JarFile;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * JaCoCo's agent as this JVM was started with it: what runs in guests is measured by the same, and merged into the same file.
 *
 * @param jar the agent
 * @param options its options by name
 */
public record HostCoverage(Path jar, Map<String, String> options) {
    private static final Logger LOG = LoggerFactory.getLogger(HostCoverage.class);
    private static final String OPTION = "-javaagent:";
    /** Options about what is measured; the others are about where it goes. */
    private static final List<String> IN_GUEST =
            List.of("includes", "excludes", "exclclassloader", "inclbootstrapclasses", "inclnolocationclasses");

    /** Makes it what it is whatever the map becomes. */
    public HostCoverage {
        options = Map.copyOf(options);
    }

    /** That of this JVM; empty if it has none. */
    public static Optional<HostCoverage> here() {
        return of(ManagementFactory.getRuntimeMXBean().getInputArguments());
    }

    static Optional<HostCoverage> of(List<String> arguments) {
        for (String argument : arguments) {
            if (argument.startsWith(OPTION)) {
                String[] parts = argument.substring(OPTION.length()).split("=", 2);
                Path jar = Path.of(parts[0]);
                if (isJacoco(jar)) {
                    return Optional.of(new HostCoverage(jar, parse(parts.length < 2 ? "" : parts[1])));
                }
            }
        }
        return Optional.empty();
    }

    private static boolean isJacoco(Path jar) {
        try (JarFile file = new JarFile(jar.toFile())) {
            var manifest = file.getManifest();
            String premain =
                    manifest == null ? null : manifest.getMainAttributes().getValue("Premain-Class");
            return premain != null && premain.startsWith("org.jacoco.agent.rt.");
        } catch (IOException e) {
            return false; // The JVM has started with it, but it is none that can be read, so none of ours.
        }
    }

    private static Map<String, String> parse(String text) {
        Map<String, String> all = new LinkedHashMap<>();
        for (String option : text.split(",")) {
            int equals = option.indexOf('=');
            if (equals > 0) {
                all.put(
                        option.substring(0, equals).trim(),
                        option.substring(equals + 1).trim());
            }
        }
        return all;
    }

    /** Options for the agent in a guest. */
    public String optionsInGuest() {
        StringBuilder text = new StringBuilder("output=none,dumponexit=false");
        IN_GUEST.forEach(name -> {
            String value = options.get(name);
            if (value != null) {
                text.append(',').append(name).append('=').append(value);
            }
        });
        return text.toString();
    }

    /**
     * Appends what came from a guest to the file that this JVM's agent will append to when it ends.
     *
     * @throws HostLacks if that cannot be written
     */
    public void merge(Path fromGuest) {
        if (!options.getOrDefault("output", "file").equals("file")
                || !Boolean.parseBoolean(options.getOrDefault("append", "true"))) {
            LOG.warn("JaCoCo's agent here does not append to a file; what guests have covered stays in {}", fromGuest);
            return;
        }
        Path file = Path.of(options.getOrDefault("destfile", "jacoco.exec")).toAbsolutePath();
        synchronized (HostCoverage.class) {
            try {
                Files.createDirectories(file.getParent());
                try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                        FileLock lock = out.lock();
                        FileChannel in = FileChannel.open(fromGuest)) {
                    out.position(out.size());
                    long left = in.size();
                    while (left > 0 && lock.isValid()) {
                        left -= in.transferTo(in.size() - left, left, out);
                    }
                }
            } catch (IOException e) {
                throw new HostLacks("cannot append what guests have covered to " + file + ": " + e, e);
            }
        }
    }
}
