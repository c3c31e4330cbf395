package dev.runinvm.bench;

import dev.runinvm.engine.Technique;
import dev.runinvm.engine.snapshot.SnapshotStore;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.management.JMException;
import javax.management.ObjectName;
import org.jspecify.annotations.Nullable;

/**
 * What guests that run in this JVM take of the host's memory, in bytes, by what it is for. The JVM's heap is not looked at from
 * outside, where it shows the collector's habits, but as what lives in it.
 *
 * @param ram guests' RAM and windows: memory files, what they hold whoever maps it
 * @param files snapshots and disks of images that guests read RAM from: each process's share (PSS) of what is mapped, so a
 *     page that all guests read counts once
 * @param processes what else the processes hold that run guests' programs, and this JVM shares with them: their share (PSS)
 * @param heap objects alive in this JVM
 */
record HostMemory(long ram, long files, long processes, long heap) {
    /**
     * A part of what a guest takes.
     *
     * @param counter of a run of several guests, a part of {@link Starts#PER_GUEST}
     * @param name for people
     */
    private record Part(String counter, String name, ToLongFunction<HostMemory> bytes) {}

    private static final List<Part> PARTS = List.of(
            new Part("memory.perGuestRam", "RAM (memory files)", HostMemory::ram),
            new Part("memory.perGuestFiles", "snapshot and image (share of what is mapped)", HostMemory::files),
            new Part("memory.perGuestProcesses", "processes that run it", HostMemory::processes),
            new Part("memory.perGuestHeap", "objects in the JVM", HostMemory::heap));

    private static final String GUEST_RAM = "/memfd:runinvm-ram";
    private static final String OURS = "/memfd:runinvm-";
    private static final Pattern MAPPING = Pattern.compile("([0-9a-f]+)-([0-9a-f]+) \\S+ \\S+ \\S+ \\d+ *(.*)");
    private static final Pattern ADDRESS = Pattern.compile("0x([0-9a-f]{8,16})");
    private static final long SETTLE_NANOS = TimeUnit.SECONDS.toNanos(10);

    /** One mapping of a process. */
    record Mapping(long start, long end, String path, long share, long anonymous) {}

    /** Of this JVM with guests that are alive; what is left of others is {@linkplain #settle collected} before. */
    static HostMemory of(List<GuestStart> guests) throws InterruptedException {
        settle(!guests.isEmpty());
        long heap = objects(); // before we make any ourselves
        String cache = SnapshotStore.ofUser().directory().getParent() + "/";
        Predicate<Mapping> file = m -> m.path.startsWith(cache);
        Predicate<Mapping> other = m -> !file.test(m) && !m.path.startsWith(GUEST_RAM);
        List<Mapping> mine = mappings(ProcessHandle.current());
        List<Mapping> theirs = ProcessHandle.current()
                .descendants()
                .flatMap(p -> mappings(p).stream())
                .toList();
        return new HostMemory(
                guests.stream().mapToLong(GuestStart::touchedNow).sum(),
                share(mine, file) + share(theirs, file),
                share(mine, other.and(m -> m.path.startsWith(OURS))) + share(theirs, other),
                heap);
    }

    /** What is more than before, for each of so many guests: counters of the parts, and of all together. */
    Map<String, Long> each(HostMemory before, int guests) {
        Map<String, Long> all = new LinkedHashMap<>();
        for (Part part : PARTS) {
            all.put(part.counter, (part.bytes.applyAsLong(this) - part.bytes.applyAsLong(before)) / guests);
        }
        all.put(
                Starts.PER_GUEST,
                all.values().stream().mapToLong(Long::longValue).sum());
        return all;
    }

    /** A table of the parts, cold beside restored; empty if nothing was measured. */
    static String text(Technique technique, @Nullable Run cold, @Nullable Run restored) {
        if (cold == null && restored == null) {
            return "";
        }
        StringBuilder text = new StringBuilder(String.format(
                Locale.ROOT,
                "%-46s %15s %15s%n",
                "MiB of the host's memory for each guest",
                Starts.cold(technique),
                Starts.restored(technique)));
        for (Part part : PARTS) {
            row(text, "  " + part.name, part.counter, cold, restored);
        }
        row(text, "together", Starts.PER_GUEST, cold, restored);
        return text.append(System.lineSeparator()).toString();
    }

