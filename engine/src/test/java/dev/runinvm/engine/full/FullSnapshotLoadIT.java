package dev.runinvm.engine.full;

import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.snapshot.SnapshotFile;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * A guest under load is written down and goes on from there, many times: two JVMs at work in all their threads ({@link
 * LoadProgram}), programs beside them that reckon with floating point and vectors, connections, timers. What each of them
 * finds out is known beforehand. {@code -Druninvm.test.restores=100} restores it a hundred times.
 *
 * <p>Its kernel takes the time-stamp counter for unstable. The counter goes on while a guest does not, and the scheduler's clock
 * is that counter where the kernel trusts it: whoever was running would be charged for the pause, and would wait until the
 * others have had as much. A guest that is written down while it is idle, as those of tests are, has nobody to charge.
 */
@Timeout(7200)
class FullSnapshotLoadIT {
    private static final Duration LIMIT = Duration.ofSeconds(900);
    private static final int RESTORES = Integer.getInteger("runinvm.test.restores", 2);
    /** How much each JVM has to do; most of it comes after the snapshot. */
    private static final int ROUNDS = 60;

    private static final List<String> JVMS = List.of("a", "b");

    private static final String WORK = """
            cd /tmp
            echo acpi_pm >/sys/devices/system/clocksource/clocksource0/current_clocksource
            reckon() { awk 'BEGIN { for (i = 1; i < 4000; i++) s += i / (i + 1.5) * 1.0001; printf "%.9f\\n", s }'; }
            digest() { dd if=/dev/zero bs=64k count=8 2>/dev/null | sha512sum | cut -c1-32; }
            floats=$(reckon); sum=$(digest)
            work() { until [ -e over ]; do [ "$($2)" = "$3" ] || echo WRONG $1; done; echo done $1; }
            jvms=
            for name in a b; do
                $JAVA_HOME/bin/java -Xmx96m -XX:+UseSerialGC -cp /opt/runinvm/agent.jar $1 $name $2 & jvms="$jvms $!"
            done
            until [ -e a.at-work ] && [ -e b.at-work ]; do usleep 50000; done
            work reckoning reckon "$floats" & work digests digest "$sum" &
            echo under load
            wait $jvms; touch over; wait
            echo uptime $(cut -d' ' -f1 /proc/uptime)
            exit 7
            """;

    @TempDir
    Path directory;

    private static String text(Vm vm) {
        return String.join("\n", vm.console().tail(400)) + "\n";
    }

    private VmConfig config() throws IOException {
        Path jar = directory.resolve("load.jar");
        Path script = Files.writeString(directory.resolve("work.sh"), WORK);
        Path classes = Path.of(URI.create(String.valueOf(LoadProgram.class.getResource("LoadProgram.class"))))
                .resolveSibling("");
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar));
                Stream<Path> files = Files.list(classes)) {
            for (Path file : files.sorted().toList()) {
                if (String.valueOf(file.getFileName()).startsWith("LoadProgram")) {
                    JarEntry entry = new JarEntry("dev/runinvm/engine/full/" + file.getFileName());
                    entry.setTimeLocal(LocalDateTime.of(1980, 1, 1, 0, 0)); // the same image each time
                    out.putNextEntry(entry);
                    Files.copy(file, out);
                    out.closeEntry();
                }
            }
        }
        return VmConfig.of(Technique.FULL)
                .memory(512L << 20)
                .kernelArguments(List.of("tsc=unstable"))
                .agent(jar)
                .agentFiles(Map.of("work.sh", script))
                .command("sh " + VmConfig.AGENT_FILES + "/work.sh " + LoadProgram.class.getName() + " " + ROUNDS);
    }

    private static void finish(Vm vm, List<String> expected) throws InterruptedException {
        assertTrue(vm.awaitEnd(LIMIT), () -> "still running:\n" + text(vm));
        String text = text(vm);
        assertEquals(GuestEnd.Kind.AGENT_EXITED, vm.end().orElseThrow().kind(), () -> vm.end() + text);
        assertEquals(7, vm.console().exitStatus().orElse(-1), text);
        assertFalse(text.contains("WRONG"), text);
        for (String line : expected) {
            assertEquals(1, count(text, line), () -> "\"" + line + "\" is missing, or there twice, in:\n" + text);
        }
    }

    private static int count(String text, String line) {
        return (int) text.lines().filter(line::equals).count();
    }

    private static double uptime(Vm vm) {
        Matcher m = Pattern.compile("\nuptime ([0-9.]+)\n").matcher(text(vm));
        assertTrue(m.find(), () -> text(vm));
        return Double.parseDouble(m.group(1));
    }

    private static double seconds(long since) {
        return (System.nanoTime() - since) / 1e9;
    }

    private static List<String> expected() throws Exception {
        List<String> all = new ArrayList<>(List.of("done reckoning", "done digests"));
        for (String jvm : JVMS) {
            LoadProgram.results(jvm, ROUNDS).forEach((what, sum) -> all.add(jvm + " " + what + " " + sum));
            all.add(jvm + " has not leapt");
        }
        return all;
    }

    @Test
    void jvmsUnderLoadGoOnFromItAnyNumberOfTimes() throws Exception {
        List<String> expected = expected();
        VmConfig config = config();
        Path file = directory.resolve("loaded");
        double atMostAtSnapshot;
        try (Vm vm = Techniques.start(config)) {
            long start = System.nanoTime();
            while (count(text(vm), "under load") == 0) {
                assertTrue(seconds(start) < LIMIT.toSeconds(), () -> text(vm));
                assertFalse(vm.awaitEnd(Duration.ofMillis(10)), () -> vm.end() + text(vm));
            }
            vm.snapshot(file, false, LIMIT);
            atMostAtSnapshot = seconds(start);
            String before = text(vm);
            assertFalse(before.lines().anyMatch(expected::contains), () -> "some of it was over too early:\n" + before);
            long written = System.nanoTime();
            finish(vm, expected);
            System.out.printf(
                    Locale.ROOT, "a guest under load has ended %.1f s after it was written down%n", seconds(written));
        }
        SnapshotFile snapshot = SnapshotFile.open(file);
        snapshot.checkPages();
        long start = System.nanoTime();
        for (int i = 1; i <= RESTORES; i++) {
            long restored = System.nanoTime();
            try (Vm vm = Techniques.restore(config, snapshot)) {
                finish(vm, expected);
                double ran = seconds(restored);
                double uptime = uptime(vm);
                assertTrue(
                        uptime < atMostAtSnapshot + ran + 1,
                        () -> "monotonic time has leapt: up for " + uptime + " s after " + ran + " s, from "
                                + atMostAtSnapshot + " s at most");
            } catch (AssertionError e) {
                throw new AssertionError("restore " + i + " of " + RESTORES + ": " + e.getMessage(), e);
            }
            if (i == 1 || i % 10 == 0) {
                System.out.printf(Locale.ROOT, "restored %d times after %.0f s%n", i, seconds(start));
            }
        }
        System.out.printf(
                Locale.ROOT,
                "%d restores of a guest under load, %.1f s each until its end, all sums right%n",
                RESTORES,
                seconds(start) / RESTORES);
        snapshot.checkPages(); // guests have written nothing into it
    }
}
