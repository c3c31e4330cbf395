package dev.runinvm.engine;

import dev.runinvm.engine.image.Cache;
import dev.runinvm.engine.os.MemFile;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What this machine offers a virtual machine engine, probed one fact at a time; nothing is assumed, nothing changed.
 * For people (vm:doctor, failure messages): whether a technique can run is for the technique to say.
 */
public final class HostFacts {
    /** How a fact bears on the engine. */
    public enum Verdict {
        /** As it should be, or for information only. */
        OK,
        /** Guests run, but slower, fewer, or seeing more of the host than they should; the advice says what to do. */
        LIMITED,
        /** At least one technique cannot run; the advice says what to do. */
        MISSING
    }

    /**
     * One fact.
     *
     * @param name what was probed, in the kernel's or the JDK's own words
     * @param value what was found
     * @param verdict what it means
     * @param advice what to do about it; empty when nothing is to be done
     */
    public record Fact(String name, String value, Verdict verdict, String advice) {
        static Fact ok(String name, String value) {
            return new Fact(name, value, Verdict.OK, "");
        }
    }

    /** The smallest guest, and the JVM beside it, in KiB. */
    private static final long LEAST_MEMORY_KIB = 1024 * 1024;
    /** Mappings that one guest process of a JVM's size needs in its mirror before eviction sets in. */
    private static final long GOOD_MAP_COUNT = 65530;

    /** A kernel, packed and unpacked, and an image with a JDK. */
    private static final long LEAST_CACHE_ROOM = 1L << 30;

    private static final String CACHE_ADVICE = "kernels and images are kept there and need 1 GiB that this user may"
            + " write; name another folder with -Druninvm.cache or XDG_CACHE_HOME";

    private final Path root;

    private HostFacts(Path root) {
        this.root = root;
    }

    /** Probes the machine we run on; takes a few milliseconds. */
    public static List<Fact> probe() {
        List<Fact> facts = new ArrayList<>();
        facts.add(
                system(System.getProperty("os.name"), System.getProperty("os.arch"), System.getProperty("os.version")));
        facts.add(jdk(Path.of(System.getProperty("java.home"))));
        facts.addAll(new HostFacts(Path.of("/")).fromFiles());
        facts.add(memfd());
        facts.add(cache(Cache.ofUser().directory()));
        return facts;
    }

    /** The facts that /proc, /sys and /dev below a folder tell. */
    static List<Fact> fromFiles(Path root) {
        return new HostFacts(root).fromFiles();
    }

    private List<Fact> fromFiles() {
        return List.of(cpu(), cpuidFaulting(), memory(), mapCount(), lowestMapping(), overcommit(), seccomp(), kvm());
    }

    static Fact system(String name, String arch, String version) {
        boolean right = name.equals("Linux") && arch.equals("amd64");
        return new Fact(
                "operating system",
                name + " " + version + ", " + arch,
                right ? Verdict.OK : Verdict.MISSING,
                right ? "" : "guests run on 64-bit x86 Linux only; on another system, run the build in such a machine");
    }

    /** The JDK that is copied into guests: a run-time image of its own, not a module path or an old JRE. */
    static Fact jdk(Path home) {
        boolean image = Files.isReadable(home.resolve("lib/modules")) && Files.isExecutable(home.resolve("bin/java"));
        return new Fact(
                "JDK",
                Runtime.version() + " (" + System.getProperty("java.vendor") + ") in " + home,
                image ? Verdict.OK : Verdict.MISSING,
                image
                        ? ""
                        : "it has no readable lib/modules and bin/java, so it cannot be copied into a guest;"
                                + " run the build with an ordinary JDK 17 or later");
    }

