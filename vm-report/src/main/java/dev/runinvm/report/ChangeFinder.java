package dev.runinvm.report;

import dev.runinvm.report.ReportDocument.Cell;
import dev.runinvm.report.ReportDocument.Change;
import dev.runinvm.report.ReportDocument.Changes;
import dev.runinvm.report.ReportDocument.Row;
import dev.runinvm.report.ReportDocument.Summary;
import dev.runinvm.report.ReportDocument.Times;
import dev.runinvm.report.RunDocument.Outcome;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Says what is different from the report before. */
final class ChangeFinder {
    /** Changes that are kept: more than that is another project. */
    private static final int KEPT = 1_000;

    private ChangeFinder() {}

    /** The report with what has changed since the one before. */
    static ReportDocument since(ReportDocument previous, ReportDocument now) {
        Changes changes = new Changes(previous.createdAt(), outcomes(previous, now), times(previous, now));
        return new ReportDocument(
                now.version(),
                now.createdAt(),
                now.techniques(),
                now.summaries(),
                now.rows(),
                now.differences(),
                changes,
                now.runs(),
                now.problems());
    }

    private static List<Change> outcomes(ReportDocument previous, ReportDocument now) {
        Map<String, Row> before = new LinkedHashMap<>();
        previous.rows().forEach(row -> before.put(key(row), row));
        List<Change> changes = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        for (Row row : now.rows()) {
            seen.add(key(row));
            Row old = before.get(key(row));
            row.cells().forEach((technique, cell) -> {
                // of a technique that is new altogether there is nothing to compare
                if (previous.techniques().contains(technique)) {
                    add(changes, technique, row, old, cell);
                }
            });
        }
        for (Row row : previous.rows()) {
            if (!seen.contains(key(row))) {
                row.cells()
                        .forEach((technique, cell) ->
                                changes.add(new Change(technique, row.className(), row.name(), cell.outcome(), null)));
            }
        }
        return List.copyOf(changes.subList(0, Math.min(KEPT, changes.size())));
    }

    private static void add(List<Change> changes, String technique, Row row, @Nullable Row old, Cell cell) {
        Cell then = old == null ? null : old.cells().get(technique);
        Outcome before = then == null ? null : then.outcome();
        if (before != cell.outcome()) {
            changes.add(new Change(technique, row.className(), row.name(), before, cell.outcome()));
        }
    }

    private static String key(Row row) {
        return row.className() + "\n" + row.id();
    }

    private static List<Times> times(ReportDocument previous, ReportDocument now) {
        List<Times> times = new ArrayList<>();
        for (Summary summary : now.summaries()) {
            previous.summaries().stream()
                    .filter(s -> s.technique().equals(summary.technique()))
                    .findFirst()
                    .ifPresent(s -> times.add(new Times(
                            s.technique(), s.bootNanos(), summary.bootNanos(), s.testNanos(), summary.testNanos())));
        }
        return times;
    }
}
