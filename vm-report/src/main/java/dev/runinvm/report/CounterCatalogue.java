package dev.runinvm.report;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What the engine's counters mean: the one place that says so, {@code counters.txt} beside this class. */
public final class CounterCatalogue {
    /** What a counter counts. */
    public enum Unit {
        /** Occurrences. */
        COUNT,
        /** Bytes. */
        BYTES,
        /** Nanoseconds of the host's clock. */
        NANOS
    }

    /**
     * One counter's meaning.
     *
     * @param pattern the counter's name, or the beginning of one and a star
     * @param group counters of a kind are shown together
     * @param meaning one sentence for people
     */
    public record Entry(String pattern, String group, Unit unit, String meaning) {
        /** Whether it explains counters by the beginning of their names only. */
        public boolean general() {
            return pattern.endsWith("*");
        }
    }

    private static final CounterCatalogue STANDARD = load();

    private final Map<String, Entry> exact = new LinkedHashMap<>();
    private final Map<String, Entry> general = new LinkedHashMap<>();

    private CounterCatalogue(List<String> lines) {
        for (String line : lines) {
            if (line.isBlank() || line.startsWith("#")) {
                continue;
            }
            String[] parts = line.split(" \\| ", 4);
            if (parts.length != 4) {
                throw new IllegalStateException("counters.txt has a line that is no entry: " + line);
            }
            Entry entry =
                    new Entry(parts[0], parts[1], Unit.valueOf(parts[2].toUpperCase(java.util.Locale.ROOT)), parts[3]);
            Map<String, Entry> into = entry.general() ? general : exact;
            if (into.put(parts[0], entry) != null) {
                throw new IllegalStateException("counters.txt explains " + parts[0] + " twice");
            }
        }
    }

    private static CounterCatalogue load() {
        try (InputStream in = CounterCatalogue.class.getResourceAsStream("counters.txt")) {
            if (in == null) {
                throw new IllegalStateException("counters.txt is missing from the jar");
            }
            return new CounterCatalogue(new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The catalogue of this release. */
    public static CounterCatalogue standard() {
        return STANDARD;
    }

    /** A counter's own entry, else the most particular one for the beginning of its name; empty if there is none. */
    public Optional<Entry> explain(String counter) {
        Entry own = exact.get(counter);
        if (own != null) {
            return Optional.of(own);
        }
        @Nullable Entry best = null;
        for (Entry entry : general.values()) {
            String start = entry.pattern.substring(0, entry.pattern.length() - 1);
            if (counter.startsWith(start) && (best == null || best.pattern.length() < entry.pattern.length())) {
                best = entry;
            }
        }
        return Optional.ofNullable(best);
    }

    /** Groups in the order in which they are shown. */
    List<String> groups() {
        return java.util.stream.Stream.concat(exact.values().stream(), general.values().stream())
                .map(Entry::group)
                .distinct()
                .toList();
    }
}