    private Fact cpu() {
        String model = cpuinfo("model name").orElse("unknown model");
        Set<String> flags = cpuFlags();
        String extension =
                flags.contains("vmx") ? "Intel VT-x" : flags.contains("svm") ? "AMD-V" : "neither vmx nor svm";
        String value = model + ", " + Runtime.getRuntime().availableProcessors() + " usable, " + extension;
        if (!flags.contains("constant_tsc")) {
            return new Fact(
                    "CPU",
                    value + ", no constant_tsc",
                    Verdict.LIMITED,
                    "the guest's clock follows the time stamp counter, which changes its pace here");
        }
        return Fact.ok("CPU", value);
    }

    private Fact cpuidFaulting() {
        if (cpuFlags().contains("cpuid_fault")) {
            return Fact.ok("CPUID faulting", "yes");
        }
        return new Fact(
                "CPUID faulting",
                "no (cpuid_fault is not among the flags of /proc/cpuinfo)",
                Verdict.LIMITED,
                "CPUID instructions of programs in a FULL or PARA guest are looked for and replaced instead; one in code"
                        + " that a program changes after it has run once shows this machine's CPU");
    }

    private Fact memory() {
        long available = number(firstWord(line("proc/meminfo", "MemAvailable:").orElse("-1 kB")));
        Optional<Long> limit = groupLimit();
        String value = mib(available) + " available"
                + limit.map(bytes -> ", control group's limit " + mib(bytes / 1024))
                        .orElse("");
        long usable = limit.map(bytes -> Math.min(bytes / 1024, available)).orElse(available);
        return usable >= LEAST_MEMORY_KIB
                ? Fact.ok("memory", value)
                : new Fact(
                        "memory",
                        value,
                        Verdict.MISSING,
                        "a guest with a JVM and the test JVM beside it need " + mib(LEAST_MEMORY_KIB)
                                + "; free memory, or raise the container's limit");
    }

    /** The limit of the control group the process is in; version 2's own folder or, in a container, the root's. */
    private Optional<Long> groupLimit() {
        for (String file : List.of("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")) {
            long bytes = number(read(file).orElse("none").trim());
            if (bytes >= 0 && bytes < Long.MAX_VALUE / 2) {
                return Optional.of(bytes);
            }
        }
        return Optional.empty();
    }

    private Fact mapCount() {
        String text = read("proc/sys/vm/max_map_count").orElse("unknown").trim();
        return number(text) >= GOOD_MAP_COUNT
                ? Fact.ok("vm.max_map_count", text)
                : new Fact(
                        "vm.max_map_count",
                        text,
                        Verdict.LIMITED,
                        "large guest programs lose mapped pages and fault more often;" + " sysctl vm.max_map_count="
                                + GOOD_MAP_COUNT + " or more");
    }

    private Fact lowestMapping() {
        String text = read("proc/sys/vm/mmap_min_addr").orElse("unknown").trim();
        long lowest = number(text);
        return lowest >= 0 && lowest <= 65536
                ? Fact.ok("vm.mmap_min_addr", text)
                : new Fact(
                        "vm.mmap_min_addr",
                        text,
                        Verdict.LIMITED,
                        "guest programs linked below it cannot run directly; sysctl vm.mmap_min_addr=65536 or less");
    }

    private Fact overcommit() {
        String text = read("proc/sys/vm/overcommit_memory").orElse("unknown").trim();
        return text.equals("2")
                ? new Fact(
                        "vm.overcommit_memory",
                        "2 (strict)",
                        Verdict.LIMITED,
                        "a guest's whole memory is charged at once; sysctl vm.overcommit_memory=0, or smaller guests")
                : Fact.ok("vm.overcommit_memory", text);
    }

    private Fact seccomp() {
        List<String> actions = Arrays.asList(
                read("proc/sys/kernel/seccomp/actions_avail").orElse("").trim().split("\\s+"));
        if (actions.containsAll(List.of("trap", "kill_process", "allow"))) {
            String mode = line("proc/self/status", "Seccomp:").orElse("0");
            return Fact.ok("seccomp", mode.equals("0") ? "filters" : "filters, one is already active on this process");
        }
        return new Fact(
                "seccomp",
                "no filters with the actions trap and kill_process",
                Verdict.MISSING,
                "FULL and PARA jail guest code with them: they need Linux 4.14 or later with CONFIG_SECCOMP_FILTER");
    }

