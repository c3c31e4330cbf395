package dev.runinvm.junit;

import dev.runinvm.engine.GuestFailure;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** Rules 11 and 12: guests that end, and guests that do not. The guest is a fake: what a panic looks like is for the examples. */
@Timeout(120)
class CrashTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private final Host host = new Host();

    private List<Throwable> failures(Class<?>... types) {
        EngineExecutionResults results =
                host.run(List.of(types).stream().map(t -> selectClass(t)).toArray(DiscoverySelector[]::new));
        List<Throwable> thrown = new ArrayList<>();
        results.allEvents()
                .failed()
                .list()
                .forEach(e -> thrown.add(e.getRequiredPayload(TestExecutionResult.class)
                        .getThrowable()
                        .orElseThrow()));
        guests.started().forEach(vm -> assertTrue(!vm.process().isAlive(), "a guest is left"));
        assertEquals(0, Guests.alive());
        return thrown;
    }

    private static void assertSays(Throwable t, String... words) {
        String message = assertInstanceOf(GuestFailure.class, t).getMessage();
        for (String word : words) {
            assertTrue(message.contains(word), () -> "no \"" + word + "\" in: " + message);
        }
    }

    @RunInVM
    @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
    static class Exits {
        @Test
        @Order(1)
        void passes() {}

        @Test
        @Order(2)
        void exits() {
            System.out.print("printed before the end");
            System.exit(3);
        }

        @Test
        @Order(3)
        void never() {}
    }

    @RunInVM
    static class Next {
        @Test
        void passes() {}
    }

    @Test
    void systemExitIsReportedAsWhatItWas() {
        List<Throwable> thrown = failures(Exits.class, Next.class);

        assertEquals(2, thrown.size(), thrown::toString);
        assertSays(
                thrown.get(0),
                "CrashTest$Exits (FULL) ended while running exits() [engine:junit-jupiter]",
                "AGENT_EXITED",
                "status 3",
                "System.exit was called at dev.runinvm.junit.CrashTest$Exits.exits(CrashTest.java:",
                "last lines of its console",
                "fake guest: agent starts",
                "console.log");
        assertSays(thrown.get(1), "never() did not run: its guest had ended before", "status 3");
        assertEquals("printed before the end", host.out());
        assertEquals(2, guests.started().size(), "the next class gets a fresh guest");
    }

    @RunInVM
    static class Halts {
        @Test
        void halts() {
            Runtime.getRuntime().halt(9);
        }
    }

    @Test
    void haltLeavesNoWordsButAStatus() {
        List<Throwable> thrown = failures(Halts.class);
        assertEquals(1, thrown.size(), thrown::toString);
        assertSays(thrown.get(0), "while running halts()", "exited with status 9");
    }

    /**
     * Runs a class with a limit that it is to exceed at one point. A machine that does many things at once may reach it
     * elsewhere, and then there is more time.
     *
     * @param at what the failure says when it was at that point
     */
    private Throwable exceeding(String setting, String at, Class<?> type) {
        for (int seconds = 1; ; seconds *= 3) {
            Recorder recorder = host.launch(Map.of(setting, seconds + "s"), selectClass(type));
            guests.started().forEach(vm -> assertTrue(!vm.process().isAlive(), "a guest is left"));
            assertEquals(0, Guests.alive());
            assertEquals(
                    1, recorder.failures().size(), () -> recorder.failures().toString());
            Throwable failure = recorder.failures().get(0);
            if (seconds > 20 || String.valueOf(failure.getMessage()).contains(at)) {
                assertSays(failure, "within " + seconds);
                return failure;
            }
        }
    }

    @RunInVM
    static class Hangs {
        @Test
        void hangsForEver() throws InterruptedException {
            synchronized (this) {
                wait();
            }
        }
    }

    @Test
    void aHangingTestEndsItsGuestWithADumpOfItsThreads() {
        assertSays(
                exceeding("runinvm.timeout", "CrashTest$Hangs.hangsForEver(CrashTest.java:", Hangs.class),
                "no word of the end of hangsForEver() within ",
                "The guest's threads",
                "CrashTest$Hangs.hangsForEver(CrashTest.java:");
    }

    @RunInVM
    static class TimesOut {
        @Test
        @Timeout(value = 300, unit = TimeUnit.MILLISECONDS)
        void timesOut() throws InterruptedException {
            Thread.sleep(60_000);
        }

        @Test
        void stillRuns() {}
    }

    @Test
    void theGuestsOwnTimeoutComesFirstAndTheGuestLivesOn() {
        EngineExecutionResults results = host.run(selectClass(TimesOut.class));

        results.testEvents().assertStatistics(s -> s.succeeded(1).failed(1));
        Throwable t = results.testEvents()
                .failed()
                .list()
                .get(0)
                .getRequiredPayload(TestExecutionResult.class)
                .getThrowable()
                .orElseThrow();
        assertInstanceOf(java.util.concurrent.TimeoutException.class, t);
        assertTrue(t.getMessage().contains("timed out after 300 milliseconds"), t::getMessage);
        results.containerEvents().assertStatistics(s -> s.failed(0));
    }

    @RunInVM
    static class IgnoresItsTimeout {
        @Test
        @Timeout(value = 300, unit = TimeUnit.MILLISECONDS)
        void ignoresInterrupts() {
            while (System.nanoTime() != 0) {
                Thread.onSpinWait();
            }
        }
    }

    @Test
    void aTestThatIgnoresItsTimeoutIsEndedAfterTheGrace() {
        Recorder recorder = host.launch(Map.of("runinvm.timeoutGrace", "1s"), selectClass(IgnoresItsTimeout.class));
        Throwable timeout = recorder.failures().get(0);
        assertInstanceOf(java.util.concurrent.TimeoutException.class, timeout);
        assertSays(
                timeout.getSuppressed()[0],
                "within 1.0 s of the host's interrupting it",
                "ignoresInterrupts()",
                "CrashTest$IgnoresItsTimeout.ignoresInterrupts(CrashTest.java:");
        assertTrue(!guests.started().get(0).process().isAlive());
    }

    @RunInVM(runTimeout = "2s")
    static class TooMuch {
        @Test
        void one() throws InterruptedException {
            Thread.sleep(1500);
        }

        @Test
        void two() throws InterruptedException {
            Thread.sleep(1500);
        }
    }

    @Test
    void theWholeRunHasATimeToo() {
        List<Throwable> thrown = failures(TooMuch.class);
        assertTrue(!thrown.isEmpty());
        assertSays(thrown.get(thrown.size() - 1), "within 2.0 s");
    }

    @RunInVM
    static class NeverBoots {
        @Test
        void never() {}
    }

    @Test
    void aGuestThatDoesNotGreetIsGivenUp() {
        guests.use(config -> new FakeVm(config, "-Dfake.mute=true"));
        Throwable thrown = exceeding("runinvm.bootTimeout", "fake guest: mute", NeverBoots.class);
        assertSays(thrown, "not said a word within ", "bootTimeout", "fake guest: mute");
    }

    @Test
    void aGuestThatEndsWhileBootingSaysSo() {
        guests.use(config -> new FakeVm(config, "-XX:NoSuchOption"));
        List<Throwable> thrown = failures(Next.class);
        assertEquals(1, thrown.size(), thrown::toString);
        assertSays(thrown.get(0), "ended before its agent had said a word", "status 1", "NoSuchOption");
    }
}
