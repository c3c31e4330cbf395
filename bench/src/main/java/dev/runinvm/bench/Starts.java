package dev.runinvm.bench;

import dev.runinvm.bench.guest.StartTests;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.VmException;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Starts guests of one technique in this JVM: cold and from a snapshot in turns, many of each at once for their memory, and
 * many from a snapshot in a row.
 */
final class Starts {
    /** Counter of a run of several guests: bytes of the host's memory that one took, see {@link HostMemory}. */
    static final String PER_GUEST = "memory.perGuest";
    /** Counter of a restore in a row: open descriptors of this JVM when its guest had ended. */
    static final String DESCRIPTORS = "host.descriptors";
    /** Likewise processes that this JVM has started. */
    static final String PROCESSES = "host.processes";
    /** Likewise threads. */
    static final String THREADS = "host.threads";
    /** Likewise mappings of this JVM's address space; only now and then, since it takes a garbage collection. */
    static final String MAPPINGS = "host.mappings";
    /** Likewise bytes that this JVM holds of memory, see {@link HostMemory#held}; as seldom. */
    static final String HELD = "host.held";

    private static final int SETTLED_EVERY = 50;

    private static final List<String> TOLD = List.of(
            "cpu.kernelNanos",
            "cpu.userNanos",
            "cpu.haltNanos",
            "cpu.instructionsInterpreted",
            "cpu.emulatedUserInstructions",
            "direct.syscalls",
            "direct.faultsMapped",
            "direct.faultsForGuest",
            "direct.pagesMapped",
            "direct.maps",
            "direct.stubSpawns",
            "direct.nanosInGuest",
            "memory.touchedBytes");

    private final Technique technique;
    private final long memoryBytes;
    private final Duration deadline;
    private final PrintStream out;

    Starts(Technique technique, int memoryMib, Duration deadline, PrintStream out) {
        this.technique = technique;
        this.memoryBytes = (long) memoryMib << 20;
        this.deadline = deadline;
        this.out = out;
    }

    /** What guests of a technique that boot are called among contenders. */
    static String cold(Technique technique) {
        return technique.name().toLowerCase(Locale.ROOT) + "-cold";
    }

    /** Likewise guests from a snapshot. */
    static String restored(Technique technique) {
        return technique.name().toLowerCase(Locale.ROOT) + "-restored";
    }

    /** Rounds of one cold and one restored guest, the next round beginning with the other; then {@code guests} at once of each. */
    List<Run> restore(int rounds, int guests) throws InterruptedException {
        prepare();
        List<Run> runs = new ArrayList<>();
        for (int round = 1; round <= rounds; round++) {
            for (int i = 0; i < 2; i++) {
                boolean restored = (round + i) % 2 == 0;
                out.print("round " + round + " of " + rounds + ", " + Work.RESTORE + ", " + name(restored) + " ... ");
                out.flush();
                Run run = one(round, restored);
                runs.add(run);
                out.println(run.failure().map(f -> "FAILED: " + f).orElse(run.millis() + " ms"));
            }
        }
        for (boolean restored : new boolean[] {true, false}) {
            out.print(guests + " guests at once, " + name(restored) + " ... ");
            out.flush();
            Run run = together(restored, guests);
            runs.add(run);
            out.println(run.failure()
                    .map(f -> "FAILED: " + f)
                    .orElse((run.counters().getOrDefault(PER_GUEST, 0L) >> 20) + " MiB each"));
        }
        return runs;
    }

    /** Restores in a row; after each, what is open and held is looked at. */
    List<Run> restores(int count) throws IOException, InterruptedException {
        prepare();
        List<Run> runs = new ArrayList<>();
        for (int round = 1; round <= count; round++) {
            Run run = one(round, true);
            Map<String, Long> counters = new LinkedHashMap<>(leftOver(round % SETTLED_EVERY == 0 || round == count));
            runs.add(new Run(
                    round, name(true), Work.RESTORES, run.millis(), run.memory(), Map.of(), counters, run.failure()));
            if (!run.good() || counters.containsKey(HELD)) {
                out.println("restore " + round + " of " + count + ": "
                        + run.failure().map(f -> "FAILED: " + f).orElse(run.millis() + " ms") + ", left over: "
                        + counters);
            }
        }
        return runs;
    }

    private void prepare() {
        out.println("making the snapshots of " + technique + " that are missing");
        GuestStart.prepare(technique, memoryBytes, deadline);
    }

    private String name(boolean restored) {
        return restored ? restored(technique) : cold(technique);
    }

    private Run one(int round, boolean restored) throws InterruptedException {
        try (GuestStart guest = GuestStart.of(technique, restored, memoryBytes, StartTests.class.getName(), deadline)) {
            return run(round, restored, guest.micros(), guest.counters(), Optional.empty());
        } catch (VmException e) {
            return run(round, restored, Map.of(), Map.of(), Optional.of(String.valueOf(e.getMessage())));
        }
    }

