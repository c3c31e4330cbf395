package dev.runinvm.report;

import dev.runinvm.report.ReportDocument.Difference;
import dev.runinvm.report.ReportDocument.Kind;
import dev.runinvm.report.ReportDocument.Summary;
import dev.runinvm.report.RunDocument.Outcome;
import dev.runinvm.report.RunDocument.TestEntry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Documents in, report out. */
class ReportTest {
    private static final String ASSERTION = "org.opentest4j.AssertionFailedError";

    @TempDir
    Path directory;

    private static ReportDocument compare(RunDocument... runs) {
        return new Comparer(List.of(runs)).compare(List.of());
    }

    private static RunDocument full(TestEntry... tests) {
        return SampleRuns.run("FULL", List.of(tests));
    }

    private static RunDocument para(TestEntry... tests) {
        return SampleRuns.run("PARA", List.of(tests));
    }

    private static Difference onlyDifference(RunDocument... runs) {
        List<Difference> differences = compare(runs).differences();
        assertEquals(1, differences.size(), differences.toString());
        return differences.get(0);
    }

    @Test
    void aTestThatPassesHereAndFailsThereIsNamedWithBoth() {
        Difference d = onlyDifference(
                full(SampleRuns.passed("reads"), SampleRuns.passed("same")),
                para(SampleRuns.failed("reads", ASSERTION, "no TSC"), SampleRuns.passed("same")));

        assertEquals(Kind.OUTCOME, d.kind());
        assertEquals("reads()", d.name());
        assertEquals("passes under FULL; fails under PARA (AssertionFailedError: no TSC)", d.sentence());
    }

    @Test
    void anotherExceptionIsADifference() {
        Difference d = onlyDifference(
                full(SampleRuns.failed("reads", ASSERTION, "1")),
                para(SampleRuns.failed("reads", "java.io.IOException", "1")));

        assertEquals(Kind.EXCEPTION, d.kind());
        assertEquals(
                List.of("@@ -1,1 +1,1 @@", "-" + ASSERTION + ": 1", "+java.io.IOException: 1"),
                d.diffs().get(0).lines());
    }

    @Test
    void anotherOutputIsADifferenceWithADiff() {
        Difference d = onlyDifference(
                full(SampleRuns.printing("prints", "one\ntwo\nthree\n")),
                para(SampleRuns.printing("prints", "one\n2\nthree\n")));

        assertEquals(Kind.OUTPUT, d.kind());
        assertEquals("standard output", d.diffs().get(0).what());
        assertEquals(
                List.of("@@ -1,3 +1,3 @@", " one", "-two", "+2", " three"),
                d.diffs().get(0).lines());
    }

    @Test
    void aTechniqueThatCannotRunIsOneDifferenceAndNotOneForEachTest() {
        RunDocument lacking = SampleRuns.notStarted("HW", "technique HW cannot run here: no /dev/kvm");

        Difference d = onlyDifference(full(SampleRuns.passed("a"), SampleRuns.passed("b")), lacking);

        assertEquals(Kind.RUN, d.kind());
        assertEquals("under HW the guest was not started: technique HW cannot run here: no /dev/kvm", d.sentence());
    }

    @Test
    void aTestOfOneTechniqueOnlyIsADifference() {
        Difference d =
                onlyDifference(full(SampleRuns.passed("a"), SampleRuns.passed("b")), para(SampleRuns.passed("a")));

        assertEquals(Kind.PRESENCE, d.kind());
        assertEquals("only under FULL, not under PARA", d.sentence());
    }

    @Test
    void gravestDifferencesComeFirst() {
        List<Kind> kinds = compare(
                        full(
                                SampleRuns.printing("a", "x"),
                                SampleRuns.failed("b", ASSERTION, "1"),
                                SampleRuns.passed("c")),
                        para(
                                SampleRuns.printing("a", "y"),
                                SampleRuns.failed("b", ASSERTION, "2"),
                                SampleRuns.failed("c", ASSERTION, "3")))
                .differences()
                .stream()
                .map(Difference::kind)
                .toList();

        assertEquals(List.of(Kind.OUTCOME, Kind.EXCEPTION, Kind.OUTPUT), kinds);
    }

    @Test
    void sumsOfEachTechniqueAreThoseOfItsTests() {
        ReportDocument report = compare(
                full(
                        SampleRuns.passed("a"),
                        SampleRuns.failed("b", ASSERTION, ""),
                        SampleRuns.test("c", Outcome.SKIPPED, null, ""),
                        SampleRuns.test("d", Outcome.UNFINISHED, null, ""),
                        SampleRuns.test("e", Outcome.ABORTED, null, "")),
                SampleRuns.notStarted("HW", "no /dev/kvm"));

        Summary full = report.summaries().get(0);
        Summary hw = report.summaries().get(1);
        assertEquals(List.of("FULL", "HW"), report.techniques());
        assertEquals(5, full.tests());
        assertEquals(List.of(1, 1, 2, 1), List.of(full.passed(), full.failed(), full.skipped(), full.notRun()));
        assertEquals(List.of(0, 0, 0, 5), List.of(hw.passed(), hw.failed(), hw.skipped(), hw.notRun()));
        assertEquals(2_150_000_000L, full.bootNanos());
    }

