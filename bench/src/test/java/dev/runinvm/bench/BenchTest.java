package dev.runinvm.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class BenchTest {
    private record Script(String name, String text) implements Contender {
        @Override
        public String description() {
            return "a script";
        }

        @Override
        public Optional<String> missing() {
            return Optional.empty();
        }

        @Override
        public List<String> command(String work) {
            return List.of("sh", "-c", text);
        }
    }

    @TempDir
    Path folder;

    @Test
    @Timeout(30)
    void milestonesComeFromBothStreamsAndTheGuestNeedNotEndItself() throws Exception {
        Run run = measure(
                "echo BENCH jvm; echo '[ 1.0] BENCH first-result'; echo BENCH counter traps 7; echo BENCH done 2;"
                        + " echo 'runinvm: init' >&2; sleep 1; echo 'runinvm: end' >&2; exec sleep 1000",
                Duration.ofSeconds(20));
        assertTrue(run.good(), run::toString);
        assertEquals(
                Set.of(Run.INIT, Run.JVM, Run.FIRST_RESULT, Run.TOTAL),
                run.millis().keySet());
        assertTrue(run.millis().get(Run.TOTAL) >= 1000, run::toString);
        assertEquals(Map.of("traps", 7L), run.counters());
        assertTrue(Files.readString(folder.resolve("log")).contains("BENCH first-result"));
    }

    @Test
    @Timeout(30)
    void aGuestThatDiesEarlyIsAFailureWithItsLastWords() throws Exception {
        Run run = measure("echo 'Kernel panic - not syncing'; exit 1", Duration.ofSeconds(20));
        assertFalse(run.good());
        assertTrue(run.failure().orElseThrow().contains("Kernel panic - not syncing"));
    }

    @Test
    @Timeout(30)
    void aGuestThatHangsIsKilledWithEveryChild() throws Exception {
        Run run = measure("sleep 4711 & echo $!; sleep 4712", Duration.ofSeconds(1));
        assertTrue(run.failure().orElseThrow().contains("was not done within 1 s"));
        String pid = Files.readString(folder.resolve("log")).strip().split(" ")[1];
        assertFalse(ProcessHandle.of(Long.parseLong(pid))
                .map(ProcessHandle::isAlive)
                .orElse(false));
    }

    @Test
    void theMedianIsTheMiddle() {
        assertTrue(Report.median(List.of()).isEmpty());
        assertEquals(2, Report.median(List.of(9L, 1L, 2L)).getAsDouble());
        assertEquals(2.5, Report.median(List.of(9L, 1L, 2L, 3L)).getAsDouble());
    }

    @Test
    void ratiosAreToTheFirstContenderAndBadRunsDoNotCount() {
        Report report = new Report(
                List.of(new Script("a", ""), new Script("b", "")),
                List.of(run("a", 100, true), run("b", 250, true), run("b", 1, false)));
        String row = report.text()
                .lines()
                .filter(l -> l.startsWith(Run.TOTAL))
                .findFirst()
                .orElseThrow();
        assertTrue(row.matches("total\\s+100 \\(x1\\.00\\)\\s+250 \\(x2\\.50\\)"), row);
        assertTrue(report.text().contains("a script (1 of 2 runs good)"), report.text());
    }

    @Test
    void jsonEscapes() {
        assertEquals("\"a\\\"b\\\\c\\u000a\\u00e4\"", Report.quote("a\"b\\c\n\u00e4"));
    }

    @Test
    void memoryOfThisProcessIsSeen() {
        assertTrue(MemorySampler.now(ProcessHandle.current()) > 10 << 20);
    }

    @Test
    void wrongOptionsAreNamed() {
        List<String> wrong = List.of("--guest-jar", "x", "--nonsense", "1");
        IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> Bench.Options.parse(wrong));
        assertTrue(String.valueOf(e.getMessage()).contains("--nonsense"));
        assertThrows(IllegalArgumentException.class, () -> Bench.Options.parse(List.of()));
        assertEquals(
                7,
                Bench.Options.parse(List.of("--guest-jar", "x", "--runs", "7")).runs());
    }

    private Run measure(String script, Duration deadline) throws Exception {
        return Measurement.of(new Script("script", script), "junit", deadline, folder.resolve("log"));
    }

    private static Run run(String name, long total, boolean good) {
        Optional<String> failure = good ? Optional.empty() : Optional.of("bad");
        return new Run(name, Map.of(Run.TOTAL, total), 0, Map.of(), Map.of(), failure);
    }
}
