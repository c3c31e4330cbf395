package dev.runinvm.examples;

import dev.runinvm.engine.Technique;
import dev.runinvm.junit.Isolation;
import dev.runinvm.junit.RunInVM;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.EngineTestKit;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/**
 * Runs on the host: guests that do their worst. The JVM here lives on, the error says what happened, no process stays, and
 * the next class gets a guest that works.
 */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class HostileGuestsTest {
    /** What the guests are, as the setting says. */
    private static final String TECHNIQUE =
            System.getProperty("runinvm.technique", Technique.FULL.name()).toUpperCase(Locale.ROOT);

    private static void sysrq(char key) throws Exception {
        Files.writeString(Path.of("/proc/sys/kernel/sysrq"), "1");
        Files.writeString(Path.of("/proc/sysrq-trigger"), String.valueOf(key));
        Thread.sleep(Duration.ofMinutes(5).toMillis());
    }

    private static List<Throwable> failures(Class<?> hostile) {
        List<Throwable> thrown =
                EngineTestKit.engine("junit-jupiter")
                        .selectors(selectClass(hostile))
                        .execute()
                        .testEvents()
                        .finished()
                        .stream()
                        .map(event -> event.getRequiredPayload(TestExecutionResult.class))
                        .map(result ->
                                result.getThrowable().orElseThrow(() -> new AssertionError("a hostile test passed")))
                        .toList();
        assertEquals(0, ProcessHandle.current().descendants().count(), "processes are left");
        EngineTestKit.engine("junit-jupiter")
                .selectors(selectClass(Harmless.class))
                .execute()
                .testEvents()
                .assertStatistics(s -> s.started(1).succeeded(1));
        return thrown;
    }

    private static void assertSays(Throwable failure, String... words) {
        for (String word : words) {
            assertTrue(failure.getMessage().contains(word), () -> "no \"" + word + "\" in: " + failure.getMessage());
        }
    }

    @RunInVM
    static class Harmless {
        @Test
        void works() {
            assertEquals("Linux", System.getProperty("os.name"));
        }
    }

    @RunInVM
    @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
    static class Panics {
        @Test
        @Order(1)
        void panics() throws Exception {
            sysrq('c');
        }

        @Test
        @Order(2)
        void neverStarts() {}
    }

    @Test
    void aPanic() {
        List<Throwable> thrown = failures(Panics.class);
        assertSays(thrown.get(0), TECHNIQUE, "panics()", "PANIC", "sysrq", "console.log");
        assertSays(thrown.get(1), "neverStarts() did not run", "PANIC");
    }

    @RunInVM(isolation = Isolation.METHOD)
    @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
    static class PanicsAlone {
        @Test
        @Order(1)
        void panics() throws Exception {
            sysrq('c');
        }

        @Test
        @Order(2)
        void hasAGuestOfItsOwn() throws Exception {
            assertEquals(new Shell.Result(1, ""), Shell.run("dmesg | grep 'triggered crash'"));
        }
    }

    @Test
    void aPanicThatConcernsNobodyElse() {
        EngineTestKit.engine("junit-jupiter")
                .selectors(selectClass(PanicsAlone.class))
                .execute()
                .testEvents()
                .assertStatistics(s -> s.started(2).succeeded(1).failed(1));
    }

    @RunInVM
    static class PowersOff {
        @Test
        void powersOff() throws Exception {
            Shell.run("poweroff -f; sleep 1000");
        }
    }

    @Test
    void aPowerOff() {
        assertSays(failures(PowersOff.class).get(0), TECHNIQUE, "powersOff()", "POWER_OFF");
    }

    @RunInVM
    static class Reboots {
        @Test
        void reboots() throws Exception {
            sysrq('b');
        }
    }

    @Test
    void aReboot() {
        assertSays(failures(Reboots.class).get(0), TECHNIQUE, "reboots()", "REBOOT");
    }

    @RunInVM
    static class Exits {
        @Test
        void exits() {
            System.exit(3);
        }
    }

    @Test
    void aSystemExit() {
        assertSays(failures(Exits.class).get(0), "exits()", "System.exit was called at", "Exits.exits", "status 3");
    }

    @RunInVM
    static class Halts {
        @Test
        void halts() {
            Runtime.getRuntime().halt(4);
        }
    }

    @Test
    void aHalt() {
        assertSays(failures(Halts.class).get(0), "halts()", "AGENT_EXITED", "4");
    }

    @RunInVM(timeout = "20s")
    static class Loops {
        @Test
        void loops() {
            long n = 0;
            while (n >= 0) {
                n = n + 1 & 0xffff;
            }
        }
    }

    @Test
    void anEndlessLoop() {
        assertSays(failures(Loops.class).get(0), "loops()", "20.0 s", "HostileGuestsTest$Loops.loops");
    }

    @RunInVM(timeout = "60s")
    static class Forks {
        @Test
        void forksWithoutEnd() throws Exception {
            Shell.run("bomb() { bomb | bomb & }; bomb; sleep 1000");
        }
    }

    @Test
    void aForkBomb() {
        assertSays(failures(Forks.class).get(0), "forksWithoutEnd()");
    }

    @RunInVM
    static class KillsInit {
        @Test
        void killsEverything() throws Exception {
            Shell.run("kill -9 -1");
        }
    }

    @Test
    void killingEveryProcess() {
        assertSays(failures(KillsInit.class).get(0), "killsEverything()", "signal 9");
    }

    /** Ports by hand: the keyboard controller's reset line, which no guest of ours has. */
    @RunInVM(timeout = "60s")
    static class WritesPorts {
        @Test
        void resetsThroughThePort() throws Exception {
            Shell.Result result =
                    Shell.run("printf '\\376' | dd of=/dev/port bs=1 seek=100 count=1 conv=notrunc; sleep 3");
            throw new AssertionError("the guest is still there: " + result);
        }
    }

    @Test
    void aResetThroughAPort() {
        assertSays(failures(WritesPorts.class).get(0), "the guest is still there", "1+0 records out");
    }
}