    private Run run(
            int round,
            boolean restored,
            Map<String, Long> micros,
            Map<String, Long> counters,
            Optional<String> failure) {
        Map<String, Long> millis = new LinkedHashMap<>();
        for (String phase : GuestStart.PHASES) {
            Long at = micros.get(phase);
            if (at != null) {
                millis.put(phase, at / 1000);
            }
        }
        return new Run(round, name(restored), Work.RESTORE, millis, new Run.Held(0, 0), Map.of(), counters, failure);
    }

    /** Guests that are all there at the same time, each having run its first test. */
    private Run together(boolean restored, int guests) throws InterruptedException {
        List<GuestStart> all = new ArrayList<>();
        try {
            HostMemory before = HostMemory.of(all);
            for (int i = 0; i < guests; i++) {
                all.add(GuestStart.of(technique, restored, memoryBytes, StartTests.class.getName(), deadline));
            }
            HostMemory now = HostMemory.of(all);
            Map<String, Long> counters = now.each(before, guests);
            counters.put(Run.TOUCHED, now.ram() / guests); // of the same moment: guests that wait go on touching RAM
            return run(0, restored, Map.of(), counters, Optional.empty());
        } catch (VmException e) {
            return run(0, restored, Map.of(), Map.of(), Optional.of(String.valueOf(e.getMessage())));
        } finally {
            all.forEach(GuestStart::close);
        }
    }

    private static Map<String, Long> leftOver(boolean settle) throws IOException, InterruptedException {
        Map<String, Long> all = new LinkedHashMap<>();
        if (settle) {
            HostMemory.settle(false);
            all.put(HELD, HostMemory.held());
            all.put(MAPPINGS, (long)
                    HostMemory.mappings(ProcessHandle.current()).size());
        }
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            all.put(DESCRIPTORS, descriptors.count());
        }
        all.put(PROCESSES, ProcessHandle.current().descendants().count());
        all.put(THREADS, (long) ManagementFactory.getThreadMXBean().getThreadCount());
        return all;
    }

    /** Medians and memory, cold beside restored. */
    static String text(List<Run> runs, Technique technique) {
        return times(runs, technique)
                + HostMemory.text(technique, together(runs, cold(technique)), together(runs, restored(technique)));
    }

    private static @Nullable Run together(List<Run> runs, String contender) {
        return runs.stream()
                .filter(r -> r.contender().equals(contender) && r.counters().containsKey(PER_GUEST))
                .findFirst()
                .orElse(null);
    }

    private static String times(List<Run> runs, Technique technique) {
        String booted = cold(technique);
        String fromSnapshot = restored(technique);
        List<Run> starts = runs.stream()
                .filter(r -> r.work() == Work.RESTORE && r.good() && r.round() > 0)
                .filter(r -> r.contender().equals(booted) || r.contender().equals(fromSnapshot))
                .toList();
        if (starts.isEmpty()) {
            return "";
        }
        StringBuilder text = new StringBuilder(String.format(
                Locale.ROOT, "%-28s %15s %15s %8s%n", "median ms from start to", booted, fromSnapshot, "ratio"));
        for (String phase : GuestStart.PHASES) {
            double cold = median(starts, booted, phase);
            double restored = median(starts, fromSnapshot, phase);
            text.append(
                    String.format(Locale.ROOT, "%-28s %15.0f %15.0f %8.1f%n", phase, cold, restored, cold / restored));
        }
        text.append(String.format(Locale.ROOT, "%n%-40s", "median in each phase, " + fromSnapshot));
        GuestStart.PHASES.forEach(phase -> text.append(String.format(Locale.ROOT, " %17s", phase)));
        text.append(System.lineSeparator());
        for (String counter : TOLD) {
            text.append(String.format(Locale.ROOT, "%-40s", counter));
            for (String phase : GuestStart.PHASES) {
                text.append(String.format(
                        Locale.ROOT, " %17.0f", medianCounter(starts, fromSnapshot, phase + ": " + counter)));
            }
            text.append(System.lineSeparator());
        }
        return text.append(System.lineSeparator()).toString();
    }

    private static double median(List<Run> runs, String contender, String phase) {
        return Report.median(runs.stream()
                        .filter(r -> r.contender().equals(contender))
                        .filter(r -> r.millis().containsKey(phase))
                        .map(r -> r.millis().getOrDefault(phase, 0L))
                        .toList())
                .orElse(Double.NaN);
    }

    private static double medianCounter(List<Run> runs, String contender, String counter) {
        return Report.median(runs.stream()
                        .filter(r -> r.contender().equals(contender))
                        .map(r -> r.counters().getOrDefault(counter, 0L))
                        .toList())
                .orElse(0);
    }
}
