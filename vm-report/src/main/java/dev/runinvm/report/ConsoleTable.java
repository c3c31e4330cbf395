package dev.runinvm.report;

import dev.runinvm.report.ReportDocument.Change;
import dev.runinvm.report.ReportDocument.Difference;
import dev.runinvm.report.ReportDocument.Kind;
import dev.runinvm.report.ReportDocument.Summary;
import dev.runinvm.report.RunDocument.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The report in a few lines, for the end of a build. */
final class ConsoleTable {
    private static final int NAMED = 10;
    private static final int WIDTH = 160;

    private ConsoleTable() {}

    static List<String> lines(ReportDocument report) {
        List<String> lines = new ArrayList<>();
        if (report.runs().isEmpty()) {
            lines.add("No test has run in a guest.");
            return lines;
        }
        lines.add(row("technique", "guests", "tests", "passed", "failed", "skipped", "not run", "boot", "tests' time"));
        for (Summary s : report.summaries()) {
            lines.add(row(
                    s.technique(),
                    String.valueOf(s.runs()),
                    String.valueOf(s.tests()),
                    String.valueOf(s.passed()),
                    String.valueOf(s.failed()),
                    String.valueOf(s.skipped()),
                    String.valueOf(s.notRun()),
                    s.bootNanos() == 0 ? "-" : Text.time(s.bootNanos()),
                    Text.time(s.testNanos())));
        }
        differences(report, lines);
        if (report.changes() != null) {
            changes(report.changes().outcomes(), lines);
        }
        report.problems().forEach(p -> lines.add(Text.line(p, WIDTH)));
        return lines;
    }

    private static void differences(ReportDocument report, List<String> lines) {
        List<Difference> grave = report.differences().stream()
                .filter(d -> d.kind() != Kind.OUTPUT)
                .toList();
        int outputs = report.differences().size() - grave.size();
        if (report.techniques().size() > 1 && report.differences().isEmpty()) {
            lines.add("No test differs between " + String.join(", ", report.techniques()) + ".");
        }
        if (!grave.isEmpty()) {
            lines.add(Text.number(grave.size(), "difference", "differences") + " between "
                    + String.join(", ", report.techniques()) + ":");
            grave.stream()
                    .limit(NAMED)
                    .forEach(d -> lines.add(Text.line(
                            "  " + simple(d.className()) + " \u203a " + d.name() + ": " + d.sentence(), WIDTH)));
            more(grave.size(), lines);
        }
        if (outputs > 0) {
            lines.add(
                    outputs == 1
                            ? "1 test prints something else under another technique."
                            : outputs + " tests print something else under another technique.");
        }
    }

    private static void changes(List<Change> changes, List<String> lines) {
        List<Change> broken = changes.stream()
                .filter(c -> c.before() == Outcome.PASSED && c.after() == Outcome.FAILED)
                .toList();
        if (!broken.isEmpty()) {
            lines.add(Text.number(broken.size(), "test", "tests") + " passed in the run before and failed now:");
            broken.stream()
                    .limit(NAMED)
                    .forEach(c -> lines.add(Text.line(
                            "  [" + c.technique() + "] " + simple(c.className()) + " \u203a " + c.name(), WIDTH)));
            more(broken.size(), lines);
        }
    }

    private static void more(int count, List<String> lines) {
        if (count > NAMED) {
            lines.add("  and " + (count - NAMED) + " more, see the report");
        }
    }

    private static String simple(String className) {
        return className.substring(className.lastIndexOf('.') + 1);
    }

    private static String row(Object... cells) {
        return String.format(Locale.ROOT, "%-10s%7s%8s%8s%8s%9s%9s%12s%13s", cells);
    }
}
