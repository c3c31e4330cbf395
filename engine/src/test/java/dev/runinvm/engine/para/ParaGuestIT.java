package dev.runinvm.engine.para;

import dev.runinvm.engine.GuestScenarios;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.VmConfig;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** The stock kernel boots as a Xen guest, knows it, runs what it is told, and ends as it should, whatever the way. */
@Timeout(300)
class ParaGuestIT extends GuestScenarios {
    ParaGuestIT() {
        super(Technique.PARA, Duration.ofSeconds(240));
    }

    @Test
    void knowsThatItRunsOnXen() throws Exception {
        Outcome o = run(
                "sed s/^/type=/ /sys/hypervisor/type; dmesg | grep -E 'Hypervisor detected|on Xen|Unable to read';"
                        + " grep -q -w hypervisor /proc/cpuinfo && echo flag=hypervisor;"
                        + " sed s/^/clock=/ /sys/devices/system/clocksource/clocksource0/current_clocksource; ls /dev/hvc1; exit 0");
        assertEquals(0, o.status(), o.console());
        for (String sign : List.of(
                "type=xen", "Hypervisor detected: Xen PV", "on Xen", "flag=hypervisor", "clock=xen", "/dev/hvc1")) {
            assertTrue(o.console().contains(sign), sign + " in:\n" + o.console());
        }
        assertFalse(o.console().contains("Unable to read cpu state"), o.console());
    }

    @Test
    void nothingIsDoneByPortsThatAHypercallDoes() throws Exception {
        Outcome o = run("for i in 1 2 3; do date; done; sleep 0.2; exit 0");
        assertEquals(0, o.status(), o.console());
        for (String name : List.of(
                "mmu_update",
                "mmuext_op",
                "multicall",
                "iret",
                "vcpu_op",
                "event_channel_op",
                "sched_op",
                "stack_switch")) {
            assertTrue(o.counters().getOrDefault("hypercalls." + name, 0L) > 0, name + " in " + o.counters());
        }
        assertTrue(
                o.counters().keySet().stream()
                        .noneMatch(name -> name.startsWith("exits.port.") && !name.equals("exits.port.pci")),
                () -> o.counters().toString());
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
        assertEquals(5, o.status(), o.console());
        assertTrue(o.console().contains("from the host\n1\n16384"), o.console());
        assertTrue(
                new String(Files.readAllBytes(first), StandardCharsets.ISO_8859_1).contains("from the guest\n"),
                "what the guest has written is not in the file");
        assertArrayEquals(text, Files.readAllBytes(second));
        assertTrue(o.counters().get("para.diskSectors") > 40 * 128, o.counters()::toString);
    }

    /** What everybody asks when in doubt: programs of the host, from a disk that has nothing else, ask the CPU and the kernel. */
    @Test
    void lscpuAndSystemdSayXen(@TempDir Path folder) throws Exception {
        Path root = Files.createDirectory(folder.resolve("root"));
        for (String name : List.of("proc", "sys", "dev", "tmp")) {
            Files.createDirectory(root.resolve(name));
        }
        for (String program : List.of("/usr/bin/lscpu", "/usr/bin/systemd-detect-virt")) {
            assumeTrue(Files.exists(Path.of(program)), program + " is not installed here");
            copy(program, root);
            Matcher library = Pattern.compile("(/\\S+) \\(0x").matcher(output("ldd", program));
            while (library.find()) {
                copy(library.group(1), root);
            }
        }
        assumeTrue(Files.exists(Path.of("/sbin/mke2fs")), "there is no mke2fs here");
        Path disk = folder.resolve("disk");
        output("/sbin/mke2fs", "-q", "-t", "ext4", "-d", root.toString(), disk.toString(), "96M");
        Outcome o = run(VmConfig.of(Technique.PARA)
                .memory(256L << 20)
                .disk(disk, true)
                .command(
                        "set -e; mount -t ext4 -o ro /dev/xvda /mnt; for d in proc sys dev; do mount -o bind /$d /mnt/$d; done;"
                                + " echo detected $(chroot /mnt /usr/bin/systemd-detect-virt);"
                                + " chroot /mnt /usr/bin/lscpu | grep 'Hypervisor vendor';"
                                + " echo features $(cat /sys/hypervisor/properties/features); exit 0"));
        assertEquals(0, o.status(), o.console());
        assertTrue(o.console().contains("detected xen"), o.console());
        assertTrue(o.console().matches("(?s).*Hypervisor vendor: +Xen\n.*"), o.console());
        // By XENFEAT_mmu_pt_update_preserve_ad lscpu knows PV from HVM, or would: it opens the file with name and mode
        // swapped (util-linux 2.38), so wherever CPUID names Xen its "Virtualization type" is "full".
        assertTrue(o.console().contains("features 000000a0\n"), o.console());
    }

    private static void copy(String file, Path root) throws Exception {
        Path to = root.resolve(file.substring(1));
        Files.createDirectories(to.getParent());
        if (!Files.exists(to)) {
            Files.copy(Path.of(file), to);
        }
    }

    private static String output(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, process.exitValue(), output);
        return output;
    }

    /** Xen's start_info has room for 1,023 bytes; what is for our init goes another way. */
    @Test
    void aCommandMayBeLongerThanTheKernelsCommandLine() throws Exception {
        Outcome o = run("echo " + "x".repeat(3000) + " | wc -c; exit 3");
        assertEquals(3, o.status(), o.console());
        assertTrue(o.console().contains("3001"), o.console());
    }
}
