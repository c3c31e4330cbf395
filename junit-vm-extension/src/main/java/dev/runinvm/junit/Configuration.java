package dev.runinvm.junit;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Where a value comes from that the annotation leaves open: JUnit's parameters, system properties, the user's file. */
final class Configuration {
    static final String PREFIX = "runinvm.";
    /** Settings that may be written as the Maven plugin's users write theirs. */
    private static final Set<String> SHORT = Set.of("techniques", "debug", "snapshots");

    private final Function<String, Optional<String>> junit;
    private final Properties file;

    /** @param junit looks up JUnit's configuration parameters */
    Configuration(Function<String, Optional<String>> junit) {
        this(junit, Path.of(System.getProperty("user.home", ""), ".config", "runinvm", "config.properties"));
    }

    Configuration(Function<String, Optional<String>> junit, Path file) {
        this.junit = junit;
        this.file = new Properties();
        if (Files.isRegularFile(file)) {
            try (InputStream in = Files.newInputStream(file)) {
                this.file.load(in);
            } catch (IOException | IllegalArgumentException e) {
                throw new dev.runinvm.engine.HostLacks("cannot read " + file + ": " + e.getMessage(), e);
            }
        }
    }

    /** The value, without the prefix in the name; null where nobody gave one. */
    @Nullable
    String get(String name) {
        String key = PREFIX + name;
        return junit.apply(key)
                .or(() -> Optional.ofNullable(System.getProperty(key)))
                .or(() ->
                        SHORT.contains(name) ? Optional.ofNullable(System.getProperty("vm." + name)) : Optional.empty())
                .or(() -> Optional.ofNullable(file.getProperty(key)))
                .filter(s -> !s.isBlank())
                .orElse(null);
    }
}
