package dev.runinvm.engine.hw;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The stock kernel boots under HW, runs what it is told, and ends as it should, whatever the way; skipped where HW cannot run. */
@Timeout(500)
class HwGuestIT {
    private static final Duration LIMIT = Duration.ofSeconds(400);

    private record Outcome(GuestEnd end, int status, String console) {}

    private static Outcome run(String command) throws InterruptedException {
        return run(VmConfig.of(Technique.HW).memory(256L << 20).command(command));
    }

    private static Outcome run(VmConfig config) throws InterruptedException {
        try (Vm vm = Techniques.start(config)) {
            assertTrue(vm.awaitEnd(LIMIT), () -> "still running; console:\n" + text(vm));
            return new Outcome(vm.end().orElseThrow(), vm.console().exitStatus().orElse(-1), text(vm));
        }
    }

    private static String text(Vm vm) {
        return String.join("\n", vm.console().tail(200));
    }

    @BeforeEach
    void usable() {
        Availability availability = Techniques.availability(Technique.HW);
        Assumptions.assumeTrue(availability.usable(), () -> String.join("; ", availability.missing()));
    }

    @Test
    void runsACommandAsRootInItsOwnKernel() throws Exception {
        Outcome o = run("id -u | sed s/^/uid=/; uname -r | sed s/^/release=/; exit 7");
        assertEquals(7, o.status, o.console);
        assertEquals(GuestEnd.Kind.AGENT_EXITED, o.end.kind(), o.console);
        assertTrue(o.console.contains("uid=0"), o.console);
        assertTrue(o.console.contains("release=6."), o.console);
    }

    @Test
    void seesPlainHardware() throws Exception {
        Outcome o = run(
                "grep -c -w hypervisor /proc/cpuinfo | sed s/^/flags=/; ls /sys/hypervisor 2>&1; ls /sys/class/dmi 2>&1;"
                        + " dmesg | grep -i -E 'hypervisor|paravirt|kvm|xen' | grep -v -i 'command line' | sed 's/^/HINT /'; exit 0");
        assertEquals(0, o.status, o.console);
        assertTrue(o.console.contains("flags=0"), o.console);
        assertFalse(
                o.console.contains("HINT [") && o.console.matches("(?s).*HINT.*(Hypervisor detected|KVM).*"),
                o.console);
    }

    @Test
    void reportsAPanic() throws Exception {
        Outcome o = run("echo c > /proc/sysrq-trigger; sleep 100");
        assertEquals(GuestEnd.Kind.PANIC, o.end.kind(), o.console);
        assertTrue(o.end.detail().contains("sysrq"), o.end.detail());
    }

    @Test
    void reportsAPowerOff() throws Exception {
        Outcome o = run("poweroff -f; sleep 100");
        assertEquals(GuestEnd.Kind.POWER_OFF, o.end.kind(), o.console);
    }

    @Test
    void reportsAPowerOffBySysrq() throws Exception {
        Outcome o = run("echo o > /proc/sysrq-trigger; sleep 100");
        assertEquals(GuestEnd.Kind.POWER_OFF, o.end.kind(), o.console);
    }

    @Test
    void manyProcessesRunAndSwitch() throws Exception {
        Outcome o = run(
                "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do (n=0; while [ $n -lt 300 ]; do n=$((n+1)); done; echo"
                        + " worker $i $n) & done; wait; exit 0");
        assertEquals(0, o.status, o.console);
        for (int i = 1; i <= 16; i++) {
            assertTrue(o.console.contains("worker " + i + " 300"), "worker " + i + " in:\n" + o.console);
        }
    }

    @Test
    void anEndlessLoopIsEndedFromOutside() throws Exception {
        try (Vm vm = Techniques.start(
                VmConfig.of(Technique.HW).memory(256L << 20).command("echo looping; while true; do :; done"))) {
            long deadline = System.nanoTime() + LIMIT.toNanos();
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
    void severalProcessors() throws Exception {
        Outcome o = run(VmConfig.of(Technique.HW)
                .memory(256L << 20)
                .cpus(2)
                .command("grep -c ^processor /proc/cpuinfo | sed s/^/cpus=/; exit 0"));
        assertEquals(0, o.status, o.console);
        assertTrue(o.console.contains("cpus=2"), o.console);
    }

    @Test
    void theHypervisorsClockIsThereForWhoAsks() throws Exception {
        String command = "cat /sys/devices/system/clocksource/clocksource0/available_clocksource";
        Outcome plain = run(command);
        assertFalse(plain.console.contains("kvm-clock"), plain.console);
        Outcome told = run(VmConfig.of(Technique.HW)
                .memory(256L << 20)
                .paravirtualClock(true)
                .command(command));
        assertTrue(told.console.contains("kvm-clock"), told.console);
    }

    @Test
    void leavesNoProcessAndNoDescriptor() throws Exception {
        run("true");
        List<String> before = resources();
        run("true");
        List<String> after = resources();
        assertEquals(before.size(), after.size(), () -> before + "\nafter:\n" + after);
    }

    private static List<String> resources() throws Exception {
        List<String> all = new ArrayList<>();
        ProcessHandle.current().descendants().forEach(p -> all.add("process " + p.pid()));
        try (var files = java.nio.file.Files.list(java.nio.file.Path.of("/proc/self/fd"))) {
            for (java.nio.file.Path file : (Iterable<java.nio.file.Path>) files::iterator) {
                try {
                    String target = java.nio.file.Files.readSymbolicLink(file).toString();
                    if (target.contains("memfd") || target.contains("event") || target.contains("kvm")) {
                        all.add(target);
                    }
                } catch (java.nio.file.NoSuchFileException e) {
                    // The descriptor of this very listing, closed meanwhile.
                    continue;
                }
            }
        }
        return all;
    }
}
