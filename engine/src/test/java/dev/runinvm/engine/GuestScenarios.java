package dev.runinvm.engine;

import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What every guest does, whatever runs it: boot, run what it is told, end as it should. */
public abstract class GuestScenarios {
    private final Technique technique;
    private final Duration limit;

    /** @param limit the most that a guest may take from its start to its end */
    protected GuestScenarios(Technique technique, Duration limit) {
        this.technique = technique;
        this.limit = limit;
    }

    /** How a guest ended, its command's exit status (-1 without one), the last lines of its console, the engine's counters. */
    protected record Outcome(GuestEnd end, int status, String console, Map<String, Long> counters) {}

    protected final Outcome run(String command) throws InterruptedException {
        return run(VmConfig.of(technique).memory(256L << 20).command(command));
    }

    protected final Outcome run(VmConfig config) throws InterruptedException {
        try (Vm vm = Techniques.start(config)) {
            assertTrue(vm.awaitEnd(limit), () -> "still running; console:\n" + text(vm));
            return new Outcome(vm.end().orElseThrow(), vm.console().exitStatus().orElse(-1), text(vm), vm.counters());
        }
    }

    protected static String text(Vm vm) {
        return String.join("\n", vm.console().tail(200));
    }

    @Test
    public void runsACommandAsRootInItsOwnKernel() throws Exception {
        Outcome o = run("id -u | sed s/^/uid=/; uname -r | sed s/^/release=/; exit 7");
        assertEquals(7, o.status, o.console);
        assertEquals(GuestEnd.Kind.AGENT_EXITED, o.end.kind(), o.console);
        assertTrue(o.console.contains("uid=0"), o.console);
        assertTrue(o.console.contains("release=6."), o.console);
    }

    @Test
    public void reportsAPanic() throws Exception {
        Outcome o = run("echo c > /proc/sysrq-trigger; sleep 100");
        assertEquals(GuestEnd.Kind.PANIC, o.end.kind(), o.console);
        assertTrue(o.end.detail().contains("sysrq"), o.end.detail());
    }

    @Test
    public void reportsAPowerOff() throws Exception {
        Outcome o = run("poweroff -f; sleep 100");
        assertEquals(GuestEnd.Kind.POWER_OFF, o.end.kind(), o.console);
    }

    @Test
    public void reportsAPowerOffBySysrq() throws Exception {
        Outcome o = run("echo o > /proc/sysrq-trigger; sleep 100");
        assertEquals(GuestEnd.Kind.POWER_OFF, o.end.kind(), o.console);
    }

    @Test
    public void manyProcessesRunAndSwitch() throws Exception {
        Outcome o = run(
                "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do (n=0; while [ $n -lt 300 ]; do n=$((n+1)); done; echo"
                        + " worker $i $n) & done; wait; exit 0");
        assertEquals(0, o.status, o.console);
        for (int i = 1; i <= 16; i++) {
            assertTrue(o.console.contains("worker " + i + " 300"), "worker " + i + " in:\n" + o.console);
        }
    }

    @Test
    public void anEndlessLoopIsEndedFromOutside() throws Exception {
        try (Vm vm = Techniques.start(
                VmConfig.of(technique).memory(256L << 20).command("echo looping; while true; do :; done"))) {
            long deadline = System.nanoTime() + limit.toNanos();
            while (!text(vm).contains("looping")) {
                assertTrue(System.nanoTime() < deadline, () -> "no loop; console:\n" + text(vm));
                assertFalse(vm.awaitEnd(Duration.ofMillis(20)), () -> text(vm));
            }
            long start = System.nanoTime();
            vm.close();
            assertTrue(System.nanoTime() - start < 5_000_000_000L, "closing took too long");
            assertEquals(GuestEnd.Kind.KILLED, vm.end().orElseThrow().kind());
        }
    }

    @Test
    public void leavesNoProcessAndNoDescriptor() throws Exception {
        run("true");
        List<String> before = resources();
        run("true");
        List<String> after = resources();
        assertEquals(before.size(), after.size(), () -> before + "\nafter:\n" + after);
    }

    private static List<String> resources() throws Exception {
        List<String> all = new ArrayList<>();
        ProcessHandle.current().descendants().forEach(p -> all.add("process " + p.pid()));
        try (var files = Files.list(Path.of("/proc/self/fd"))) {
            for (Path file : (Iterable<Path>) files::iterator) {
                try {
                    String target = Files.readSymbolicLink(file).toString();
                    if (target.contains("memfd")
                            || target.contains("event")
                            || target.contains("pidfd")
                            || target.contains("kvm")) {
                        all.add(target);
                    }
                } catch (NoSuchFileException e) {
                    // The descriptor of this very listing, closed meanwhile.
                    continue;
                }
            }
        }
        return all;
    }
}
