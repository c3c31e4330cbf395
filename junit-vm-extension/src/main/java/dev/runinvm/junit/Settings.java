package dev.runinvm.junit;

import dev.runinvm.client.FileMapping;
import dev.runinvm.client.GuestDebugging;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.MemorySize;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.VmConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What an annotation and the configuration around it ask for.
 *
 * @param cpus number of the guest's processors
 * @param kernel a kernel file, or a Debian package that holds one
 * @param paravirtualClock whether the guest may know of its hypervisor and use its clock
 * @param timeout of one test
 * @param bootTimeout from the guest's start to the agent's first word
 * @param runTimeout of all tests of one guest together
 * @param grace how long the guest's own time-out of a test may come after the host's
 * @param properties names of system properties to forward; a name that ends in {@code *} stands for all that start so
 * @param files of the host that are copied into the guest
 * @param filesLimit bytes of files that the guest may send back
 * @param snapshots whether guests may come from snapshots; otherwise each boots
 * @param debugging whether a debugger is to be connected; then there are no time-outs
 */
record Settings(
        Technique technique,
        long memory,
        int cpus,
        boolean paravirtualClock,
        Optional<String> kernel,
        Duration timeout,
        Duration bootTimeout,
        Duration runTimeout,
        Duration grace,
        boolean disabledWithout,
        List<String> properties,
        Optional<Path> logDirectory,
        int maxGuests,
        List<FileMapping> files,
        long filesLimit,
        Isolation isolation,
        boolean snapshots,
        Optional<GuestDebugging> debugging) {

    private static final Pattern DURATION = Pattern.compile("(\\d{1,9})\\s*(ms|s|m|h)?");

    /**
     * Reads everything.
     *
     * @param technique the one of this guest
     */
    static Settings of(RunInVM annotation, Configuration configuration, Technique technique) {
        Optional<GuestDebugging> debugging = GuestDebugging.parse("runinvm.debug", configuration.get("debug"));
        Settings settings = new Settings(
                technique,
                memory(first(annotation.memory(), configuration, "memory")),
                annotation.cpus() > 0 ? annotation.cpus() : count("cpus", configuration.get("cpus"), 1),
                Boolean.parseBoolean(configuration.get("paravirtualClock")),
                Optional.ofNullable(first(annotation.kernel(), configuration, "kernel")),
                duration("timeout", first(annotation.timeout(), configuration, "timeout"), Duration.ofMinutes(10)),
                duration(
                        "bootTimeout",
                        first(annotation.bootTimeout(), configuration, "bootTimeout"),
                        Duration.ofMinutes(3)),
                duration(
                        "runTimeout", first(annotation.runTimeout(), configuration, "runTimeout"), Duration.ofHours(1)),
                duration("timeoutGrace", configuration.get("timeoutGrace"), Duration.ofSeconds(10)),
                disabledWithout(annotation, configuration),
                names(configuration.get("systemProperties")),
                Optional.ofNullable(configuration.get("logDirectory")).map(Path::of),
                count("maxGuests", configuration.get("maxGuests"), 0),
                files(annotation.files(), configuration.get("files")),
                filesLimit(configuration.get("filesLimit")),
                isolation(annotation, configuration),
                snapshots(configuration.get("snapshots")),
                debugging);
        return debugging.isPresent() ? settings.untimed() : settings;
    }

    /** The same for a guest of which nobody knows how long somebody looks at it: no limits, no other guest beside it. */
    private Settings untimed() {
        return new Settings(
                technique,
                memory,
                cpus,
                paravirtualClock,
                kernel,
                GuestDebugging.NO_LIMIT,
                GuestDebugging.NO_LIMIT,
                GuestDebugging.NO_LIMIT,
                GuestDebugging.NO_LIMIT,
                disabledWithout,
                properties,
                logDirectory,
                1,
                files,
                filesLimit,
                isolation,
                false,
                debugging);
    }

    /** Whether tests are skipped where a technique cannot run. */
    static boolean disabledWithout(RunInVM annotation, Configuration configuration) {
        return annotation.disabledWithout() || Boolean.parseBoolean(configuration.get("disabledWithout"));
    }

    private static @Nullable String first(String value, Configuration configuration, String name) {
        return value.isEmpty() ? configuration.get(name) : value;
    }

    private static Isolation isolation(RunInVM annotation, Configuration configuration) {
        Isolation[] chosen = annotation.isolation();
        if (chosen.length > 1) {
            throw new HostLacks(
                    "@RunInVM names several isolations: " + Arrays.toString(chosen) + "; a guest has one, name that");
        }
        if (chosen.length == 1) {
            return chosen[0];
        }
        String name = configuration.get("isolation");
        if (name == null) {
            return Isolation.CLASS;
        }
        try {
            return Isolation.valueOf(name.trim().toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new HostLacks(
                    "runinvm.isolation is \"" + name + "\"; there are " + Arrays.toString(Isolation.values()), e);
        }
    }

    private static List<FileMapping> files(String[] annotated, @Nullable String setting) {
        String[] texts = annotated.length > 0 || setting == null ? annotated : setting.split(",");
        return FileMapping.parse(List.of(texts), Path.of(""));
    }

    private static boolean snapshots(@Nullable String text) {
        if (text == null || text.trim().equalsIgnoreCase("true")) {
            return true;
        }
        if (text.trim().equalsIgnoreCase("false")) {
            return false;
        }
        throw new HostLacks("runinvm.snapshots is \"" + text + "\"; write true or false");
    }

    private static long memory(@Nullable String text) {
        return text == null ? VmConfig.DEFAULT_MEMORY : MemorySize.parse(text);
    }

    private static long filesLimit(@Nullable String text) {
        return text == null ? 1L << 30 : MemorySize.parse(text);
    }

    static Duration duration(String name, @Nullable String text, Duration otherwise) {
        if (text == null) {
            return otherwise;
        }
        Matcher m = DURATION.matcher(text.trim());
        if (!m.matches()) {
            throw new HostLacks(name + " is \"" + text + "\"; write for example 500ms, 30s, 5m or 1h");
        }
        long number = Long.parseLong(m.group(1));
        return switch (m.group(2) == null ? "s" : m.group(2)) {
            case "ms" -> Duration.ofMillis(number);
            case "m" -> Duration.ofMinutes(number);
            case "h" -> Duration.ofHours(number);
            default -> Duration.ofSeconds(number);
        };
    }

    private static List<String> names(@Nullable String text) {
        return text == null
                ? List.of()
                : Arrays.stream(text.split(","))
                        .map(String::trim)
                        .filter(s -> !s.isEmpty())
                        .toList();
    }

    private static int count(String name, @Nullable String text, int otherwise) {
        if (text == null) {
            return otherwise;
        }
        try {
            int n = Integer.parseInt(text.trim());
            if (n > 0) {
                return n;
            }
        } catch (NumberFormatException e) {
            throw new HostLacks("runinvm." + name + " is \"" + text + "\", not a number", e);
        }
        throw new HostLacks("runinvm." + name + " is " + text + "; it must be at least 1");
    }
}
