package dev.runinvm.examples;

import dev.runinvm.junit.Guest;
import dev.runinvm.junit.Isolation;
import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Runs on the host: guests from the same snapshot are the same in all but what must differ. Each has random numbers of its
 * own and the right time, and has not noticed how long it lay in its file.
 */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class RestoredGuestTest {
    private static final double NANOS = 1e9;
    private static final double MOST_OFF_MILLIS = 50;
    private static final Map<String, String> WITH_SNAPSHOTS = Map.of("runinvm.snapshots", "true");

    /** Tells its random numbers. */
    @RunInVM(isolation = Isolation.METHOD)
    static class Numbers {
        /** getrandom(buffer, 32, 0); write(1, buffer, 32); exit(0): Java asks for random numbers by /dev/urandom only. */
        private static final String GETRANDOM =
                "4883ec40 4889e7 be20000000 31d2 b83e010000 0f05 4889e6 ba20000000 bf01000000 b801000000 0f05"
                        + " 31ff b83c000000 0f05";

        @Test
        void one(TestReporter reporter) throws Exception {
            reporter.publishEntry(numbers());
        }

        @Test
        void two(TestReporter reporter) throws Exception {
            reporter.publishEntry(numbers());
        }

        private static Map<String, String> numbers() throws Exception {
            Map<String, String> all = new LinkedHashMap<>();
            all.put("generation", System.getProperty("runinvm.generation", ""));
            all.put(
                    "kernel's uuid",
                    Files.readString(Path.of("/proc/sys/kernel/random/uuid")).strip());
            byte[] bytes = new byte[16];
            new SecureRandom().nextBytes(bytes);
            all.put("SecureRandom", HexFormat.of().formatHex(bytes));
            SecureRandom.getInstanceStrong().nextBytes(bytes);
            all.put("strong SecureRandom", HexFormat.of().formatHex(bytes));
            // Generators that the JVM may have had before the snapshot.
            all.put("UUID", UUID.randomUUID().toString());
            all.put("a temporary file", Files.createTempFile("", "").toString());
            all.put("getrandom", Shell.run(program() + " | od -An -tx1").output());
            all.put(
                    "/dev/random",
                    Shell.run("dd if=/dev/random bs=16 count=1 2>/dev/null | od -An -tx1")
                            .output());
            return all;
        }

        /** A static ELF file: its header, one program header, the code. */
        private static String program() throws IOException {
            byte[] code = HexFormat.of().parseHex(GETRANDOM.replace(" ", ""));
            long base = 0x40_0000;
            int headers = 64 + 56;
            ByteBuffer b = ByteBuffer.allocate(headers + code.length).order(ByteOrder.LITTLE_ENDIAN);
            b.put("\177ELF".getBytes(StandardCharsets.US_ASCII))
                    .put(new byte[] {2, 1, 1})
                    .position(16);
            b.putShort((short) 2).putShort((short) 62).putInt(1); // an executable, for x86-64
            b.putLong(base + headers).putLong(64).putLong(0).putInt(0);
            b.putShort((short) 64).putShort((short) 56).putShort((short) 1).position(64);
            b.putInt(1).putInt(5).putLong(0).putLong(base).putLong(base); // to be loaded, readable and executable
            b.putLong(b.capacity()).putLong(b.capacity()).putLong(0x1000);
            Path file = Files.write(Path.of("/tmp/getrandom"), b.put(code).array());
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
            return file.toString();
        }
    }

    @Test
    void eachHasRandomNumbersOfItsOwn() {
        List<Map<String, String>> guests = new ArrayList<>();
        HostLauncher.run((test, entry) -> guests.add(entry), WITH_SNAPSHOTS, Numbers.class);
        HostLauncher.run((test, entry) -> guests.add(entry), WITH_SNAPSHOTS, Numbers.class);
        assertEquals(4, guests.size());
        for (Map.Entry<String, String> number : guests.get(0).entrySet()) {
            List<String> all = guests.stream()
                    .map(g -> String.valueOf(g.get(number.getKey())))
                    .toList();
            assertEquals(4, all.stream().distinct().count(), () -> number.getKey() + ": " + all);
            assertTrue(all.stream().allMatch(v -> v.length() >= 16), () -> number.getKey() + ": " + all);
        }
    }

    /** Tells what time it is, and asks the host something in between, so that it is known when that was. */
    @RunInVM(isolation = Isolation.METHOD)
    static class Clock {
        private static final int TIMES = 30;

        @Test
        void tells(Guest guest, TestReporter reporter) throws IOException {
            String uptime = Files.readString(Path.of("/proc/uptime")).split(" ")[0];
            reporter.publishEntry("uptime", uptime);
            for (int i = 0; i < TIMES; i++) {
                reporter.publishEntry("before", nanos());
                guest.counters();
                reporter.publishEntry("after", nanos());
            }
        }

        private static String nanos() {
            Instant now = Instant.now();
            return Long.toString(now.getEpochSecond() * 1_000_000_000 + now.getNano());
        }
    }

    /** What the host and the guest said of the time. */
    private static final class Times {
        private double uptime;
        /** Seconds until the guest had told its uptime. */
        private double took;

        private final long start = System.nanoTime();
        private long asked;
        private long host;
        /** The host's time less the guest's is between these, in milliseconds. */
        private double least = Double.NEGATIVE_INFINITY;

        private double most = Double.POSITIVE_INFINITY;

        static Times run() {
            Times times = new Times();
            HostLauncher.run((test, entry) -> times.told(entry), WITH_SNAPSHOTS, Clock.class);
            return times;
        }

        private void told(Map<String, String> entry) {
            Instant now = Instant.now();
            if (entry.get("uptime") != null) {
                uptime = Double.parseDouble(entry.get("uptime"));
                took = (System.nanoTime() - start) / NANOS;
            } else if (entry.get("before") != null) {
                asked = Long.parseLong(entry.get("before"));
                host = now.getEpochSecond() * 1_000_000_000 + now.getNano();
            } else {
                // The guest was asked and has answered before it went on: here it was "host" between "asked" and
                // "after".
                least = Math.max(least, (host - Long.parseLong(entry.getOrDefault("after", ""))) / 1e6);
                most = Math.min(most, (host - asked) / 1e6);
            }
        }
    }

    @Test
    void theClockIsRightAndMonotonicTimeHasNotLeapt() throws Exception {
        Times first = Times.run();
        Thread.sleep(3000); // which the guest is not to notice
        Times second = Times.run();
        for (Times times : List.of(first, second)) {
            System.out.printf(
                    Locale.ROOT,
                    "a guest's clock is behind the host's by %.1f to %.1f ms; up for %.2f s, %.2f s after it was asked for%n",
                    times.least,
                    times.most,
                    times.uptime,
                    times.took);
            assertTrue(times.least <= times.most, "the clocks do not go at the same pace");
            assertTrue(times.least <= MOST_OFF_MILLIS, times.least + " ms behind at least");
            assertTrue(times.most >= -MOST_OFF_MILLIS, -times.most + " ms ahead at least");
        }
        double ran = second.uptime - first.uptime;
        assertTrue(ran < second.took + 0.1, () -> "uptime has advanced by " + ran + " s in " + second.took + " s");
        assertNotEquals(0, second.uptime);
    }
}
