package dev.runinvm.engine;

import dev.runinvm.engine.HostFacts.Fact;
import dev.runinvm.engine.HostFacts.Verdict;
import dev.runinvm.engine.os.Host;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class HostFactsTest {
    @TempDir
    Path root;

    @BeforeEach
    void aGoodMachine() throws IOException {
        write("proc/cpuinfo", "model name\t: Some CPU @ 3GHz\nflags\t\t: fpu constant_tsc cpuid_fault svm\n");
        write("proc/meminfo", "MemTotal: 9000000 kB\nMemAvailable:    8000000 kB\n");
        write("proc/sys/vm/max_map_count", "65530\n");
        write("proc/sys/vm/mmap_min_addr", "65536\n");
        write("proc/sys/vm/overcommit_memory", "0\n");
        write("proc/sys/kernel/seccomp/actions_avail", "kill_process kill_thread trap errno log allow\n");
        write("proc/self/status", "Name:\tjava\nSeccomp:\t0\n");
        write("dev/kvm", "");
    }

    @Test
    void nothingIsWrongWithAGoodMachine() {
        for (Fact fact : HostFacts.fromFiles(root)) {
            assertEquals(Verdict.OK, fact.verdict(), fact.toString());
            assertEquals("", fact.advice());
        }
        assertTrue(fact("CPU").value().contains("Some CPU @ 3GHz"), fact("CPU").value());
        assertTrue(fact("CPU").value().endsWith("AMD-V"), fact("CPU").value());
    }

    /** What is in /proc/sys ends after the first read, however little that asked for. */
    @Test
    void ofTheKernelsNumbersAllDigitsAreRead() {
        String told = HostFacts.fromFiles(Path.of("/")).stream()
                .filter(fact -> fact.name().equals("vm.max_map_count"))
                .findFirst()
                .orElseThrow()
                .value();
        assertEquals(Long.toString(Host.sysctl("vm/max_map_count", -1)), told);
    }

    @Test
    void withoutCpuidFaultingGuestProgramsSeeTheHostsCpu() throws IOException {
        write("proc/cpuinfo", "flags : fpu constant_tsc cpuid_faulty\n");
        assertEquals(Verdict.LIMITED, fact("CPUID faulting").verdict());
        assertTrue(fact("CPU").value().endsWith("neither vmx nor svm"));
    }

    @Test
    void aContainersMemoryLimitCounts() throws IOException {
        write("sys/fs/cgroup/memory.max", "536870912\n");
        assertEquals(Verdict.MISSING, fact("memory").verdict());
        assertTrue(fact("memory").value().contains("512 MiB"), fact("memory").value());
        write("sys/fs/cgroup/memory.max", "max\n");
        assertEquals(Verdict.OK, fact("memory").verdict());
    }

    @Test
    void limitsThatCostSpeedOrMemoryAreNamedWithTheirRemedy() throws IOException {
        write("proc/sys/vm/max_map_count", "1000\n");
        write("proc/sys/vm/mmap_min_addr", "1048576\n");
        write("proc/sys/vm/overcommit_memory", "2\n");
        for (String name : List.of("vm.max_map_count", "vm.mmap_min_addr", "vm.overcommit_memory")) {
            assertEquals(Verdict.LIMITED, fact(name).verdict(), name);
            assertTrue(
                    fact(name).advice().contains("sysctl " + name), fact(name).advice());
        }
    }

    @Test
    void absentFilesAreFindingsAndNotExceptions() throws IOException {
        Files.delete(root.resolve("proc/sys/kernel/seccomp/actions_avail"));
        Files.delete(root.resolve("dev/kvm"));
        Files.delete(root.resolve("proc/meminfo"));
        assertEquals(Verdict.MISSING, fact("seccomp").verdict());
        assertEquals("absent", fact("/dev/kvm").value());
        assertEquals(Verdict.MISSING, fact("memory").verdict());
    }

    @Test
    void onlyLinuxOnX8664WillDo() {
        assertEquals(Verdict.OK, HostFacts.system("Linux", "amd64", "6.1").verdict());
        assertEquals(
                Verdict.MISSING, HostFacts.system("Linux", "aarch64", "6.1").verdict());
        assertEquals(
                Verdict.MISSING, HostFacts.system("Mac OS X", "amd64", "14").verdict());
    }

    @Test
    void aJdkThatCannotBeCopiedIsFound() {
        assertEquals(
                Verdict.OK,
                HostFacts.jdk(Path.of(System.getProperty("java.home"))).verdict());
        assertEquals(Verdict.MISSING, HostFacts.jdk(root).verdict());
    }

    @Test
    void theCacheIsMeasuredWhetherItIsThereOrNot() throws IOException {
        write("cache/image/one", "x".repeat(3 << 20));
        assertTrue(HostFacts.cache(root.resolve("cache")).value().contains("cache, 3 MiB, "));
        Fact absent = HostFacts.cache(root.resolve("not/there"));
        assertTrue(absent.value().contains("there, 0 MiB, "), absent.value());
        assertFalse(Files.exists(root.resolve("not")));
    }

    @Test
    void theMachineWeRunOnIsProbedWithoutError() {
        List<Fact> facts = HostFacts.probe();
        assertFalse(facts.isEmpty());
        assertEquals(facts.size(), facts.stream().map(Fact::name).distinct().count());
    }

    private Fact fact(String name) {
        return HostFacts.fromFiles(root).stream()
                .filter(fact -> fact.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private void write(String file, String text) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
    }
}
