package dev.runinvm.bench;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.Function;

/** Medians of all runs, each beside the first contender's. */
final class Report {
    private static final List<String> MILESTONES = List.of(Run.INIT, Run.JVM, Run.FIRST_RESULT, Run.TOTAL);

    private final List<Contender> contenders;
    private final List<Run> runs;

    Report(List<Contender> contenders, List<Run> runs) {
        this.contenders = contenders;
        this.runs = runs;
    }

    /** For people. */
    String text() {
        StringBuilder text = new StringBuilder();
        for (Contender contender : contenders) {
            long good = good(contender).size();
            long all = all(contender).size();
            text.append(String.format(
                    Locale.ROOT,
                    "%-9s %s (%d of %d runs good)%n",
                    contender.name(),
                    contender.description(),
                    good,
                    all));
        }
        text.append(System.lineSeparator());
        table(
                text,
                "ms from start to",
                MILESTONES,
                (name, run) -> Optional.ofNullable(run.millis().get(name)));
        table(
                text,
                "",
                List.of("peak MiB"),
                (name, run) -> run.work().isEmpty() ? Optional.of(run.peakBytes() >> 20) : Optional.empty());
        table(
                text,
                "ms of work",
                names(Run::work),
                (name, run) -> Optional.ofNullable(run.work().get(name)));
        table(
                text,
                "counters",
                names(Run::counters),
                (name, run) -> Optional.ofNullable(run.counters().get(name)));
        return text.toString();
    }

    private interface Cell {
        Optional<Long> of(String row, Run run);
    }

    private void table(StringBuilder text, String title, List<String> rows, Cell cell) {
        if (rows.isEmpty()) {
            return;
        }
        text.append(String.format(Locale.ROOT, "%-28s", title));
        contenders.forEach(c -> text.append(String.format(Locale.ROOT, " %20s", c.name())));
        text.append(System.lineSeparator());
        for (String row : rows) {
            text.append(String.format(Locale.ROOT, "%-28s", row));
            OptionalDouble base = OptionalDouble.empty();
            for (Contender contender : contenders) {
                List<Long> values = new ArrayList<>();
                for (Run run : good(contender)) {
                    cell.of(row, run).ifPresent(values::add);
                }
                OptionalDouble median = median(values);
                if (median.isEmpty()) {
                    text.append(String.format(Locale.ROOT, " %20s", "-"));
                    continue;
                }
                if (base.isEmpty()) {
                    base = median;
                }
                String ratio = base.getAsDouble() > 0
                        ? String.format(Locale.ROOT, " (x%.2f)", median.getAsDouble() / base.getAsDouble())
                        : "";
                text.append(String.format(
                        Locale.ROOT, " %20s", String.format(Locale.ROOT, "%.0f", median.getAsDouble()) + ratio));
            }
            text.append(System.lineSeparator());
        }
        text.append(System.lineSeparator());
    }

    private List<String> names(Function<Run, Map<String, Long>> part) {
        Set<String> names = new LinkedHashSet<>();
        runs.forEach(run -> names.addAll(part.apply(run).keySet()));
        return List.copyOf(names);
    }

    private List<Run> all(Contender contender) {
        return runs.stream().filter(r -> r.contender().equals(contender.name())).toList();
    }

    private List<Run> good(Contender contender) {
        return all(contender).stream().filter(Run::good).toList();
    }

    /** The middle value, or the mean of the two middle ones; empty for none. */
    static OptionalDouble median(List<Long> values) {
        if (values.isEmpty()) {
            return OptionalDouble.empty();
        }
        List<Long> sorted = values.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return OptionalDouble.of(
                sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2.0);
    }

    /** Every run, for programs. */
    String json() {
        StringBuilder json = new StringBuilder("{\n  \"contenders\": {");
        String comma = "\n";
        for (Contender contender : contenders) {
            json.append(comma)
                    .append("    ")
                    .append(quote(contender.name()))
                    .append(": ")
                    .append(quote(contender.description()));
            comma = ",\n";
        }
        json.append("\n  },\n  \"runs\": [");
        comma = "\n";
        for (Run run : runs) {
            json.append(comma)
                    .append("    {\"contender\": ")
                    .append(quote(run.contender()))
                    .append(", \"millis\": ")
                    .append(object(run.millis()))
                    .append(", \"peakBytes\": ")
                    .append(run.peakBytes())
                    .append(", \"work\": ")
                    .append(object(run.work()))
                    .append(", \"counters\": ")
                    .append(object(run.counters()));
            run.failure().ifPresent(f -> json.append(", \"failure\": ").append(quote(f)));
            json.append('}');
            comma = ",\n";
        }
        return json.append("\n  ]\n}\n").toString();
    }

    private static String object(Map<String, Long> map) {
        List<String> members = new ArrayList<>();
        map.forEach((name, value) -> members.add(quote(name) + ": " + value));
        return "{" + String.join(", ", members) + "}";
    }

    /** A JSON string (RFC 8259, section 7). */
    static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        text.chars().forEach(c -> {
            if (c == '"' || c == '\\') {
                out.append('\\').append((char) c);
            } else if (c < 0x20 || c > 0x7e) {
                out.append(String.format(Locale.ROOT, "\\u%04x", c));
            } else {
                out.append((char) c);
            }
        });
        return out.append('"').toString();
    }
}