    private static void row(
            StringBuilder text, String name, String counter, @Nullable Run cold, @Nullable Run restored) {
        text.append(String.format(Locale.ROOT, "%-46s %15s %15s%n", name, mib(cold, counter), mib(restored, counter)));
    }

    private static String mib(@Nullable Run run, String counter) {
        Long bytes = run == null ? null : run.counters().get(counter);
        return bytes == null ? "-" : String.format(Locale.ROOT, "%.1f", bytes / (double) (1 << 20));
    }

    private static long share(List<Mapping> mappings, Predicate<Mapping> which) {
        return mappings.stream().filter(which).mapToLong(Mapping::share).sum();
    }

    /**
     * Collects garbage, so that neither objects nor mappings of guests that have ended are there any more; those are undone by a
     * thread of the JVM's some time after the collection. Gives freed memory of malloc's back to the host, where the JVM can.
     *
     * @param guests whether there are guests alive, whose mappings stay
     */
    static void settle(boolean guests) throws InterruptedException {
        long end = System.nanoTime() + SETTLE_NANOS;
        long before = -1;
        while (System.nanoTime() < end) {
            System.gc();
            Thread.sleep(100); // for the thread that undoes mappings
            long left = mappings(ProcessHandle.current()).stream()
                    .filter(m -> m.path.startsWith(GUEST_RAM))
                    .count();
            if (left == 0 || guests && left == before) {
                break;
            }
            before = left;
        }
        // What the compilers have freed stays with malloc otherwise: steps of some MiB that say nothing about guests.
        ask("systemTrimNativeHeap");
    }

    /** Bytes that this JVM holds: objects alive, and all memory of its own outside its heap. After {@link #settle}. */
    static long held() {
        long objects = objects();
        long[] heap = heapRange();
        long outside = mappings(ProcessHandle.current()).stream()
                .filter(m -> m.end <= heap[0] || m.start >= heap[1])
                .mapToLong(m -> m.path.startsWith("/memfd:") ? m.share : m.anonymous)
                .sum();
        return outside + objects;
    }

    private static long objects() {
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    /** Addresses of the heap's start and end; of nothing if this JVM does not tell. */
    static long[] heapRange() {
        String told = ask("gcHeapInfo");
        long least = Long.MAX_VALUE;
        long most = 0;
        Matcher address = ADDRESS.matcher(told);
        while (address.find()) {
            long at = Long.parseLong(address.group(1), 16);
            least = Math.min(least, at);
            most = Math.max(most, at);
        }
        return most == 0 ? new long[2] : new long[] {least, most};
    }

    /** What this JVM answers to one of jcmd's commands; nothing if it does not know it. */
    private static String ask(String command) {
        try {
            return String.valueOf(ManagementFactory.getPlatformMBeanServer()
                    .invoke(
                            new ObjectName("com.sun.management:type=DiagnosticCommand"),
                            command,
                            new Object[] {null},
                            new String[] {String[].class.getName()}));
        } catch (JMException e) {
            return "";
        }
    }

    /** All of a process; none if it has ended. */
    static List<Mapping> mappings(ProcessHandle process) {
        try (Stream<String> lines = Files.lines(Path.of("/proc/" + process.pid() + "/smaps"))) {
            return parse(lines.toList());
        } catch (IOException | java.io.UncheckedIOException e) {
            return List.of(); // it ended while we looked, and holds nothing any more
        }
    }

    /** Reads what smaps tells, see proc_pid_smaps(5). */
    static List<Mapping> parse(List<String> lines) {
        List<Mapping> all = new java.util.ArrayList<>();
        for (String line : lines) {
            Matcher m = MAPPING.matcher(line);
            if (m.matches()) {
                all.add(new Mapping(
                        Long.parseUnsignedLong(m.group(1), 16),
                        Long.parseUnsignedLong(m.group(2), 16),
                        m.group(3),
                        0,
                        0));
            } else if (!all.isEmpty() && (line.startsWith("Pss:") || line.startsWith("Anonymous:"))) {
                Mapping last = all.get(all.size() - 1);
                long bytes = Long.parseLong(line.replaceAll("\\D", "")) << 10;
                boolean share = line.startsWith("Pss:");
                all.set(
                        all.size() - 1,
                        new Mapping(
                                last.start,
                                last.end,
                                last.path,
                                share ? bytes : last.share,
                                share ? last.anonymous : bytes));
            }
        }
        return all;
    }
}
