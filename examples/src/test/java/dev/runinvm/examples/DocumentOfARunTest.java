package dev.runinvm.examples;

import dev.runinvm.junit.RunInVM;
import dev.runinvm.report.CounterCatalogue;
import dev.runinvm.report.PhaseNames;
import dev.runinvm.report.RunDocument;
import dev.runinvm.report.RunDocument.Outcome;
import dev.runinvm.report.RunDocument.Phase;
import dev.runinvm.report.RunDocuments;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.platform.launcher.EngineFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.reporting.legacy.xml.LegacyXmlReportGeneratingListener;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** Runs on the host: what the document of a real guest's run says is what JUnit's XML and a clock outside say. */
class DocumentOfARunTest {
    @TempDir
    static Path folder;

    private static RunDocument run;
    private static long nanosOfTheClass;

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
        LauncherFactory.create()
                .execute(
                        LauncherDiscoveryRequestBuilder.request()
                                .selectors(selectClass(Mixed.class))
                                .filters(EngineFilter.includeEngines("junit-jupiter"))
                                .configurationParameter("runinvm.logDirectory", folder.toString())
                                .build(),
                        new LegacyXmlReportGeneratingListener(folder, new PrintWriter(System.out)),
                        new TestExecutionListener() {
                            private long start;

                            @Override
                            public void executionStarted(TestIdentifier node) {
                                if (node.getDisplayName().endsWith("Mixed")) {
                                    start = System.nanoTime();
                                }
                            }

                            @Override
                            public void executionFinished(
                                    TestIdentifier node, org.junit.platform.engine.TestExecutionResult result) {
                                if (node.getDisplayName().endsWith("Mixed")) {
                                    nanosOfTheClass = System.nanoTime() - start;
                                }
                            }
                        });
        List<RunDocument> runs = RunDocuments.find(folder).runs();
        assertEquals(1, runs.size());
        run = runs.get(0);
    }

    @Test
    void outcomesEqualThoseOfTheXml() throws Exception {
        NodeList cases = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(folder.resolve("TEST-junit-jupiter.xml").toFile())
                .getElementsByTagName("testcase");
        Map<String, Outcome> documented = run.tests().stream()
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

    @Test
    void phasesSumToTheTimeOfTheClassWithinFivePercent() {
        long sum = run.phases().stream().mapToLong(Phase::nanos).sum();
        assertEquals(run.nanos(), sum);
        assertTrue(
                Math.abs(nanosOfTheClass - sum) < 0.05 * nanosOfTheClass,
                sum + " ns in phases, " + nanosOfTheClass + " ns by the listener's clock: " + run.phases());
    }

    @Test
    void everyPhaseOfTheBootIsTold() {
        Map<String, Phase> phases = run.phases().stream().collect(Collectors.toMap(Phase::name, Function.identity()));
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
    void everyCounterOfTheEngineIsExplainedByItsOwnName() {
        CounterCatalogue catalogue = CounterCatalogue.standard();
        List<String> unexplained = run.counters().keySet().stream()
                .filter(name ->
                        catalogue.explain(name).filter(e -> !e.general()).isEmpty())
                .toList();
        assertTrue(run.counters().size() > 30, run.counters().toString());
        assertEquals(List.of(), unexplained, "add them to counters.txt");
    }
}
