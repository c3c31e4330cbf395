package dev.runinvm.report;

import dev.runinvm.report.ReportDocument.Cell;
import dev.runinvm.report.ReportDocument.Row;
import dev.runinvm.report.ReportDocument.Summary;
import dev.runinvm.report.RunDocument.End;
import dev.runinvm.report.RunDocument.Outcome;
import dev.runinvm.report.RunDocument.Phase;
import dev.runinvm.report.RunDocument.TestEntry;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Puts runs side by side: a row for each test, a column for each technique. */
final class Comparer {
    private static final List<String> ORDER = List.of("FULL", "PARA", "HW");
    private static final Set<String> BOOT = Set.of(
            PhaseNames.LOAD,
            PhaseNames.EARLY_KERNEL,
            PhaseNames.KERNEL,
            PhaseNames.INIT,
            PhaseNames.JVM,
            PhaseNames.RESTORE);
    /** Techniques in the order in which they are shown. */
    static final Comparator<String> TECHNIQUES = Comparator.<String>comparingInt(
                    t -> ORDER.contains(t) ? ORDER.indexOf(t) : ORDER.size())
            .thenComparing(Comparator.naturalOrder());

    /** What is known of one class under one technique; a later run's word on a test replaces an earlier one's. */
    static final class ClassRuns {
        final Map<String, TestEntry> entries = new LinkedHashMap<>();
        RunDocument last;

        ClassRuns(RunDocument first) {
            last = first;
        }

        void add(RunDocument run) {
            last = run;
            run.tests().forEach(t -> entries.put(t.id(), t));
        }
    }

    private final List<RunDocument> runs;
    /** By the run's name, then by technique. */
    private final Map<String, Map<String, ClassRuns>> classes = new LinkedHashMap<>();

    Comparer(List<RunDocument> runs) {
        this.runs = runs;
        for (RunDocument run : runs) {
            classes.computeIfAbsent(run.name(), k -> new TreeMap<>(TECHNIQUES))
                    .computeIfAbsent(run.technique(), k -> new ClassRuns(run))
                    .add(run);
        }
    }

    /** The report, without a comparison with the one before. */
    ReportDocument compare(List<String> problems) {
        List<String> techniques = runs.stream()
                .map(RunDocument::technique)
                .distinct()
                .sorted(TECHNIQUES)
                .toList();
        List<Row> rows = new ArrayList<>();
        List<ReportDocument.Difference> differences = new ArrayList<>();
        classes.forEach((name, byTechnique) -> {
            List<Row> own = rows(name, byTechnique);
            rows.addAll(own);
            differences.addAll(new Differences(name, byTechnique).of(own));
        });
        differences.sort(Comparator.comparing(ReportDocument.Difference::kind));
        return new ReportDocument(
                ReportDocument.VERSION,
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                techniques,
                techniques.stream().map(t -> summary(t, rows)).toList(),
                List.copyOf(rows),
                List.copyOf(differences),
                null,
                runs,
                problems);
    }

    private static List<Row> rows(String className, Map<String, ClassRuns> byTechnique) {
        Map<String, TestEntry> ids = new LinkedHashMap<>();
        Map<String, TestEntry> all = new HashMap<>();
        byTechnique.values().forEach(r -> {
            all.putAll(r.entries);
            r.entries.values().stream()
                    .filter(t -> t.test() || t.outcome() == Outcome.FAILED)
                    .forEach(t -> ids.putIfAbsent(t.id(), t));
        });
        List<Row> rows = new ArrayList<>();
        ids.forEach((id, entry) -> {
            Map<String, Cell> cells = new LinkedHashMap<>();
            byTechnique.forEach((technique, r) -> cells.put(technique, cell(r, id)));
            rows.add(new Row(id, className, name(entry, all), cells));
        });
        return rows;
    }

    private static Cell cell(ClassRuns runs, String id) {
        TestEntry entry = runs.entries.get(id);
        if (entry == null) {
            boolean finished = runs.last.end().kind().equals(End.FINISHED);
            // why a guest did not run its tests is said once, of the run
            return new Cell(Outcome.NOT_RUN, 0, finished ? "there is no such test under this technique" : null);
        }
        return new Cell(entry.outcome(), entry.nanos(), entry.reason());
    }

    /** Display names from below the class to the test; the test's alone where the plan was not told whole. */
    private static String name(TestEntry entry, Map<String, TestEntry> all) {
        StringBuilder name = new StringBuilder(entry.displayName());
        TestEntry above = above(entry, all);
        while (above != null) {
            TestEntry next = above(above, all);
            if (next == null || above(next, all) == null) {
                break; // the class itself, or the engine
            }
            name.insert(0, above.displayName() + " \u203a ");
            above = next;
        }
        return name.toString();
    }

    private static @Nullable TestEntry above(TestEntry entry, Map<String, TestEntry> all) {
        return entry.parent() == null ? null : all.get(entry.parent());
    }

    private Summary summary(String technique, Collection<Row> rows) {
        List<RunDocument> own =
                runs.stream().filter(r -> r.technique().equals(technique)).toList();
        int[] counts = new int[Outcome.values().length];
        long testNanos = 0;
        for (Row row : rows) {
            Cell cell = row.cells().get(technique);
            if (cell != null) {
                counts[cell.outcome().ordinal()]++;
                testNanos += cell.nanos();
            }
        }
        int skipped = counts[Outcome.SKIPPED.ordinal()] + counts[Outcome.ABORTED.ordinal()];
        int notRun = counts[Outcome.NOT_RUN.ordinal()] + counts[Outcome.UNFINISHED.ordinal()];
        int passed = counts[Outcome.PASSED.ordinal()];
        int failed = counts[Outcome.FAILED.ordinal()];
        return new Summary(
                technique,
                own.size(),
                passed + failed + skipped + notRun,
                passed,
                failed,
                skipped,
                notRun,
                own.stream().mapToLong(RunDocument::nanos).sum(),
                (long) own.stream()
                        .filter(r -> r.guest().java() != null)
                        .mapToLong(Comparer::bootNanos)
                        .average()
                        .orElse(0),
                testNanos);
    }

    private static long bootNanos(RunDocument run) {
        return run.phases().stream()
                .filter(p -> BOOT.contains(p.name()))
                .mapToLong(Phase::nanos)
                .sum();
    }
}
