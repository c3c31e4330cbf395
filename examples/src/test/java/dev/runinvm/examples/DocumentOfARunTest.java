package dev.runinvm.examples;

import dev.runinvm.engine.Technique;
import dev.runinvm.junit.RunInVM;
import dev.runinvm.report.CounterCatalogue;
import dev.runinvm.report.PhaseNames;
import dev.runinvm.report.RunDocument;
import dev.runinvm.report.RunDocument.Outcome;
import dev.runinvm.report.RunDocument.Phase;
import dev.runinvm.report.RunDocuments;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.EngineFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.reporting.legacy.xml.LegacyXmlReportGeneratingListener;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** Runs on the host: what the document of a real guest's run says is what JUnit's XML and a clock outside say. */
class DocumentOfARunTest {
    /** How the guest of a run came to be. */
    enum Start {
        BOOTED(Technique.FULL, false, 1),
        /** Whatever the cache held before: the first guest boots at the most, the second makes the layer of the jars. */
        RESTORED(Technique.FULL, true, 3),
        PARAVIRTUALIZED(Technique.PARA, false, 1);

        private final Technique technique;
        private final boolean snapshots;
        private final int runs;

        Start(Technique technique, boolean snapshots, int runs) {
            this.technique = technique;
            this.snapshots = snapshots;
            this.runs = runs;
        }
    }

    private record Told(Path folder, RunDocument run, long nanosOfTheClass) {}

    @TempDir
    static Path folder;

    private static final Map<Start, Told> TOLD = new EnumMap<>(Start.class);

    @RunInVM
    static class Mixed {
        @Test
        void passes() {
            System.out.println("from a guest");
        }

        @Test
        void fails() {
            assertEquals(1, 2);
        }

        @Test
        void assumes() {
            Assumptions.abort("not here");
        }

        @Test
        @Disabled("not today")
        void disabled() {}
    }

    @BeforeAll
    static void runOnce() throws IOException {
        for (Start start : Start.values()) {
            for (int i = 1; i <= start.runs; i++) {
                TOLD.put(start, run(start, Files.createDirectory(folder.resolve(start + "-" + i))));
            }
        }
    }

    private static Told run(Start start, Path to) throws IOException {
        Clock clock = new Clock();
        LauncherFactory.create()
                .execute(
                        LauncherDiscoveryRequestBuilder.request()
                                .selectors(selectClass(Mixed.class))
                                .filters(EngineFilter.includeEngines("junit-jupiter"))
                                .configurationParameter("runinvm.logDirectory", to.toString())
                                .configurationParameter("runinvm.techniques", start.technique.name())
                                .configurationParameter("runinvm.snapshots", String.valueOf(start.snapshots))
                                .build(),
                        new LegacyXmlReportGeneratingListener(to, new PrintWriter(System.out)),
                        clock);
        List<RunDocument> runs = RunDocuments.find(to).runs();
        assertEquals(1, runs.size());
        return new Told(to, runs.get(0), clock.nanos);
    }

    /** Measures the class from outside. */
    private static final class Clock implements TestExecutionListener {
        private long start;
        private long nanos;

        @Override
        public void executionStarted(TestIdentifier node) {
            if (node.getDisplayName().endsWith("Mixed")) {
                start = System.nanoTime();
            }
        }

        @Override
        public void executionFinished(TestIdentifier node, TestExecutionResult result) {
            if (node.getDisplayName().endsWith("Mixed")) {
                nanos = System.nanoTime() - start;
            }
        }
    }

    private static Told told(Start start) {
        return Objects.requireNonNull(TOLD.get(start));
    }

    @ParameterizedTest
    @EnumSource
    void outcomesEqualThoseOfTheXml(Start start) throws Exception {
        NodeList cases = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(told(start).folder.resolve("TEST-junit-jupiter.xml").toFile())
                .getElementsByTagName("testcase");
        Map<String, Outcome> documented = told(start).run.tests().stream()
                .filter(RunDocument.TestEntry::test)
                .collect(Collectors.toMap(RunDocument.TestEntry::displayName, RunDocument.TestEntry::outcome));
        assertEquals(4, cases.getLength());
        assertEquals(4, documented.size());
        for (int i = 0; i < cases.getLength(); i++) {
            Element testcase = (Element) cases.item(i);
            Outcome outcome = documented.get(testcase.getAttribute("name"));
            boolean skipped = outcome == Outcome.SKIPPED || outcome == Outcome.ABORTED;
            assertEquals(
                    outcome == Outcome.FAILED ? 1 : 0,
                    testcase.getElementsByTagName("failure").getLength(),
                    testcase.getAttribute("name"));
            assertEquals(
                    skipped ? 1 : 0, testcase.getElementsByTagName("skipped").getLength());
        }
    }

    @ParameterizedTest
    @EnumSource
    void phasesSumToTheTimeOfTheClassWithinFivePercent(Start start) {
        RunDocument run = told(start).run;
        long nanosOfTheClass = told(start).nanosOfTheClass;
        long sum = run.phases().stream().mapToLong(Phase::nanos).sum();
        assertEquals(run.nanos(), sum);
        assertTrue(
                Math.abs(nanosOfTheClass - sum) < 0.05 * nanosOfTheClass,
                sum + " ns in phases, " + nanosOfTheClass + " ns by the listener's clock: " + run.phases());
    }

    @ParameterizedTest
    @EnumSource(names = {"BOOTED", "PARAVIRTUALIZED"})
    void everyPhaseOfTheBootIsTold(Start start) {
        Map<String, Phase> phases = phases(start);
        for (String name : List.of(
                PhaseNames.LOAD,
                PhaseNames.EARLY_KERNEL,
                PhaseNames.KERNEL,
                PhaseNames.INIT,
                PhaseNames.JVM,
                PhaseNames.CLASS_PATH,
                PhaseNames.DISCOVERY,
                PhaseNames.TESTS)) {
            assertTrue(phases.containsKey(name), () -> name + " is not among " + phases.keySet());
        }
    }

    @Test
    void aRestoredGuestHasNoBootButWhatItGoesOnWith() {
        Map<String, Phase> phases = phases(Start.RESTORED);
        for (String name : List.of(PhaseNames.RESTORE, PhaseNames.CLASS_PATH, PhaseNames.DISCOVERY, PhaseNames.TESTS)) {
            assertTrue(phases.containsKey(name), () -> name + " is not among " + phases.keySet());
        }
        assertFalse(phases.containsKey(PhaseNames.KERNEL), () -> phases.keySet().toString());
        assertEquals(
                Runtime.version().toString(), told(Start.RESTORED).run.guest().java());
    }

    private static Map<String, Phase> phases(Start start) {
        return told(start).run.phases().stream().collect(Collectors.toMap(Phase::name, Function.identity()));
    }

    @ParameterizedTest
    @EnumSource
    void everyCounterOfTheEngineIsExplainedByItsOwnName(Start start) {
        CounterCatalogue catalogue = CounterCatalogue.standard();
        RunDocument run = told(start).run;
        List<String> unexplained = run.counters().keySet().stream()
                .filter(name ->
                        catalogue.explain(name).filter(e -> !e.general()).isEmpty())
                .toList();
        assertTrue(run.counters().size() > 30, run.counters().toString());
        assertEquals(List.of(), unexplained, "add them to counters.txt");
    }
}
