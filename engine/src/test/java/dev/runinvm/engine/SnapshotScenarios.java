package dev.runinvm.engine;

import dev.runinvm.engine.snapshot.SnapshotFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A guest of several busy processes is written down in the middle of it, and goes on from there any number of times. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class SnapshotScenarios {
    private static final Duration LIMIT = Duration.ofSeconds(120);
    private static final int RESTORES = Integer.getInteger("runinvm.test.restores", 5);
    /**
     * Checksums worked out by several processes at once, in step with nothing, some of them connected by sockets and pipes;
     * AES and SHA of the kernel use vector registers. Each says what it found; the right answer is known beforehand.
     */
    private static final String WORK = """
            cd /tmp; clock=/sys/devices/system/clocksource/clocksource0/current_clocksource
            [ -z "$standing" ] || echo $standing >$clock
            dd if=/dev/zero bs=64k count=16 2>/dev/null | tr '\\0' 'a' >data
            echo expected $(md5sum <data | cut -c1-32)
            work() { for i in 1 2 3 4 5 6 7 8; do [ $(md5sum <data | cut -c1-32) = $1 ] || echo WRONG $2; done; echo done $2; }
            sum=$(md5sum <data | cut -c1-32); cat data data | md5sum | cut -c1-32 >twice
            mkfifo hold; exec 9<>hold
            (nc -l -p 7777 <hold >copy; [ $(md5sum <copy | cut -c1-32) = $(cat twice) ] && echo done socket || echo WRONG socket) &
            (until (cat data; sleep 2; cat data) | nc 127.0.0.1 7777; do sleep 0.1; done) &
            for n in 1 2 3 4; do work $sum $n & done
            (for i in 1 2 3 4; do usleep 250000; done; echo done timer) &
            ( (read -r key; echo $key >/proc/sysrq-trigger) </dev/console &)
            echo under load; cut -d' ' -f1 /proc/uptime
            wait; echo uptime $(cut -d' ' -f1 /proc/uptime); exit 7
            """;

    private final Path directory;
    private final Path file;
    private final VmConfig config;

    protected SnapshotScenarios(Technique technique) {
        try {
            directory = Files.createTempDirectory("snapshots");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        file = directory.resolve("loaded");
        config = VmConfig.of(technique)
                .memory(256L << 20)
                .command("standing=" + Techniques.snapshotClock(technique) + "; " + WORK);
    }

    /** Writes a guest down that was restored and never ran. */
    protected abstract void writeAgain(VmConfig config, SnapshotFile snapshot, Path file);

    /** Numbers in the state that are the machine's time, and go on a little meanwhile. */
    protected List<String> clocks() {
        return List.of("nanos", "tsc");
    }

    @BeforeAll
    void makeOne() throws Exception {
        try (Vm vm = Techniques.start(config)) {
            long deadline = System.nanoTime() + 2 * LIMIT.toNanos();
            while (!text(vm).contains("under load\n")) {
                assertTrue(System.nanoTime() < deadline, () -> text(vm));
                assertFalse(vm.awaitEnd(Duration.ofMillis(10)), () -> vm.end() + text(vm));
            }
            long size = vm.snapshot(file, false, LIMIT);
            assertTrue(size < 256 << 20, size + " bytes");
            finish(vm); // being written down has not disturbed it
        }
    }

    @AfterAll
    void remove() throws Exception {
        try (var files = Files.list(directory)) {
            for (Path path : files.toList()) {
                Files.delete(path);
            }
        }
        Files.delete(directory);
    }

    private static String text(Vm vm) {
        return String.join("\n", vm.console().tail(400)) + "\n";
    }

    private static String finish(Vm vm) throws InterruptedException {
        assertTrue(vm.awaitEnd(LIMIT), () -> "still running:\n" + text(vm));
        String text = text(vm);
        assertEquals(GuestEnd.Kind.AGENT_EXITED, vm.end().orElseThrow().kind(), () -> vm.end() + text);
        assertEquals(7, vm.console().exitStatus().orElse(-1), text);
        assertFalse(text.contains("WRONG"), text);
        for (String who : List.of("1", "2", "3", "4", "socket", "timer")) {
            assertTrue(text.contains("done " + who), () -> who + " is missing in:\n" + text);
        }
        return text;
    }

    @Test
    public void aGuestUnderLoadGoesOnFromItAnyNumberOfTimes() throws Exception {
        SnapshotFile snapshot = SnapshotFile.open(file);
        snapshot.checkPages();
        List<String> uptimes = new ArrayList<>();
        for (int i = 0; i < RESTORES; i++) {
            long start = System.nanoTime();
            try (Vm vm = Techniques.restore(config, snapshot)) {
                Matcher m = Pattern.compile("uptime (\\d+)").matcher(finish(vm));
                assertTrue(m.find());
                // Beyond the time that passed here the clock gains the same each time, however slow we are.
                long seconds = (System.nanoTime() - start) / 1_000_000_000;
                uptimes.add(Long.toString(Long.parseLong(m.group(1)) - seconds));
                long leap = Long.parseLong(uptimes.get(i)) - Long.parseLong(uptimes.get(0));
                assertTrue(Math.abs(leap) <= 5, "the clock leapt: " + uptimes);
            }
        }
        snapshot.checkPages(); // guests have written nothing into it
    }

    @Test
    public void restoredAndWrittenDownAgainItIsTheSame() throws Exception {
        SnapshotFile snapshot = SnapshotFile.open(file);
        Path again = directory.resolve("again");
        writeAgain(config, snapshot, again);
        byte[] before = snapshot.state();
        byte[] after = SnapshotFile.open(again).state();
        for (String clock : clocks()) {
            eraseLong(before, clock);
            eraseLong(after, clock);
        }
        assertArrayEquals(before, after);
        long end = 4096 + snapshot.ramSize() + (1 << 20);
        try (var one = Files.newInputStream(file);
                var two = Files.newInputStream(again)) {
            one.skipNBytes(4096);
            two.skipNBytes(4096);
            for (long at = 4096; at < end; at += 1 << 20) {
                int length = (int) Math.min(1 << 20, end - at);
                assertArrayEquals(one.readNBytes(length), two.readNBytes(length), "memory from " + at);
            }
        }
    }

    /** Erases the value of the first field of a name; in a state a value follows its name, and that its two bytes of length. */
    private static void eraseLong(byte[] state, String name) {
        String field = "\0" + (char) name.length() + name;
        int at = new String(state, StandardCharsets.ISO_8859_1).indexOf(field);
        assertTrue(at >= 0, () -> "no field " + name);
        java.util.Arrays.fill(state, at + field.length(), at + field.length() + Long.BYTES, (byte) 0);
    }

    @Test
    public void aGuestThatPanicsLeavesNothingToTheNext() throws Exception {
        SnapshotFile snapshot = SnapshotFile.open(file);
        for (int i = 0; i < 2; i++) {
            try (Vm vm = Techniques.restore(config, snapshot)) {
                vm.console().type("c\n".getBytes(StandardCharsets.US_ASCII)); // SysRq's crash, see WORK
                assertTrue(vm.awaitEnd(LIMIT), () -> "still running:\n" + text(vm));
                assertEquals(GuestEnd.Kind.PANIC, vm.end().orElseThrow().kind(), () -> vm.end() + text(vm));
                assertTrue(text(vm).contains("sysrq triggered crash"), () -> text(vm));
            }
            snapshot.checkPages();
            try (Vm vm = Techniques.restore(config, snapshot)) {
                String text = finish(vm);
                assertFalse(text.contains("sysrq"), text);
            }
        }
    }

    @Test
    public void aGuestThatIsEndedInTheMiddleLeavesNothingToTheNext() throws Exception {
        SnapshotFile snapshot = SnapshotFile.open(file);
        for (int millis : new int[] {0, 50, 500}) {
            try (Vm vm = Techniques.restore(config, snapshot)) {
                assertFalse(vm.awaitEnd(Duration.ofMillis(millis)), () -> vm.end() + text(vm));
            }
        }
        snapshot.checkPages();
        try (Vm vm = Techniques.restore(config, snapshot)) {
            finish(vm);
        }
    }

    @Test
    public void aSnapshotOfAnotherGuestIsRefused() throws Exception {
        SnapshotFile snapshot = SnapshotFile.open(file);
        VmConfig larger = config.memory(512L << 20);
        SnapshotUnusable e = assertThrows(SnapshotUnusable.class, () -> Techniques.restore(larger, snapshot));
        assertTrue(String.valueOf(e.getMessage()).contains("another guest"), e.getMessage());
    }

    @Test
    public void theKeyFollowsWhatShapesAGuest() {
        String key = Techniques.snapshotKey(config);
        assertEquals(key, Techniques.snapshotKey(config));
        assertFalse(key.equals(Techniques.snapshotKey(config.memory(300L << 20))));
        assertFalse(key.equals(Techniques.snapshotKey(config.command("true"))));
        assertFalse(key.equals(Techniques.snapshotKey(config.kernelArguments(List.of("quiet")))));
    }
}
