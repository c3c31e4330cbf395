package dev.runinvm.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runinvm.bench.guest.GuestMain;
import dev.runinvm.engine.Technique;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
        public List<String> command(Work work) {
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
        String failure = run.failure().orElseThrow();
        assertTrue(failure.contains("was not done within 1 s; awaited: init; reached: {} ms"), failure);
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
    void everyRunAndBarIsInTheJson() throws Exception {
        List<Run> runs = List.of(run("full", 100, true), run("qemu-tcg", 200, false));
        Path file = folder.resolve("all.json");
        JsonReport.write(file, List.of(new Script("full", "")), runs, Bars.of(runs));
        JsonNode all = new ObjectMapper().readTree(file.toFile());
        assertEquals("a script", all.at("/contenders/full").asText());
        assertEquals(100, all.at("/runs/0/millis/total").asInt());
        assertFalse(all.at("/runs/0").has("failure"), all::toString);
        assertEquals("bad", all.at("/runs/1/failure").asText());
        assertEquals("not measured", all.at("/bars/0/verdict").asText());
    }

    @Test
    void barsCompareWithinARoundAndJudge() {
        List<Run> runs = List.of(
                firstResult(1, "full", 100),
                firstResult(1, "qemu-tcg", 200), // 0.5
                firstResult(2, "full", 300),
                firstResult(2, "qemu-tcg", 200), // 1.5
                firstResult(3, "full", 330),
                firstResult(3, "qemu-tcg", 300), // 1.1
                firstResult(4, "full", 1));
        Bars.Bar bar = Bars.of(runs).get(0);
        assertEquals(1.1, Objects.requireNonNull(bar.figure()), 1e-9);
        assertEquals(Bars.Verdict.NOT_MET, bar.verdict());
        assertTrue(bar.basis().contains("3 rounds, 0.50 to 1.50"), bar::basis);
        assertEquals(Bars.Verdict.MET, Bars.of(runs.subList(0, 2)).get(0).verdict());
        assertTrue(Bars.text(Bars.of(runs)).contains("not met"), () -> Bars.text(Bars.of(runs)));
    }

    @Test
    void oneFailedBootIsEnoughToMissTheBarAndTooFewDecideNothing() {
        List<Run> boots = new ArrayList<>(Collections.nCopies(Bars.BOOTS - 1, boot(true)));
        assertEquals(Bars.Verdict.NOT_MEASURED, last(Bars.of(boots)).verdict());
        boots.add(boot(true));
        assertEquals(Bars.Verdict.MET, last(Bars.of(boots)).verdict());
        boots.set(7, boot(false));
        assertEquals(Bars.Verdict.NOT_MET, last(Bars.of(boots)).verdict());
    }

    @Test
    void paravirtualizationIsComparedWithFullVirtualization() {
        List<Run> runs = List.of(
                firstResult(1, "para", 90),
                firstResult(1, "full", 100),
                micro(1, "para", Map.of("fork-exec-ns", 300L)),
                micro(1, "full", Map.of("fork-exec-ns", 200L)),
                micro(2, "full", Map.of("fork-exec-ns", 1L)));
        Bars.Bar boot = named(Bars.of(runs), "cold boot to first test result, PARA / FULL");
        assertEquals(0.9, Objects.requireNonNull(boot.figure()), 1e-9);
        assertEquals(Bars.Verdict.MET, boot.verdict());
        Bars.Bar process = named(Bars.of(runs), "fork-exec-ns, PARA / FULL");
        assertEquals(1.5, Objects.requireNonNull(process.figure()), 1e-9);
        assertEquals(Bars.Verdict.NOT_MET, process.verdict());
    }

    /** The guests' program is the same everywhere, so it must do here what it does there. */
    @Test
    @Timeout(120)
    void theKernelsServicesAreMeasuredByARealProgram() throws Exception {
        Path classes = Path.of(GuestMain.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        Run run = Measurement.of(
                1, new Native(classes, 1024), Work.MICRO, Duration.ofSeconds(100), folder.resolve("log"));
        assertTrue(run.good(), run::toString);
        assertEquals(
                Set.of("system-call-ns", "page-fault-ns", "fork-exec-ns", "context-switch-ns"),
                run.workMillis().keySet());
        assertTrue(run.workMillis().values().stream().allMatch(ns -> ns > 0), run::toString);
        assertTrue(run.workMillis().get("fork-exec-ns") > run.workMillis().get("system-call-ns"), run::toString);
    }

    private static Bars.Bar last(List<Bars.Bar> bars) {
        return bars.get(bars.size() - 1);
    }

    @Test
    void restoredStartsAreJudgedByMediansOfTheSameRun() {
        List<Run> runs = new ArrayList<>();
        for (int round = 1; round <= 3; round++) {
            runs.add(start(round, Starts.cold(Technique.FULL), 6000L + round, Map.of()));
            runs.add(start(round, Starts.restored(Technique.FULL), 400L + round, Map.of()));
        }
        // Of many at once the memory counts, not the time.
        runs.add(start(0, Starts.cold(Technique.FULL), 0, Map.of(Starts.PER_GUEST, 200L << 20)));
        runs.add(start(0, Starts.restored(Technique.FULL), 0, Map.of(Starts.PER_GUEST, 50L << 20)));
        List<Bars.Bar> bars = Bars.of(runs);
        assertEquals(402.0, named(bars, "restored start to").figure());
        assertEquals(Bars.Verdict.MET, named(bars, "restored start to").verdict());
        assertEquals(6002.0 / 402, named(bars, "cold start /").figure());
        assertEquals(Bars.Verdict.NOT_MET, named(bars, "cold start /").verdict());
        assertEquals(0.25, named(bars, "memory of a restored").figure());
        assertTrue(
                Starts.text(runs, Technique.FULL).contains("full-restored"), () -> Starts.text(runs, Technique.FULL));
    }

    @Test
    void memoryThatNoGuestCanHaveIsNoFigure() {
        List<Run> runs = List.of(
                start(0, Starts.cold(Technique.FULL), 0, Map.of(Starts.PER_GUEST, 200L << 20)),
                start(0, Starts.restored(Technique.FULL), 0, Map.of(Starts.PER_GUEST, -(30L << 20))));
        assertEquals(
                Bars.Verdict.NOT_MEASURED,
                named(Bars.of(runs), "memory of a restored").verdict());
    }

    @Test
    void whatRestoresLeaveOverIsFound() {
        List<Run> runs = new ArrayList<>();
        for (int round = 1; round <= Bars.RESTORES; round++) {
            runs.add(restore(round, Map.of(Starts.DESCRIPTORS, 40L, Starts.PROCESSES, 0L)));
        }
        assertEquals(Bars.Verdict.MET, named(Bars.of(runs), "restores in a row").verdict());
        assertEquals(Bars.Verdict.MET, named(Bars.of(runs), "what restores").verdict());
        runs.set(Bars.RESTORES - 1, restore(Bars.RESTORES, Map.of(Starts.DESCRIPTORS, 540L)));
        assertEquals(Bars.Verdict.NOT_MET, named(Bars.of(runs), "what restores").verdict());
        runs.set(Bars.RESTORES - 1, restore(Bars.RESTORES, Map.of(Starts.DESCRIPTORS, 40L, Starts.PROCESSES, 2L)));
        assertEquals(Bars.Verdict.NOT_MET, named(Bars.of(runs), "what restores").verdict());
        runs.set(3, run(4, Starts.restored(Technique.FULL), Work.RESTORES, Map.of(), false));
        assertEquals(
                Bars.Verdict.NOT_MET, named(Bars.of(runs), "restores in a row").verdict());
    }

    private static Bars.Bar named(List<Bars.Bar> bars, String start) {
        return bars.stream().filter(b -> b.name().startsWith(start)).findFirst().orElseThrow();
    }

    private static Run start(int round, String name, long millis, Map<String, Long> counters) {
        return new Run(
                round,
                name,
                Work.RESTORE,
                Map.of(Run.FIRST_RESULT, millis),
                new Run.Held(0, 0),
                Map.of(),
                counters,
                Optional.empty());
    }

    private static Run restore(int round, Map<String, Long> counters) {
        return new Run(
                round,
                Starts.restored(Technique.FULL),
                Work.RESTORES,
                Map.of(),
                new Run.Held(0, 0),
                Map.of(),
                counters,
                Optional.empty());
    }

    @Test
    void memoryOfThisProcessIsSeen() {
        assertTrue(MemorySampler.now(ProcessHandle.current()).anonymous() > 10 << 20);
    }

    @Test
    void wrongOptionsAreNamed() {
        assertTrue(refused("--guest-jar", "x", "--nonsense", "1").contains("--nonsense"));
        assertTrue(refused("--runs", "7").contains("--guest-jar"));
        assertTrue(refused("--guest-jar", "x", "--work", "junit,sleep").contains("sleep"));
        assertTrue(refused("--guest-jar", "x", "--runs", "many").contains("--runs"));
    }

    private static String refused(String... arguments) {
        StringWriter errors = new StringWriter();
        assertEquals(2, Bench.commandLine().setErr(new PrintWriter(errors)).execute(arguments));
        return errors.toString();
    }

    private Run measure(String script, Duration deadline) throws Exception {
        return Measurement.of(1, new Script("script", script), Work.JUNIT, deadline, folder.resolve("log"));
    }

    private static Run run(String name, long total, boolean good) {
        return run(1, name, Work.JUNIT, Map.of(Run.TOTAL, total), good);
    }

    private static Run firstResult(int round, String name, long millis) {
        return run(round, name, Work.JUNIT, Map.of(Run.FIRST_RESULT, millis), true);
    }

    private static Run micro(int round, String name, Map<String, Long> nanos) {
        return new Run(round, name, Work.MICRO, Map.of(), new Run.Held(0, 0), nanos, Map.of(), Optional.empty());
    }

    private static Run boot(boolean good) {
        return run(1, "full", Work.BOOTS, Map.of(), good);
    }

    private static Run run(int round, String name, Work work, Map<String, Long> millis, boolean good) {
        Optional<String> failure = good ? Optional.empty() : Optional.of("bad");
        return new Run(round, name, work, millis, new Run.Held(0, 0), Map.of(), Map.of(), failure);
    }
}
