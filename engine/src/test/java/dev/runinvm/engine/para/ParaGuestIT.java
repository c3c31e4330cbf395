package dev.runinvm.engine.para;

import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The stock kernel boots as a Xen guest, knows it, runs what it is told, and ends as it should, whatever the way. */
@Timeout(300)
class ParaGuestIT {
    private static final Duration LIMIT = Duration.ofSeconds(240);

    private record Outcome(GuestEnd end, int status, String console, Map<String, Long> counters) {}

    private static Outcome run(String command) throws InterruptedException {
        return run(VmConfig.of(Technique.PARA).memory(256L << 20).command(command));
    }

    private static Outcome run(VmConfig config) throws InterruptedException {
        try (Vm vm = Techniques.start(config)) {
            assertTrue(vm.awaitEnd(LIMIT), () -> "still running; console:\n" + text(vm));
            return new Outcome(vm.end().orElseThrow(), vm.console().exitStatus().orElse(-1), text(vm), vm.counters());
        }
    }

    private static String text(Vm vm) {
        return String.join("\n", vm.console().tail(300));
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
    void knowsThatItRunsOnXen() throws Exception {
        Outcome o = run(
                "sed s/^/type=/ /sys/hypervisor/type; dmesg | grep -E 'Hypervisor detected|on Xen';"
                        + " grep -q -w hypervisor /proc/cpuinfo && echo flag=hypervisor;"
                        + " sed s/^/clock=/ /sys/devices/system/clocksource/clocksource0/current_clocksource; ls /dev/hvc1; exit 0");
        assertEquals(0, o.status, o.console);
        for (String sign : List.of(
                "type=xen", "Hypervisor detected: Xen PV", "on Xen", "flag=hypervisor", "clock=xen", "/dev/hvc1")) {
            assertTrue(o.console.contains(sign), sign + " in:\n" + o.console);
        }
    }

    @Test
    void nothingIsDoneByPortsThatAHypercallDoes() throws Exception {
        Outcome o = run("for i in 1 2 3; do date; done; sleep 0.2; exit 0");
        assertEquals(0, o.status, o.console);
        for (String name : List.of(
                "mmu_update",
                "mmuext_op",
                "multicall",
                "iret",
                "vcpu_op",
                "event_channel_op",
                "sched_op",
                "stack_switch")) {
            assertTrue(o.counters.getOrDefault("hypercalls." + name, 0L) > 0, name + " in " + o.counters);
        }
        assertTrue(
                o.counters.keySet().stream()
                        .noneMatch(name -> name.startsWith("exits.port.") && !name.equals("exits.port.pci")),
                () -> o.counters.toString());
    }

    /** What the guest writes is in the host's file, what is in that is what the guest reads, and a read-only one stays. */
    @Test
    void hasDisks(@TempDir Path folder) throws Exception {
        Path first = folder.resolve("first");
        Path second = folder.resolve("second");
        Files.write(first, new byte[8 << 20]);
        byte[] text = Arrays.copyOf("from the host\n".getBytes(StandardCharsets.US_ASCII), 1 << 20);
        Files.write(second, text);
        Outcome o = run(VmConfig.of(Technique.PARA)
                .memory(256L << 20)
                .disk(first, false)
                .disk(second, true)
                .command(
                        "set -e; mke2fs -F /dev/xvda >/dev/null; mount -t ext4 /dev/xvda /mnt; echo from the guest >/mnt/file;"
                                + " dd if=/dev/urandom of=/mnt/random bs=64k count=40 2>/dev/null; sum=$(md5sum </mnt/random);"
                                + " umount /mnt; mount -t ext4 /dev/xvda /mnt; [ \"$sum\" = \"$(md5sum </mnt/random)\" ]; umount /mnt;"
                                + " head -1 /dev/xvdb; cat /sys/block/xvdb/ro /sys/block/xvda/size;"
                                + " if echo x 2>/dev/null >/dev/xvdb; then exit 9; fi; sync; exit 5"));
        assertEquals(5, o.status, o.console);
        assertTrue(o.console.contains("from the host\n1\n16384"), o.console);
        assertTrue(
                new String(Files.readAllBytes(first), StandardCharsets.ISO_8859_1).contains("from the guest\n"),
                "what the guest has written is not in the file");
        assertArrayEquals(text, Files.readAllBytes(second));
        assertTrue(o.counters.get("para.diskSectors") > 40 * 128, o.counters::toString);
    }

    @Test
    void reportsAPowerOff() throws Exception {
        Outcome o = run("poweroff -f; sleep 100");
        assertEquals(GuestEnd.Kind.POWER_OFF, o.end.kind(), o.console);
    }
}
