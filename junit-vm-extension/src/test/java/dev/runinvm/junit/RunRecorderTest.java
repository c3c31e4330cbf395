package dev.runinvm.junit;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.report.PhaseNames;
import dev.runinvm.report.RunDocument;
import dev.runinvm.report.RunDocument.Outcome;
import dev.runinvm.report.RunDocument.TestEntry;
import dev.runinvm.report.RunDocuments;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.platform.engine.TestExecutionResult.Status;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** What a run leaves behind. Protocol only: the guest is a fake. */
class RunRecorderTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    @TempDir
    Path logs;

    private final Host host = new Host();

    @RunInVM
    static class Mixed {
        @Test
        void passes() {
            System.out.println("to out \u65e5\u672c");
            System.err.println("to err");
        }

        @Test
        void fails() {
            assertEquals("one", "two", "a comparison");
        }

        @Test
        void throwsWithCause() {
            throw new IllegalStateException("outer", new IOException("inner"));
        }

        @Test
        void assumes() {
            Assumptions.abort("not here");
        }

        @Test
        @Disabled("not today")
        void disabled() {}

        @Test
        void talksMuch() {
            for (int i = 0; i < 100; i++) {
                System.out.println("x".repeat(1023));
            }
        }
    }

    @RunInVM
    static class Crashing {
        @Test
        void ends() {
            Runtime.getRuntime().halt(3);
        }
    }

    private RunDocument run(Class<?> type) throws IOException {
        host.launch(parameters(logs), selectClass(type));
        RunDocuments.Found found = RunDocuments.find(logs);
        assertEquals(List.of(), found.problems());
        assertEquals(1, found.runs().size());
        return found.runs().get(0);
    }

    private static Map<String, String> parameters(Path logs) {
        return Map.of("runinvm.logDirectory", logs.toString());
    }

    @Test
    void everyTestIsThereWithItsOutcome() throws IOException {
        Map<String, TestEntry> tests = run(Mixed.class).tests().stream()
                .filter(TestEntry::test)
                .collect(Collectors.toMap(TestEntry::displayName, Function.identity()));

        assertEquals(6, tests.size());
        assertEquals(Outcome.PASSED, tests.get("passes()").outcome());
        assertEquals("to out \u65e5\u672c\n", tests.get("passes()").out().text());
        assertEquals("to err\n", tests.get("passes()").err().text());
        assertTrue(tests.get("passes()").nanos() > 0);
        assertEquals(Outcome.FAILED, tests.get("fails()").outcome());
        assertEquals("one", tests.get("fails()").failure().expected());
        assertEquals("two", tests.get("fails()").failure().actual());
        assertEquals(
                "org.opentest4j.AssertionFailedError",
                tests.get("fails()").failure().type());
        assertTrue(tests.get("throwsWithCause()").failure().stack().contains("Caused by: java.io.IOException: inner"));
        assertEquals(Outcome.ABORTED, tests.get("assumes()").outcome());
        assertEquals(Outcome.SKIPPED, tests.get("disabled()").outcome());
        assertEquals("not today", tests.get("disabled()").reason());
        RunDocument.Output much = tests.get("talksMuch()").out();
        assertEquals(64 << 10, much.text().length());
        assertEquals(100 * 1024 - (64 << 10), much.dropped());
    }

    @Test
    void outcomesAreThoseThatTheHostsJUnitReports() throws IOException {
        Recorder recorder = host.launch(parameters(logs), selectClass(Mixed.class));
        RunDocument run = RunDocuments.find(logs).runs().get(0);

        for (TestEntry test : run.tests()) {
            if (test.test() && test.outcome() != Outcome.SKIPPED) {
                String status = test.outcome() == Outcome.PASSED
                        ? Status.SUCCESSFUL.name()
                        : test.outcome().name();
                assertTrue(recorder.ends().contains(test.displayName() + " " + status), recorder.ends() + " " + test);
            }
        }
        assertEquals(6, run.tests().stream().filter(TestEntry::test).count());
    }

    @Test
    void phasesHaveNoGapsAndSumToTheWhole() throws IOException {
        long before = System.nanoTime();
        RunDocument run = run(Mixed.class);
        long wall = System.nanoTime() - before;

        long at = 0;
        for (RunDocument.Phase phase : run.phases()) {
            assertEquals(at, phase.startNanos(), phase.name());
            at += phase.nanos();
        }
        assertEquals(run.nanos(), at);
        assertTrue(run.nanos() < wall, run.nanos() + " of " + wall);
        assertEquals(
                List.of(
                        PhaseNames.JVM,
                        PhaseNames.CLASS_PATH,
                        PhaseNames.DISCOVERY,
                        PhaseNames.FIRST_TEST,
                        PhaseNames.TESTS,
                        PhaseNames.END),
                run.phases().stream()
                        .map(RunDocument.Phase::name)
                        .filter(name -> !name.equals(PhaseNames.IMAGE) && !name.equals(PhaseNames.WAIT))
                        .toList());
    }

    @Test
    void theRunIsDescribed() throws IOException {
        RunDocument run = run(Mixed.class);

        assertEquals("FULL", run.technique());
        assertEquals(Mixed.class.getName(), run.className());
        assertEquals(Runtime.version().toString(), run.guest().java());
        assertEquals(RunDocument.End.FINISHED, run.end().kind());
        assertTrue(
                run.counters().get("channel.bytesFromGuest") > 0, run.counters().toString());
        assertTrue(
                run.host().facts().stream().anyMatch(f -> f.name().equals("CPU")),
                run.host().toString());
        assertEquals(
                List.of(Mixed.class.getName() + "/console.log"),
                run.files().stream().map(RunDocument.FileLink::path).toList());
    }

    @Test
    void aGuestThatEndsEarlyLeavesADocumentThatSaysSo() throws IOException {
        RunDocument run = run(Crashing.class);

        TestEntry test =
                run.tests().stream().filter(TestEntry::test).findFirst().orElseThrow();
        assertEquals(Outcome.UNFINISHED, test.outcome());
        assertEquals("AGENT_EXITED", run.end().kind());
        assertTrue(run.end().detail().contains("status 3"), run.end().detail());
        assertEquals(PhaseNames.CUT, run.phases().get(run.phases().size() - 1).name());
    }

    @Test
    void aTechniqueThatCannotRunLeavesADocumentThatSaysSo() throws IOException {
        Guests.starter = config -> {
            throw new HostLacks("technique FULL cannot run here: no memory\nsecond line");
        };

        RunDocument run = run(Mixed.class);

        assertEquals(RunDocument.End.NOT_STARTED, run.end().kind());
        assertEquals("technique FULL cannot run here: no memory", run.end().detail());
        assertEquals(List.of(), run.tests());
    }

    @Test
    void aSecondRunOfTheSameClassHasADocumentOfItsOwn() throws IOException {
        host.launch(parameters(logs), selectClass(Mixed.class));
        host.launch(parameters(logs), selectClass(Mixed.class));

        assertEquals(2, RunDocuments.find(logs).runs().size());
    }

    @Test
    void aDocumentThatCannotBeWrittenFailsNoTest() throws IOException {
        Path folder = Files.createDirectories(logs.resolve(Mixed.class.getName()));
        Files.createDirectories(folder.resolve("run-FULL.json/occupied"));

        Recorder recorder = host.launch(parameters(logs), selectClass(Mixed.class));

        assertTrue(
                recorder.ends().contains("passes() SUCCESSFUL"), recorder.ends().toString());
        assertEquals(0, RunDocuments.find(logs).runs().size());
    }
}