    @Test
    void aLaterRunOfATestReplacesTheEarlierOne() {
        ReportDocument report = compare(
                SampleRuns.run(
                        "FULL",
                        SampleRuns.CLASS,
                        "2026-01-02T03:04:05Z",
                        List.of(SampleRuns.failed("flaky", ASSERTION, "once"), SampleRuns.passed("steady"))),
                SampleRuns.run("FULL", SampleRuns.CLASS, "2026-01-02T03:05:05Z", List.of(SampleRuns.passed("flaky"))));

        assertEquals(2, report.summaries().get(0).passed());
        assertEquals(0, report.summaries().get(0).failed());
    }

    @Test
    void theJsonKeepsToItsSchema() throws IOException {
        write(full(SampleRuns.passed("a"), SampleRuns.printing("p", "1")));
        Report.make(directory);
        write(
                SampleRuns.run(
                        "FULL",
                        SampleRuns.CLASS,
                        "2026-02-02T03:04:05Z",
                        List.of(SampleRuns.failed("a", ASSERTION, "now"), SampleRuns.printing("p", "1"))),
                para(SampleRuns.passed("a"), SampleRuns.printing("p", "2")),
                SampleRuns.notStarted("HW", "no /dev/kvm"));

        Report.Made made = Report.make(directory);

        String json = Files.readString(made.data());
        assertTrue(json.contains("\"changes\""), json);
        assertEquals(List.of(), Schemas.errors(Schemas.REPORT, json));
        assertFalse(Schemas.errors(Schemas.REPORT, json.replace("\"rows\"", "\"row\""))
                .isEmpty());
        assertFalse(Schemas.errors(Schemas.REPORT, json.replace("\"selected\"", "\"chosen\""))
                .isEmpty());
    }

    @Test
    void theConsoleNamesWhatDiffers() {
        ReportDocument report = compare(
                full(SampleRuns.passed("reads"), SampleRuns.printing("p", "1")),
                para(SampleRuns.failed("reads", ASSERTION, "no\u001b[31m TSC"), SampleRuns.printing("p", "2")));

        assertEquals(
                List.of(
                        "technique  guests   tests  passed  failed  skipped  not run        boot  tests' time",
                        "FULL            1       2       2       0        0        0      2.15 s        24 ms",
                        "PARA            1       2       1       1        0        0      2.15 s        24 ms",
                        "1 difference between FULL, PARA:",
                        "  GuestTest \u203a reads(): passes under FULL; fails under PARA (AssertionFailedError: no\u241b[31m TSC)",
                        "1 test prints something else under another technique."),
                ConsoleTable.lines(report));
    }

    @Test
    void theConsoleStaysShortWhereMuchDiffers() {
        TestEntry[] passed =
                IntStream.range(0, 50).mapToObj(i -> SampleRuns.passed("t" + i)).toArray(TestEntry[]::new);
        TestEntry[] failed = IntStream.range(0, 50)
                .mapToObj(i -> SampleRuns.failed("t" + i, ASSERTION, "x".repeat(500)))
                .toArray(TestEntry[]::new);

        List<String> lines = ConsoleTable.lines(compare(full(passed), para(failed)));

        assertTrue(lines.size() < 20, lines.toString());
        assertTrue(lines.stream().allMatch(l -> l.length() <= 160), lines.toString());
        assertTrue(lines.contains("  and 40 more, see the report"), lines.toString());
    }

    @Test
    void noRunsAtAllMakeAReportThatSaysSo() throws IOException {
        Report.Made made = Report.make(directory);

        assertEquals(List.of("No test has run in a guest."), made.console());
        assertTrue(Files.readString(made.page()).contains("No test has run in a guest."));
        assertEquals(List.of(), Schemas.errors(Schemas.REPORT, Files.readString(made.data())));
    }

    @Test
    void theReportBeforeIsComparedWithAndKept() throws IOException {
        write(full(SampleRuns.passed("a"), SampleRuns.passed("gone")));
        Report.make(directory);
        write(SampleRuns.run(
                "FULL",
                SampleRuns.CLASS,
                "2026-02-02T03:04:05Z",
                List.of(SampleRuns.failed("a", ASSERTION, "now"), SampleRuns.passed("fresh"))));

        Report.Made made = Report.make(directory);

        String json = Files.readString(made.data());
        assertTrue(json.contains("\"previousCreatedAt\""), json);
        assertTrue(
                made.console()
                        .containsAll(List.of(
                                "1 test passed in the run before and failed now:", "  [FULL] GuestTest \u203a a()")),
                made.console().toString());
        String page = Files.readString(made.page());
        assertTrue(page.contains("Since the run before"), "changes");
        assertTrue(page.contains(">new<") && page.contains(">gone<"), "new and gone tests");

        // made once more of the same runs: still compared with the run before, not with itself
        Report.Made again = Report.make(directory);
        assertEquals(made.console(), again.console());
        try (Stream<Path> files = Files.list(directory.resolve("report"))) {
            assertEquals(
                    List.of("index.html", "report-previous.json", "report.json"),
                    files.map(f -> f.getFileName().toString()).sorted().toList());
        }
    }

    @Test
    void aReportBeforeThatIsBrokenIsNamedAndLeftOut() throws IOException {
        Files.createDirectories(directory.resolve("report"));
        Files.writeString(directory.resolve("report/report.json"), "{\"version\":1,");
        write(full(SampleRuns.passed("a")));

        Report.Made made = Report.make(directory);

        assertTrue(
                made.console().toString().contains("could not be read"),
                made.console().toString());
        assertNull(compare(full()).changes());
    }

    private void write(RunDocument... runs) throws IOException {
        for (RunDocument run : runs) {
            RunDocuments.write(run, directory.resolve(run.name()), 1);
        }
    }
}
