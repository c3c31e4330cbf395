package dev.runinvm.engine.image;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/**
 * The prepared images in a machine that is not ours: QEMU's emulator, where this host has it. What fails here is the
 * image's fault and no engine's.
 */
@Timeout(400)
class GuestImageIT {
    private static final long LIMIT_SECONDS = 180;
    /** Where QEMU puts the disk: 512 MiB, of 768. */
    private static final long DISK_AT = 512L << 20;

    @TempDir
    Path directory;

    private record Outcome(String console, List<String> control) {}

    @BeforeEach
    void needsQemu() {
        boolean there = List.of(System.getenv().getOrDefault("PATH", "").split(":")).stream()
                .anyMatch(d -> Files.isExecutable(Path.of(d, "qemu-system-x86_64")));
        assumeTrue(there, "no qemu-system-x86_64 on this host");
    }

    private Outcome boot(PreparedImage image, CommandLine line) throws IOException, InterruptedException {
        Path initramfs = directory.resolve("initramfs");
        Path console = directory.resolve("console");
        Path control = directory.resolve("control");
        image.writeInitramfs(initramfs);
        List<String> command =
                new ArrayList<>(List.of("qemu-system-x86_64", "-M", "pc", "-accel", "tcg", "-cpu", "max"));
        command.addAll(List.of("-m", "768", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"));
        command.addAll(List.of("-kernel", image.kernelFile().toString(), "-initrd", initramfs.toString()));
        command.addAll(List.of("-serial", "file:" + console, "-serial", "file:" + control));
        for (Path disk : image.disks()) { // its own loader gives a kernel no e820 entry of the kind: memmap= does
            long length = (Files.size(disk) + (2 << 20) - 1) >> 21 << 1;
            line.add("memmap=" + length + "M!" + (DISK_AT >> 20) + "M");
            command.addAll(List.of("-device", "loader,force-raw=on,addr=" + DISK_AT + ",file=" + disk));
        }
        command.addAll(List.of("-append", line.toString()));
        Process qemu = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("qemu").toFile())
                .redirectInput(new File("/dev/null"))
                .start();
        try {
            boolean ended = qemu.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS);
            String text = Files.readString(console, java.nio.charset.StandardCharsets.ISO_8859_1);
            assertTrue(ended, () -> "still running after " + LIMIT_SECONDS + " s; console:\n" + text);
            return new Outcome(text, Files.readAllLines(control));
        } finally {
            qemu.destroyForcibly();
        }
    }

    @Test
    void theSmallImageRunsACommandAndReportsItsStatus() throws Exception {
        Outcome o = boot(
                GuestImages.prepare(ImageRequest.small(), Progress.NONE),
                CommandLine.standard()
                        .command("id -u | sed s/^/uid=/; modprobe overlay && modprobe loop && modprobe nft_ct && lsmod;"
                                + " grep tmpfs /proc/mounts; ip addr show lo; kill -9 1; exit 7"));
        assertEquals(
                List.of("runinvm: init", "runinvm: start command", "runinvm: command exited 7", "runinvm: end"),
                o.control,
                o.console);
        for (String wanted : List.of("uid=0", "overlay ", "nf_tables ", "tmpfs /tmp ", "127.0.0.1/8")) {
            assertTrue(o.console.contains(wanted), () -> wanted + " in:\n" + o.console);
        }
    }

    @Test
    void aKilledCommandIsReportedAsSuch() throws Exception {
        Outcome o = boot(
                GuestImages.prepare(ImageRequest.small(), Progress.NONE),
                CommandLine.standard().command("kill -9 $$"));
        assertTrue(o.control.contains("runinvm: command killed by signal 9 (status 137)"), o.control.toString());
    }

    /** A jar whose main class tells where it is and exits with what it is told to. */
    private Path agent() throws IOException {
        Path source =
                Files.createDirectories(directory.resolve("dev/runinvm/agent")).resolve("AgentMain.java");
        Files.writeString(source, """
                package dev.runinvm.agent;
                public class AgentMain {
                    public static void main(String[] args) throws Exception {
                        System.out.println("HOME=" + System.getProperty("java.home") + " X=" + System.getProperty("x")
                                + " MODULES=" + ModuleLayer.boot().modules().size()
                                + " " + java.net.InetAddress.getByName("localhost"));
                        System.exit(3);
                    }
                }
                """);
        int status = ToolProvider.getSystemJavaCompiler().run(null, null, null, source.toString());
        assertEquals(0, status);
        Path jar = directory.resolve("agent.jar");
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream entries = new JarOutputStream(out)) {
            entries.putNextEntry(new JarEntry("dev/runinvm/agent/AgentMain.class"));
            Files.copy(source.resolveSibling("AgentMain.class"), entries);
        }
        return jar;
    }

    private void runsTheAgent(boolean onDisk) throws Exception {
        PreparedImage image = GuestImages.prepare(ImageRequest.withJdk(agent()).withJdkOnDisk(onDisk), Progress.NONE);
        Outcome o = boot(
                image,
                CommandLine.standard()
                        .mode(CommandLine.Mode.AGENT)
                        .javaOptions(List.of("-Xshare:on", "-Xmx200m", "-Dx=a b's")));
        List<String> expected = new ArrayList<>(List.of("runinvm: init", "runinvm: start agent"));
        expected.addAll(List.of("runinvm: agent exited 3", "runinvm: end"));
        if (onDisk) {
            expected.add(1, "runinvm: disks");
        }
        assertEquals(expected, o.control, o.console);
        String wanted = "HOME=" + image.javaHome() + " X=a b's MODULES="
                + ModuleLayer.boot().modules().size() + " localhost/127.0.0.1";
        assertTrue(o.console.contains(wanted), () -> wanted + " in:\n" + o.console);
    }

    @Test
    void theJdkOfTheHostRunsTheAgentWithItsCdsArchive() throws Exception {
        runsTheAgent(false);
    }

    @Test
    void theJdkOnADiskInMemoryDoesToo() throws Exception {
        runsTheAgent(true);
    }
}
