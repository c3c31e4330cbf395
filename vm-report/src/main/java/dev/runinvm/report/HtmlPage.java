package dev.runinvm.report;

import com.fasterxml.jackson.jr.ob.JSON;
import dev.runinvm.report.CounterCatalogue.Entry;
import dev.runinvm.report.CounterCatalogue.Unit;
import dev.runinvm.report.ReportDocument.Row;
import dev.runinvm.report.RunDocument.Fact;
import dev.runinvm.report.RunDocument.Outcome;
import dev.runinvm.report.RunDocument.Phase;
import dev.runinvm.report.RunDocument.TestEntry;
import gg.jte.ContentType;
import gg.jte.TemplateEngine;
import gg.jte.output.StringOutput;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The report as one page: what the template shows, worked out beforehand. */
final class HtmlPage {
    /** Failures shown with their stack traces; the rest is in the JSON. */
    static final int FAILURES = 200;
    /** Differences shown with their diffs. */
    static final int DIFFERENCES = 200;

    private static final TemplateEngine TEMPLATES = TemplateEngine.createPrecompiled(
            null, ContentType.Html, HtmlPage.class.getClassLoader(), HtmlPage.class.getPackageName());

    /** A phase under each technique that has it, the mean over its runs. */
    record PhaseRow(String name, String meaning, Map<String, Long> nanos) {}

    /** A counter under each technique, summed over its runs. */
    record CounterRow(String name, String meaning, Unit unit, Map<String, Long> values) {}

    /** Counters of a kind. */
    record CounterGroup(String name, List<CounterRow> rows) {}

    /** A failure with all that is known of it. */
    record FailureView(String technique, String className, TestEntry test) {}

    /** A fact of the host, and the techniques whose runs tell of it. */
    record FactRow(String name, String value, String verdict) {}

    private final ReportDocument report;

    private HtmlPage(ReportDocument report) {
        this.report = report;
    }

    static String render(ReportDocument report) {
        StringOutput out = new StringOutput(1 << 20);
        TEMPLATES.render("report.jte", Map.of("page", new HtmlPage(report), "report", report), out);
        return out.toString();
    }

    List<PhaseRow> phases() {
        Set<String> names = new LinkedHashSet<>(PhaseNames.meanings().keySet());
        report.runs().forEach(r -> r.phases().forEach(p -> names.add(p.name())));
        List<PhaseRow> rows = new ArrayList<>();
        for (String name : names) {
            Map<String, Long> nanos = new LinkedHashMap<>();
            for (String technique : report.techniques()) {
                long mean = Math.round(booted(technique).stream()
                        .mapToLong(r -> phase(r, name))
                        .average()
                        .orElse(0));
                if (mean > 0) {
                    nanos.put(technique, mean);
                }
            }
            if (!nanos.isEmpty()) {
                rows.add(new PhaseRow(
                        name, PhaseNames.meanings().getOrDefault(name, "told by the guest or the engine"), nanos));
            }
        }
        return rows;
    }

    private static long phase(RunDocument run, String name) {
        return run.phases().stream()
                .filter(p -> p.name().equals(name))
                .mapToLong(Phase::nanos)
                .sum();
    }

    /** Runs of a technique that had a guest. */
    private List<RunDocument> booted(String technique) {
        return report.runs().stream()
                .filter(r -> r.technique().equals(technique) && r.guest().kernel() != null)
                .toList();
    }

    /** The mean time of a technique's runs, which its phases sum to. */
    long meanNanos(String technique) {
        return Math.round(booted(technique).stream()
                .mapToLong(RunDocument::nanos)
                .average()
                .orElse(0));
    }

    int bootedRuns(String technique) {
        return booted(technique).size();
    }

    List<CounterGroup> counters() {
        Map<String, Map<String, Long>> sums = new java.util.TreeMap<>();
        for (RunDocument run : report.runs()) {
            run.counters()
                    .forEach((name, value) -> sums.computeIfAbsent(name, k -> new LinkedHashMap<>())
                            .merge(run.technique(), value, Long::sum));
        }
        CounterCatalogue catalogue = CounterCatalogue.standard();
        Map<String, List<CounterRow>> groups = new LinkedHashMap<>();
        catalogue.groups().forEach(g -> groups.put(g, new ArrayList<>()));
        sums.forEach((name, values) -> {
            Entry entry = catalogue
                    .explain(name)
                    .orElse(new Entry(name, "Others", Unit.COUNT, "This version of the report does not know it."));
            if (values.values().stream().anyMatch(v -> v != 0)) {
                groups.computeIfAbsent(entry.group(), k -> new ArrayList<>())
                        .add(new CounterRow(name, entry.meaning(), entry.unit(), values));
            }
        });
        return groups.entrySet().stream()
                .filter(e -> !e.getValue().isEmpty())
                .map(e -> new CounterGroup(e.getKey(), e.getValue()))
                .toList();
    }

