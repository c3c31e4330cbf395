package dev.runinvm.report;

import dev.runinvm.report.RunDocument.End;
import dev.runinvm.report.RunDocument.Fact;
import dev.runinvm.report.RunDocument.Failure;
import dev.runinvm.report.RunDocument.FileLink;
import dev.runinvm.report.RunDocument.Guest;
import dev.runinvm.report.RunDocument.Host;
import dev.runinvm.report.RunDocument.Outcome;
import dev.runinvm.report.RunDocument.Output;
import dev.runinvm.report.RunDocument.Phase;
import dev.runinvm.report.RunDocument.TestEntry;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Documents made up for tests: what they say was never measured. */
final class SampleRuns {
    static final String CLASS = "example.GuestTest";
    static final String ENGINE = "[engine:junit-jupiter]";
    static final String CONTAINER = ENGINE + "/[class:" + CLASS + "]";

    private SampleRuns() {}

    /** A run of some tests. */
    static RunDocument run(String technique, List<TestEntry> tests) {
        return run(technique, CLASS, "2026-01-02T03:04:05Z", tests);
    }

    static RunDocument run(String technique, String className, String startedAt, List<TestEntry> tests) {
        List<TestEntry> all = new ArrayList<>();
        all.add(new TestEntry(ENGINE, null, "JUnit Jupiter", false, Outcome.PASSED, 0, null, null, null, null));
        all.add(new TestEntry(
                ENGINE + "/[class:" + className + "]",
                ENGINE,
                className.substring(className.lastIndexOf('.') + 1),
                false,
                Outcome.PASSED,
                0,
                null,
                null,
                null,
                null));
        all.addAll(tests);
        Map<String, Long> counters = new LinkedHashMap<>();
        counters.put("cpu.instructionsInterpreted", 123_456_789L);
        counters.put("direct.syscalls", 25_000L);
        counters.put("channel.bytesFromGuest", 4_096L);
        List<Phase> phases = List.of(
                new Phase(PhaseNames.IMAGE, 0, 50_000_000L),
                new Phase(PhaseNames.LOAD, 50_000_000L, 150_000_000L),
                new Phase(PhaseNames.KERNEL, 200_000_000L, 2_000_000_000L),
                new Phase(PhaseNames.TESTS, 2_200_000_000L, 1_000_000_000L));
        return new RunDocument(
                RunDocument.VERSION,
                technique + "-" + className + "-" + startedAt,
                technique,
                className,
                className,
                List.of(),
                startedAt,
                3_200_000_000L,
                new Host(List.of(new Fact("operating system", "Linux 6.1, amd64", "OK"))),
                new Guest("6.1.0-56-cloud-amd64", "17.0.15+6", 1L << 30),
                phases,
                counters,
                all,
                new Output("printed outside of tests\n", 0),
                new End("FINISHED", "all tests had run"),
                List.of(new FileLink("console", "console.log")),
                List.of());
    }

    /** A run that had no guest. */
    static RunDocument notStarted(String technique, String why) {
        return new RunDocument(
                RunDocument.VERSION,
                technique + " not started",
                technique,
                CLASS,
                CLASS,
                List.of(),
                "2026-01-02T03:04:06Z",
                1_000_000L,
                new Host(List.of()),
                new Guest(null, null, 1L << 30),
                List.of(new Phase(PhaseNames.CUT, 0, 1_000_000L)),
                Map.of(),
                List.of(),
                null,
                new End(End.NOT_STARTED, why),
                List.of(),
                List.of());
    }

    static TestEntry passed(String method) {
        return test(method, Outcome.PASSED, null, "");
    }

    static TestEntry failed(String method, String type, String message) {
        return test(
                method,
                Outcome.FAILED,
                new Failure(type, message, type + ": " + message + "\n\tat example.GuestTest." + method, null, null),
                "");
    }

    static TestEntry printing(String method, String text) {
        return test(method, Outcome.PASSED, null, text);
    }

    static TestEntry test(
            String method, Outcome outcome, @org.jspecify.annotations.Nullable Failure failure, String out) {
        return new TestEntry(
                CONTAINER + "/[method:" + method + "()]",
                CONTAINER,
                method + "()",
                true,
                outcome,
                12_000_000L,
                outcome == Outcome.SKIPPED ? "not today" : null,
                failure,
                out.isEmpty() ? null : new Output(out, 0),
                null);
    }
}
