package dev.runinvm.examples;

import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import java.time.Duration;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The same kernel doing the same work under two techniques, told apart by what the engine counted. */
class CompareTechniquesTest {
    /** Starts a few processes, which fault pages in and switch. */
    private static final String WORK = "for i in 1 2 3 4 5; do ls /proc >/dev/null; done";

    @Test
    void portsInOneHypercallsInTheOther() throws Exception {
        Map<Technique, Map<String, Long>> counted = new EnumMap<>(Technique.class);
        for (Technique technique : new Technique[] {Technique.FULL, Technique.PARA}) {
            try (Vm vm =
                    Techniques.start(VmConfig.of(technique).memory(256L << 20).command(WORK))) {
                assertTrue(vm.awaitEnd(Duration.ofMinutes(4)), technique + " does not end");
                assertEquals(
                        0,
                        vm.console().exitStatus().orElse(-1),
                        () -> String.join("\n", vm.console().tail(50)));
                counted.put(technique, vm.counters());
            }
        }
        Map<String, Predicate<String>> rows = new LinkedHashMap<>();
        rows.put("port accesses", name -> name.startsWith("exits.port."));
        rows.put("hypercalls", name -> name.equals("hypercalls"));
        rows.put("system calls of programs", name -> name.equals("direct.syscalls"));
        rows.put("page faults for the kernel", name -> name.equals("direct.faultsForGuest"));
        rows.put("mirrored pages mapped", name -> name.equals("direct.pagesMapped"));
        rows.put("mirrored pages compared", name -> name.equals("direct.pagesRevalidated"));
        rows.put("kernel instructions", name -> name.equals("cpu.instructionsInterpreted"));
        System.out.printf("%-28s %12s %12s%n", "", Technique.FULL, Technique.PARA);
        rows.forEach((row, of) -> System.out.printf(
                "%-28s %,12d %,12d%n",
                row, sum(counted.get(Technique.FULL), of), sum(counted.get(Technique.PARA), of)));

        Predicate<String> ports = rows.get("port accesses");
        Predicate<String> hypercalls = rows.get("hypercalls");
        assertEquals(0, sum(counted.get(Technique.FULL), hypercalls));
        assertTrue(sum(counted.get(Technique.PARA), hypercalls) > 10_000);
        assertTrue(sum(counted.get(Technique.PARA), ports) < sum(counted.get(Technique.FULL), ports));
    }

    private static long sum(Map<String, Long> counters, Predicate<String> of) {
        return counters.entrySet().stream()
                .filter(e -> of.test(e.getKey()))
                .mapToLong(Map.Entry::getValue)
                .sum();
    }
}