    List<FailureView> failures() {
        return report.runs().stream()
                .flatMap(r -> r.tests().stream()
                        .filter(t -> t.failure() != null && t.outcome() == Outcome.FAILED)
                        .map(t -> new FailureView(r.technique(), r.name(), t)))
                .toList();
    }

    /** Host facts; a fact that differs between runs is there more than once. */
    Set<FactRow> facts() {
        Set<FactRow> rows = new LinkedHashSet<>();
        for (RunDocument run : report.runs()) {
            for (Fact fact : run.host().facts()) {
                // memory and the cache's size change from minute to minute: the first word on them will do
                if (rows.stream().noneMatch(r -> r.name().equals(fact.name()) && moving(fact.name()))) {
                    rows.add(new FactRow(fact.name(), fact.value(), fact.verdict()));
                }
            }
        }
        return Collections.unmodifiableSet(rows);
    }

    private static boolean moving(String fact) {
        return fact.equals("memory") || fact.equals("image cache");
    }

    /** Rows that belong together, in order: a class's. */
    Map<String, List<Row>> rowsByClass() {
        Map<String, List<Row>> classes = new LinkedHashMap<>();
        report.rows()
                .forEach(r -> classes.computeIfAbsent(r.className(), k -> new ArrayList<>())
                        .add(r));
        return classes;
    }

    String title() {
        return report.techniques().isEmpty()
                ? "Tests in guests"
                : "Tests in guests: " + String.join(", ", report.techniques());
    }

    boolean hasCharts() {
        return report.runs().stream().anyMatch(r -> !r.phases().isEmpty());
    }

    /** What the charts show, as JSON that can stand in a script element. */
    String chartData() {
        Map<String, Object> data = new LinkedHashMap<>();
        data.put("techniques", report.techniques());
        List<Object> phases = new ArrayList<>();
        phases().forEach(p -> phases.add(series(p.name(), p.nanos())));
        data.put("phases", phases);
        List<Object> processor = new ArrayList<>();
        for (List<String> part : List.of(
                List.of("guest's kernel", "cpu.kernelNanos"),
                List.of("guest's programs", "cpu.userNanos"),
                List.of("asleep", "cpu.haltNanos"))) {
            processor.add(series(part.get(0), counter(part.get(1))));
        }
        data.put("processor", processor);
        try {
            return JSON.std
                    .asString(data)
                    .replace("<", "\\u003c")
                    .replace("\u2028", "\\u2028")
                    .replace("\u2029", "\\u2029");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    boolean hasProcessorTimes() {
        return !counter("cpu.kernelNanos").isEmpty();
    }

    private Map<String, Long> counter(String name) {
        Map<String, Long> values = new LinkedHashMap<>();
        for (RunDocument run : report.runs()) {
            Long value = run.counters().get(name);
            if (value != null) {
                values.merge(run.technique(), value, Long::sum);
            }
        }
        return values;
    }

    private Map<String, Object> series(String name, Map<String, Long> nanos) {
        double[] seconds = report.techniques().stream()
                .mapToDouble(t -> nanos.getOrDefault(t, 0L) / 1e9)
                .toArray();
        return Map.of("name", name, "values", seconds);
    }

    /** How a technique's figure relates to the first technique's. */
    String ratio(Map<String, Long> values, String technique) {
        String first = report.techniques().get(0);
        return technique.equals(first)
                ? ""
                : Text.ratio(values.getOrDefault(technique, 0L), values.getOrDefault(first, 0L));
    }

    /** A file of this package's, as it is to stand in the page. */
    static String resource(String name) {
        try (InputStream in = HtmlPage.class.getResourceAsStream(name)) {
            String text = new String(Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.UTF_8);
            if (text.contains("</script") || text.contains("</style")) {
                throw new IllegalStateException(name + " cannot stand in a page: it would end its element");
            }
            return text;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String memory(@Nullable RunDocument run) {
        return run == null ? "" : Text.bytes(run.guest().memoryBytes());
    }

    /** When a run began, without the part of a second. */
    static String moment(String instant) {
        return instant.replaceFirst("\\.\\d+Z", "Z").replace('T', ' ').replace("Z", " UTC");
    }
}