    private Fact kvm() {
        Path device = root.resolve("dev/kvm");
        if (!Files.exists(device)) {
            return new Fact(
                    "/dev/kvm",
                    "absent",
                    Verdict.LIMITED,
                    "only technique HW needs it: load kvm_intel or kvm_amd, or turn on nested virtualization");
        }
        if (!Files.isReadable(device) || !Files.isWritable(device)) {
            return new Fact(
                    "/dev/kvm",
                    "present, but this user may not read and write it",
                    Verdict.LIMITED,
                    "only technique HW needs it: add the user to the group that owns it (usually kvm)");
        }
        return Fact.ok("/dev/kvm", "present, readable and writable");
    }

    private static Fact memfd() {
        try (MemFile file = MemFile.create("runinvm-probe", 4096)) {
            return Fact.ok("memfd_create", "yes, sealed");
        } catch (HostLacks e) {
            return new Fact(
                    "memfd_create",
                    "refused",
                    Verdict.MISSING,
                    String.valueOf(e.getMessage()) + "; a container's seccomp profile may forbid it");
        }
    }

    /** The folder of kernels and images: where it is, what it holds, whether there is room for another image. */
    static Fact cache(Path directory) {
        Path existing = directory;
        while (!Files.isDirectory(existing)) {
            Path parent = existing.getParent();
            if (parent == null) {
                return new Fact("image cache", directory + " cannot be made", Verdict.MISSING, CACHE_ADVICE);
            }
            existing = parent;
        }
        try {
            long room = Files.getFileStore(existing).getUsableSpace();
            String value = directory + ", " + (existing.equals(directory) ? size(directory) >> 20 : 0) + " MiB, "
                    + (room >> 20) + " MiB free";
            return Files.isWritable(existing) && room >= LEAST_CACHE_ROOM
                    ? Fact.ok("image cache", value)
                    : new Fact("image cache", value, Verdict.MISSING, CACHE_ADVICE);
        } catch (IOException | UncheckedIOException e) {
            return new Fact("image cache", directory + ": " + e.getMessage(), Verdict.MISSING, CACHE_ADVICE);
        }
    }

    private static long size(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            // another build may remove a file while this one looks: it counts as nothing then
            return files.map(Path::toFile)
                    .filter(File::isFile)
                    .mapToLong(File::length)
                    .sum();
        }
    }

    private Optional<String> cpuinfo(String key) {
        return read("proc/cpuinfo").stream()
                .flatMap(String::lines)
                .filter(line -> line.startsWith(key))
                .map(line -> line.substring(line.indexOf(':') + 1).trim())
                .findFirst();
    }

    private Set<String> cpuFlags() {
        return Set.copyOf(List.of(cpuinfo("flags").orElse("").split("\\s+")));
    }

    private Optional<String> line(String file, String key) {
        return read(file).stream()
                .flatMap(String::lines)
                .filter(line -> line.startsWith(key))
                .map(line -> line.substring(key.length()).trim())
                .findFirst();
    }

    private Optional<String> read(String file) {
        // Not by Files.readString: of a file that says it is empty it reads one byte first, and a number in /proc/sys
        // has no more to give at the second read.
        try (InputStream in = Files.newInputStream(root.resolve(file))) {
            return Optional.of(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            return Optional.empty(); // an absent file is a finding, and each caller words it
        }
    }

    private static String firstWord(String text) {
        return text.split("\\s+", 2)[0];
    }

    /** A decimal number, or -1 for whatever is none. */
    private static long number(String text) {
        return text.matches("\\d{1,18}") ? Long.parseLong(text) : -1;
    }

    private static String mib(long kib) {
        return kib < 0 ? "an unknown amount" : String.format(Locale.ROOT, "%,d MiB", kib / 1024);
    }
}
