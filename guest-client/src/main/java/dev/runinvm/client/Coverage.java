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
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.jar.JarFile;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Coverage measured by JaCoCo's agent: where a JVM of the host's is started with it, so are those of guests, and what they
 * have recorded is appended to the same file.
 *
 * @param agent its jar
 * @param options its options by name
 * @param ofThisJvm whether this JVM has the agent, which writes the file when it ends
 * @param begun whether what guests have covered was written since this was made
 */
public record Coverage(Path agent, Map<String, String> options, boolean ofThisJvm, AtomicBoolean begun) {
    private static final Logger LOG = LoggerFactory.getLogger(Coverage.class);
    /** What of the guest's own is not measured. */
    private static final String OURS = "dev.runinvm.agent.*";

    private static final String OPTION = "-javaagent:";
    /** Options about what is measured; the others are about where it goes. */
    private static final List<String> IN_GUEST =
            List.of("includes", "excludes", "exclclassloader", "inclbootstrapclasses", "inclnolocationclasses");

    /** Makes it what it is whatever the map becomes. */
    public Coverage {
        options = Map.copyOf(options);
    }

    /** That of this JVM; empty if it has none. */
    public static Optional<Coverage> here() {
        return of(ManagementFactory.getRuntimeMXBean().getInputArguments())
                .map(c -> new Coverage(c.agent, c.options, true, c.begun));
    }

    /** That of a JVM with these options. */
    public static Optional<Coverage> of(List<String> options) {
        return options.stream().flatMap(o -> Coverage.of(o).stream()).findFirst();
    }

    /** What an option of a JVM says of coverage; empty if nothing. */
    public static Optional<Coverage> of(String option) {
        if (!option.startsWith(OPTION)) {
            return Optional.empty();
        }
        String[] parts = option.substring(OPTION.length()).split("=", 2);
        Path jar = Path.of(parts[0]);
        return isJacoco(jar)
                ? Optional.of(new Coverage(jar, parse(parts.length < 2 ? "" : parts[1]), false, new AtomicBoolean()))
                : Optional.empty();
    }

    /** Options of a JVM but those that say something of coverage. */
    public static List<String> without(List<String> options) {
        return options.stream().filter(o -> of(o).isEmpty()).toList();
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
        String excludes = options.get("excludes");
        IN_GUEST.forEach(name -> {
            String value =
                    name.equals("excludes") ? OURS + (excludes == null ? "" : ":" + excludes) : options.get(name);
            if (value != null) {
                text.append(',').append(name).append('=').append(value);
            }
        });
        return text.toString();
    }

    /**
     * Appends what came from a guest to the agent's file. If the agent was told not to append, the first takes the place of what
     * is there; unless this JVM's agent would do the same with that at the end.
     *
     * @throws HostLacks if that cannot be written
     */
    public void merge(Path fromGuest) {
        boolean append = Boolean.parseBoolean(options.getOrDefault("append", "true"));
        if (!options.getOrDefault("output", "file").equals("file") || ofThisJvm && !append) {
            LOG.warn(
                    "JaCoCo's agent of this JVM is told {}, so what guests have covered stays in {}; jacoco:merge takes it from"
                            + " there",
                    append ? "output=" + options.get("output") : "append=false and replaces its file at the end",
                    fromGuest);
            return;
        }
        boolean replace = !begun.getAndSet(true) && !append;
        Path file = Path.of(options.getOrDefault("destfile", "jacoco.exec")).toAbsolutePath();
        synchronized (Coverage.class) {
            try {
                Files.createDirectories(file.getParent());
                try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                        FileLock lock = out.lock();
                        FileChannel in = FileChannel.open(fromGuest)) {
                    if (replace) {
                        out.truncate(0);
                    }
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
