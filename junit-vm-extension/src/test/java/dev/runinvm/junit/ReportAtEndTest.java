package dev.runinvm.junit;

import dev.runinvm.engine.Technique;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.ClassTemplate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** When the report is made without being asked for. The guest is a fake. */
class ReportAtEndTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    @TempDir
    Path logs;

    private final Host host = new Host();
    private String before;

    @ClassTemplate
    @RunInVM(technique = {Technique.FULL, Technique.PARA})
    static class Differing {
        @Test
        void failsUnderOne() {
            assertEquals("FULL", System.getProperty("runinvm.technique"));
        }

        @Test
        void passes() {}
    }

    @RunInVM
    static class Single {
        @Test
        void passes() {}
    }

    @BeforeEach
    void wanted() {
        before = System.setProperty("runinvm.report", "true");
    }

    @AfterEach
    void asBefore() {
        System.setProperty("runinvm.report", String.valueOf(before));
    }

    private void launch(Class<?> type) {
        host.launch(Map.of("runinvm.logDirectory", logs.toString()), selectClass(type));
    }

    @Test
    void severalTechniquesAreComparedAtTheEnd() throws IOException {
        launch(Differing.class);

        assertTrue(host.out().contains("1 difference between FULL, PARA:"), host.out());
        assertTrue(
                host.out().contains("failsUnderOne(): passes under FULL; fails under PARA (AssertionFailedError:"),
                host.out());
        Path page = logs.resolve("report/index.html");
        assertTrue(host.out().contains("Report: " + page), host.out());
        assertTrue(Files.readString(page).contains("failsUnderOne()"));
    }

    @Test
    void oneTechniqueIsNothingToCompare() {
        launch(Single.class);

        assertFalse(Files.exists(logs.resolve("report")), host.out());
    }

    @Test
    void itCanBeLeftOut() {
        System.setProperty("runinvm.report", "false");

        launch(Differing.class);

        assertFalse(Files.exists(logs.resolve("report")), host.out());
    }
}
