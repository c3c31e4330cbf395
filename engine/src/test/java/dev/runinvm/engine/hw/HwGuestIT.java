package dev.runinvm.engine.hw;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.PlainGuestScenarios;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.snapshot.SnapshotFile;
import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The stock kernel boots under HW, runs what it is told, and ends as it should, whatever the way; skipped where HW cannot run. */
@Timeout(500)
class HwGuestIT extends PlainGuestScenarios {
    private static final Duration LIMIT = Duration.ofSeconds(400);

    HwGuestIT() {
        super(Technique.HW, LIMIT);
    }

    @BeforeEach
    void usable() {
        Availability availability = Techniques.availability(Technique.HW);
        Assumptions.assumeTrue(availability.usable(), () -> String.join("; ", availability.missing()));
    }

    @Test
    void severalProcessors() throws Exception {
        Outcome o = run(VmConfig.of(Technique.HW)
                .memory(256L << 20)
                .cpus(2)
                .command("grep -c ^processor /proc/cpuinfo | sed s/^/cpus=/; exit 0"));
        assertEquals(0, o.status(), o.console());
        assertTrue(o.console().contains("cpus=2"), o.console());
    }

    @Test
    void theHypervisorsClockIsThereForWhoAsks() throws Exception {
        String command = "cat /sys/devices/system/clocksource/clocksource0/available_clocksource";
        Outcome plain = run(command);
        assertFalse(plain.console().contains("kvm-clock"), plain.console());
        Outcome told = run(VmConfig.of(Technique.HW)
                .memory(256L << 20)
                .paravirtualClock(true)
                .command(command));
        assertTrue(told.console().contains("kvm-clock"), told.console());
    }

    /** Checksums of one process, another's clock: neither notices that the guest was away for a while. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aGuestAtWorkGoesOnFromASnapshotAnyNumberOfTimes(int cpus, @TempDir Path folder) throws Exception {
        VmConfig config =
                VmConfig.of(Technique.HW).memory(256L << 20).cpus(cpus).command("""
                dd if=/dev/zero bs=64k count=8 2>/dev/null | tr '\\0' 'a' >/tmp/data; sum=$(md5sum </tmp/data)
                (for i in 1 2 3 4 5 6; do [ "$(md5sum </tmp/data)" = "$sum" ] || echo WRONG; done; echo done sums) &
                (for i in 1 2 3 4 5; do usleep 100000; done; echo done timer) &
                echo at work; read up rest </proc/uptime; wait; read now rest </proc/uptime
                echo took $((${now%.*} - ${up%.*})) seconds; exit 7
                """);
        Path file = folder.resolve("snapshot");
        try (Vm vm = Techniques.start(config)) {
            long deadline = System.nanoTime() + LIMIT.toNanos();
            while (!text(vm).contains("at work")) {
                assertTrue(System.nanoTime() < deadline, () -> text(vm));
                assertFalse(vm.awaitEnd(Duration.ofMillis(10)), () -> vm.end() + text(vm));
            }
            long size = vm.snapshot(file, false, LIMIT);
            assertTrue(size < 256 << 20, size + " bytes");
            finished(vm); // being written down has not disturbed it
        }
        SnapshotFile snapshot = SnapshotFile.open(file);
        for (int i = 0; i < 2; i++) {
            long start = System.nanoTime();
            try (Vm vm = Techniques.restore(config, snapshot)) {
                String text = finished(vm);
                Matcher took = Pattern.compile("took (\\d+) seconds").matcher(text);
                assertTrue(took.find(), text);
                long most = (System.nanoTime() - start) / 1_000_000_000 + 10;
                assertTrue(
                        Long.parseLong(took.group(1)) <= most, "the clock has leapt: " + took.group() + " in " + most);
            }
        }
        snapshot.checkPages(); // guests have written nothing into it
    }

    private static String finished(Vm vm) throws InterruptedException {
        assertTrue(vm.awaitEnd(LIMIT), () -> "still running:\n" + text(vm));
        String text = text(vm);
        assertEquals(GuestEnd.Kind.AGENT_EXITED, vm.end().orElseThrow().kind(), () -> vm.end() + text);
        assertEquals(7, vm.console().exitStatus().orElse(-1), text);
        assertTrue(text.contains("done sums") && text.contains("done timer") && !text.contains("WRONG"), text);
        return text;
    }
}
