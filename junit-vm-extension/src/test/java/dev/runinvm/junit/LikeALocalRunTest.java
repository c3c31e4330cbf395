package dev.runinvm.junit;

import dev.runinvm.junit.jupiter.ClassTemplates;
import dev.runinvm.junit.jupiter.Conditions;
import dev.runinvm.junit.jupiter.Extensions;
import dev.runinvm.junit.jupiter.Inheriting;
import dev.runinvm.junit.jupiter.Ordered;
import dev.runinvm.junit.jupiter.Parameters;
import dev.runinvm.junit.jupiter.Templates;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/**
 * What JUnit shows of a class that ran in a guest is what it shows of the same class run here: names, order, outcomes,
 * reasons, output. The local run has the extension switched off, as it is in a guest. The guest is a fake.
 */
class LikeALocalRunTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private final Host host = new Host();

    private Recorder local(Map<String, String> parameters, Class<?> type) {
        System.setProperty("runinvm.guest", "true");
        try {
            return host.launch(parameters, selectClass(type));
        } finally {
            System.clearProperty("runinvm.guest");
        }
    }

    @ParameterizedTest
    @ValueSource(
            classes = {
                Inheriting.class,
                Parameters.class,
                Templates.class,
                ClassTemplates.class,
                Conditions.class,
                Ordered.class,
                Extensions.class
            })
    void oneAfterTheOther(Class<?> type) {
        Map<String, String> parameters = Map.of("junit.jupiter.extensions.autodetection.enabled", "true");
        Recorder here = local(parameters, type);
        String printedHere = host.out();
        assertTrue(here.ends().size() > 3, here.ends().toString());
        assertEquals(0, guests.started().size());

        Recorder there = host.launch(parameters, selectClass(type));

        assertEquals(1, guests.started().size());
        assertEquals(
                String.join("\n", here.ends()),
                String.join("\n", there.ends()),
                () -> there.failures().toString());
        assertEquals(printedHere, host.out());
        assertEquals(messages(here), messages(there));
    }

    @ParameterizedTest
    @ValueSource(classes = {Parameters.class, Templates.class, Extensions.class})
    void inParallel(Class<?> type) {
        Map<String, String> parameters = Map.of(
                "junit.jupiter.extensions.autodetection.enabled", "true",
                "junit.jupiter.execution.parallel.enabled", "true",
                "junit.jupiter.execution.parallel.mode.default", "concurrent");
        Recorder here = local(parameters, type);
        List<String> printedHere = host.out().lines().sorted().toList();

        Recorder there = host.launch(parameters, selectClass(type));

        assertEquals(
                String.join("\n", here.ends().stream().sorted().toList()),
                String.join("\n", there.ends().stream().sorted().toList()),
                () -> there.failures().toString());
        assertEquals(printedHere, host.out().lines().sorted().toList());
        assertFalse(guests.started().get(0).process().isAlive());
    }

    private static List<String> messages(Recorder recorder) {
        return recorder.failures().stream()
                .map(t -> t.getClass().getName() + ": " + t.getMessage())
                .toList();
    }
}
