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
            if (all == 0) {
                continue;
            }
            text.append(String.format(
                    Locale.ROOT,
                    "%-10s %s (%d of %d runs good)%n",
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
                (name, run) -> run.work() == Work.JUNIT
                        ? Optional.ofNullable(run.millis().get(name))
                        : Optional.empty());
        table(
                text,
                "ms in a series of boots",
                runs.stream().anyMatch(r -> r.work() == Work.BOOTS) ? MILESTONES : List.of(),
                (name, run) -> run.work() == Work.BOOTS
                        ? Optional.ofNullable(run.millis().get(name))
                        : Optional.empty());
        table(
                text,
                "",
                List.of("peak MiB"),
                (name, run) -> run.work() == Work.JUNIT ? Optional.of(run.peakBytes() >> 20) : Optional.empty());
        table(
                text,
                "of work, ms if not named",
                names(Run::workMillis),
                (name, run) -> Optional.ofNullable(run.workMillis().get(name)));
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

    /** Rows and contenders without a single value are left out, and a table that has none. */
    private void table(StringBuilder text, String title, List<String> rows, Cell cell) {
        List<Contender> columns = contenders.stream()
                .filter(c -> rows.stream().anyMatch(row -> value(c, row, cell).isPresent()))
                .toList();
        if (columns.isEmpty()) {
            return;
        }
        text.append(String.format(Locale.ROOT, "%-28s", title));
        columns.forEach(c -> text.append(String.format(Locale.ROOT, " %20s", c.name())));
        text.append(System.lineSeparator());
        for (String row : rows) {
            if (columns.stream().anyMatch(c -> value(c, row, cell).isPresent())) {
                text.append(String.format(Locale.ROOT, "%-28s", row));
                row(text, columns.stream().map(c -> value(c, row, cell)).toList());
                text.append(System.lineSeparator());
            }
        }
        text.append(System.lineSeparator());
    }

    private static void row(StringBuilder text, List<OptionalDouble> medians) {
        OptionalDouble base = OptionalDouble.empty();
        for (OptionalDouble median : medians) {
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
    }

    private OptionalDouble value(Contender contender, String row, Cell cell) {
        List<Long> values = new ArrayList<>();
        for (Run run : good(contender)) {
            cell.of(row, run).ifPresent(values::add);
        }
        return median(values);
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
        return middle(values.stream().map(Long::doubleValue).toList());
    }

    /** As {@link #median}. */
    static OptionalDouble middle(List<Double> values) {
        if (values.isEmpty()) {
            return OptionalDouble.empty();
        }
        List<Double> sorted = values.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return OptionalDouble.of(
                sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2);
    }
}
