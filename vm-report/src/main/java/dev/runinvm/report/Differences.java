package dev.runinvm.report;

import com.github.difflib.DiffUtils;
import com.github.difflib.UnifiedDiffUtils;
import dev.runinvm.report.Comparer.ClassRuns;
import dev.runinvm.report.ReportDocument.Diff;
import dev.runinvm.report.ReportDocument.Difference;
import dev.runinvm.report.ReportDocument.Kind;
import dev.runinvm.report.ReportDocument.Row;
import dev.runinvm.report.RunDocument.End;
import dev.runinvm.report.RunDocument.Failure;
import dev.runinvm.report.RunDocument.Outcome;
import dev.runinvm.report.RunDocument.Output;
import dev.runinvm.report.RunDocument.TestEntry;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/** Finds what one class does differently under different techniques. */
final class Differences {
    /** Lines of either text that are compared: what comes after is cut before, so that the work is bounded. */
    private static final int COMPARED = 2_000;
    /** Lines of a diff that are kept. */
    private static final int KEPT = 400;

    private static final int CONTEXT = 3;

    private final String className;
    private final Map<String, ClassRuns> byTechnique;

    Differences(String className, Map<String, ClassRuns> byTechnique) {
        this.className = className;
        this.byTechnique = byTechnique;
    }

    List<Difference> of(List<Row> rows) {
        List<Difference> found = new ArrayList<>();
        if (byTechnique.size() > 1) {
            ofRuns().ifPresent(found::add);
            rows.forEach(row -> ofRow(row).ifPresent(found::add));
        }
        return found;
    }

    private Optional<Difference> ofRuns() {
        boolean oneFinished = byTechnique.values().stream().anyMatch(r -> finished(r));
        StringJoiner sentence = new StringJoiner("; ");
        byTechnique.forEach((technique, r) -> {
            if (!finished(r)) {
                String how = r.last.end().kind().equals(End.NOT_STARTED) ? "was not started" : "ended early";
                sentence.add("under " + technique + " the guest " + how + ": "
                        + r.last.end().detail());
            }
        });
        return oneFinished && sentence.length() > 0
                ? Optional.of(new Difference(Kind.RUN, "", className, "the whole run", sentence.toString(), List.of()))
                : Optional.empty();
    }

    private static boolean finished(ClassRuns runs) {
        return runs.last.end().kind().equals(End.FINISHED);
    }

    private Optional<Difference> ofRow(Row row) {
        Map<String, TestEntry> entries = new LinkedHashMap<>();
        List<String> lacking = new ArrayList<>();
        byTechnique.forEach((technique, r) -> {
            TestEntry entry = r.entries.get(row.id());
            if (entry != null && entry.outcome() != Outcome.NOT_RUN) {
                entries.put(technique, entry);
            } else if (entry == null && finished(r)) {
                lacking.add(technique);
            }
        });
        if (entries.isEmpty()) {
            return Optional.empty();
        }
        if (entries.values().stream().map(TestEntry::outcome).distinct().count() > 1) {
            return Optional.of(difference(Kind.OUTCOME, row, outcomes(entries), diffs(entries)));
        }
        if (!lacking.isEmpty()) {
            String sentence =
                    "only under " + String.join(", ", entries.keySet()) + ", not under " + String.join(", ", lacking);
            return Optional.of(difference(Kind.PRESENCE, row, sentence, List.of()));
        }
        if (entries.values().stream().map(Differences::failureKey).distinct().count() > 1) {
            return Optional.of(difference(Kind.EXCEPTION, row, outcomes(entries), diffs(entries)));
        }
        List<Diff> diffs = diffs(entries);
        return diffs.isEmpty()
                ? Optional.empty()
                : Optional.of(difference(Kind.OUTPUT, row, "prints something else", diffs));
    }

    private Difference difference(Kind kind, Row row, String sentence, List<Diff> diffs) {
        return new Difference(kind, row.id(), className, row.name(), sentence, diffs);
    }

    private static String failureKey(TestEntry entry) {
        Failure failure = entry.failure();
        return failure == null ? "" : failure.type() + "\n" + failure.message();
    }

    private static String outcomes(Map<String, TestEntry> entries) {
        StringJoiner sentence = new StringJoiner("; ");
        entries.forEach((technique, entry) -> {
            Failure failure = entry.failure();
            sentence.add(verb(entry.outcome()) + " under " + technique
                    + (failure == null || entry.outcome() == Outcome.PASSED ? "" : " (" + brief(failure) + ")"));
        });
        return sentence.toString();
    }

    private static String brief(Failure failure) {
        String type = failure.type().substring(failure.type().lastIndexOf('.') + 1);
        String message = failure.message() == null
                ? ""
                : failure.message().lines().findFirst().orElse("");
        return message.isEmpty()
                ? type
                : type + ": " + (message.length() > 200 ? message.substring(0, 200) + "\u2026" : message);
    }

    static String verb(Outcome outcome) {
        return switch (outcome) {
            case PASSED -> "passes";
            case FAILED -> "fails";
            case ABORTED -> "is aborted";
            case SKIPPED -> "is skipped";
            case UNFINISHED -> "does not come to its end";
            case NOT_RUN -> "does not run";
        };
    }

    /** Every technique's texts against the first's. */
    private static List<Diff> diffs(Map<String, TestEntry> entries) {
        List<Diff> diffs = new ArrayList<>();
        @Nullable String first = null;
        for (String technique : entries.keySet()) {
            if (first == null) {
                first = technique;
                continue;
            }
            TestEntry a = Objects.requireNonNull(entries.get(first));
            TestEntry b = Objects.requireNonNull(entries.get(technique));
            add(diffs, "exception", first, technique, text(a.failure()), text(b.failure()));
            add(diffs, "standard output", first, technique, text(a.out()), text(b.out()));
            add(diffs, "standard error", first, technique, text(a.err()), text(b.err()));
        }
        return diffs;
    }

    private static String text(@Nullable Failure failure) {
        return failure == null ? "" : failure.type() + (failure.message() == null ? "" : ": " + failure.message());
    }

    private static String text(@Nullable Output output) {
        return output == null ? "" : output.text();
    }

    private static void add(List<Diff> diffs, String what, String from, String to, String a, String b) {
        if (a.equals(b)) {
            return;
        }
        List<String> before = a.lines().limit(COMPARED).toList();
        List<String> after = b.lines().limit(COMPARED).toList();
        List<String> lines =
                UnifiedDiffUtils.generateUnifiedDiff(from, to, before, DiffUtils.diff(before, after), CONTEXT);
        // the two first lines name the texts; none at all: they differ in line ends, or beyond what is compared
        List<String> body = lines.size() > 2 ? lines.subList(2, lines.size()) : List.of();
        diffs.add(new Diff(
                what, from, to, List.copyOf(body.subList(0, Math.min(KEPT, body.size()))), body.size() > KEPT));
    }
}
