package dev.runinvm.junit;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.Technique;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TimeZone;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** Rules 14, 16 and 17: what is forwarded, the guard against guests in guests, techniques that cannot run. */
class ForwardingTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private final Host host = new Host();

    @RunInVM
    static class Looking {
        @Test
        void looks_at_things(TestReporter reporter) {
            reporter.publishEntry("guest", System.getProperty("runinvm.guest", "no"));
            reporter.publishEntry("allowed", System.getProperty("test.allowed.one", "no"));
            reporter.publishEntry("other", System.getProperty("test.other", "no"));
            reporter.publishEntry("zone", TimeZone.getDefault().getID());
            reporter.publishEntry("technique", System.getProperty("runinvm.technique", "none"));
            reporter.publishEntry(
                    "class path",
                    String.valueOf(ClassLoader.getSystemResource("dev/runinvm/junit/RunInVM.class") != null));
        }
    }

    @Test
    void parametersPropertiesAndEntriesAreForwarded() {
        TimeZone before = TimeZone.getDefault();
        System.setProperty("test.allowed.one", "yes");
        System.setProperty("test.other", "secret");
        TimeZone.setDefault(TimeZone.getTimeZone("Pacific/Chatham"));
        try {
            guests.use(config -> new FakeVm(config, "-Djava.system.class.loader=dev.runinvm.agent.TestLoader"));
            Recorder recorder = host.launch(
                    Map.of(
                            "runinvm.systemProperties",
                            "test.allowed.*, test.missing",
                            "junit.jupiter.displayname.generator.default",
                            DisplayNameGenerator.ReplaceUnderscores.class.getName()),
                    selectClass(Looking.class));
            assertEquals(
                    List.of("looks at things (TestReporter) SUCCESSFUL"),
                    recorder.ends(),
                    () -> recorder.failures().toString());
            String name = "looks at things (TestReporter) ";
            assertEquals(
                    List.of(
                            name + "guest true",
                            name + "allowed yes",
                            name + "other no",
                            name + "zone Pacific/Chatham",
                            name + "technique FULL",
                            name + "class path true"),
                    recorder.entries());
        } finally {
            TimeZone.setDefault(before);
            System.clearProperty("test.allowed.one");
            System.clearProperty("test.other");
        }
    }

    @Test
    void inAGuestNoOtherGuestIsStarted() {
        System.setProperty("runinvm.guest", "true");
        try {
            Recorder recorder = host.launch(Map.of(), selectClass(Looking.class));
            assertEquals(List.of(), recorder.failures());
            assertEquals(
                    "looks_at_things(TestReporter) guest true",
                    recorder.entries().get(0));
            assertEquals(0, guests.started().size());
        } finally {
            System.clearProperty("runinvm.guest");
        }
    }

    @RunInVM(technique = Technique.HW)
    static class NeedsHardware {
        @Test
        void runs() {}
    }

    @RunInVM(technique = Technique.HW, disabledWithout = true)
    static class MayNeedHardware {
        @Test
        void runs() {}
    }

    private void withoutHardware() {
        Guests.availability =
                technique -> new Availability(technique, List.of("no vmx or svm in /proc/cpuinfo"), List.of());
        Guests.starter = config -> {
            throw new HostLacks("technique " + config.technique() + " cannot run here: no vmx or svm in /proc/cpuinfo");
        };
    }

    @Test
    void aTechniqueThatCannotRunFailsAndSaysWhy() {
        withoutHardware();
        Recorder recorder = host.launch(Map.of(), selectClass(NeedsHardware.class));
        assertEquals(List.of("ForwardingTest$NeedsHardware FAILED"), recorder.ends());
        Throwable failure =
                assertInstanceOf(HostLacks.class, recorder.failures().get(0));
        assertTrue(failure.getMessage().contains("HW cannot run here: no vmx or svm"), failure.getMessage());
        assertEquals(0, Guests.alive());
    }

    @Test
    void disabledWithoutSkipsAndSaysWhy() {
        withoutHardware();
        String skipped = " SKIPPED technique HW cannot run here: no vmx or svm in /proc/cpuinfo";
        assertEquals(
                List.of("ForwardingTest$MayNeedHardware" + skipped),
                host.launch(Map.of(), selectClass(MayNeedHardware.class)).ends());
        assertEquals(
                List.of("ForwardingTest$NeedsHardware" + skipped),
                host.launch(Map.of("runinvm.disabledWithout", "true"), selectClass(NeedsHardware.class))
                        .ends());
    }

    @Test
    void whatCannotRunAnyMoreWhenItsGuestIsDueIsSkippedAllTheSame() {
        AtomicInteger asked = new AtomicInteger();
        Guests.availability = technique -> new Availability(
                technique, asked.getAndIncrement() == 0 ? List.of() : List.of("/dev/kvm has gone"), List.of());
        Guests.starter = config -> {
            throw new AssertionError("nobody may start a guest of " + config.technique());
        };
        Recorder recorder = host.launch(Map.of(), selectClass(MayNeedHardware.class));
        assertEquals(List.of("ForwardingTest$MayNeedHardware ABORTED"), recorder.ends());
        assertEquals(
                "technique HW cannot run here: /dev/kvm has gone",
                recorder.failures().get(0).getMessage());
        assertTrue(asked.get() > 1, "it was asked for once only");
        assertEquals(0, Guests.alive());
    }

    @Test
    void theNearestPlaceThatGivesAValueCounts(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("config.properties"), "runinvm.memory = 1G\nrunninvm.x = y\n");
        assertEquals("1G", new Configuration(key -> Optional.empty(), file).get("memory"));
        System.setProperty("runinvm.memory", "2G");
        try {
            assertEquals("2G", new Configuration(key -> Optional.empty(), file).get("memory"));
            assertEquals("3G", new Configuration(key -> Optional.of("3G"), file).get("memory"));
        } finally {
            System.clearProperty("runinvm.memory");
        }
        assertNull(new Configuration(key -> Optional.empty(), directory.resolve("none")).get("memory"));
    }

    @Test
    void aDurationIsSaidInOneOfItsForms() {
        assertEquals(90_000, Settings.duration("x", "90", null).toMillis());
        assertEquals(500, Settings.duration("x", "500ms", null).toMillis());
        assertEquals(300_000, Settings.duration("x", "5 m", null).toMillis());
        HostLacks e = assertThrows(HostLacks.class, () -> Settings.duration("timeout", "soon", null));
        assertTrue(e.getMessage().contains("timeout is \"soon\""), e.getMessage());
    }
}
