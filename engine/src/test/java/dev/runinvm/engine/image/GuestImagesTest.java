package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.boot.Compression;
import dev.runinvm.engine.boot.FakeKernel;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.cpio.CpioArchiveEntry;
import org.apache.commons.compress.archivers.cpio.CpioArchiveInputStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Whole images from a made-up distribution, and from the JDK that runs this test. */
@Timeout(120)
class GuestImagesTest {
    private static final Path JAVA_HOME = Path.of(System.getProperty("java.home"));

    @TempDir
    static Path packages;

    @TempDir
    Path directory;

    private final List<String> fetched = new ArrayList<>();
    private final List<String> phases = new ArrayList<>();

    @BeforeAll
    static void makePackages() throws IOException {
        String modules = "lib/modules/" + FakeKernel.RELEASE + "/kernel/";
        Map<String, byte[]> kernel = new LinkedHashMap<>();
        kernel.put("boot/vmlinuz-" + FakeKernel.RELEASE, FakeKernel.bzImage(Compression.GZIP, FakeKernel.vmlinux()));
        for (String module : List.of("fs/overlay", "fs/erofs", "nd_e820", "nd_pmem")) {
            kernel.put(modules + module + ".ko", FakeModule.of("depends="));
        }
        FakeDeb.write(packages.resolve(KernelSource.DEFAULT_PACKAGE), ".xz", kernel);
        String busybox = "#!/bin/sh\nprintf 'bin/sh\\nusr/bin/env\\nsbin/reboot\\nbin/busybox\\nlinuxrc\\n'\n";
        FakeDeb.write(
                packages.resolve("busybox-static"),
                ".xz",
                Map.of("bin/busybox", busybox.getBytes(StandardCharsets.US_ASCII)));
    }

    private PreparedImage prepare(ImageRequest request) {
        PackageClient client = (name, into) -> {
            fetched.add(name);
            try {
                return Map.of(name, Files.copy(packages.resolve(name), into.resolve(name + "_1_amd64.deb")));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        };
        Cache cache = new Cache(directory.resolve("cache"), Duration.ofSeconds(30));
        return new GuestImages(cache, client, directory).make(request, (phase, done, total) -> phases.add(phase));
    }

    private static Map<String, CpioArchiveEntry> entries(Path archive) throws IOException {
        Map<String, CpioArchiveEntry> found = new TreeMap<>();
        try (InputStream file = new BufferedInputStream(Files.newInputStream(archive), 1 << 16);
                CpioArchiveInputStream in = new CpioArchiveInputStream(file)) {
            CpioArchiveEntry e;
            while ((e = in.getNextEntry()) != null) {
                found.put(e.getName(), e);
            }
        }
        return found;
    }

    private Map<String, String> cacheTimes() throws IOException {
        Map<String, String> times = new TreeMap<>();
        try (Stream<Path> files = Files.walk(directory.resolve("cache/image"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                times.put(
                        file.toString(), Files.getLastModifiedTime(file) + " " + Files.getAttribute(file, "unix:ino"));
            }
        }
        return times;
    }

    @Test
    void aSmallImageHoldsASystem() throws IOException {
        PreparedImage image = prepare(ImageRequest.small());

        assertEquals(FakeKernel.RELEASE, image.kernelRelease());
        assertEquals("", image.javaHome());
        assertEquals(List.of(), image.disks());
        assertTrue(image.kernel().setupHeader().isPresent());
        assertEquals(0x100_0000, image.kernel().entry());
        Map<String, CpioArchiveEntry> files = entries(image.initramfs().get(0));
        assertEquals(0100755, files.get("init").getMode());
        assertEquals(0100755, files.get("usr/bin/busybox").getMode());
        for (String link : List.of("bin", "usr/bin/sh", "usr/bin/env", "usr/sbin/reboot", "etc/mtab")) {
            assertTrue(files.get(link).isSymbolicLink(), link);
        }
        for (String wanted : List.of(
                "dev/console",
                "proc",
                "sys",
                "tmp",
                "etc/passwd",
                "etc/fstab",
                "usr/lib/modules/" + FakeKernel.RELEASE + "/kernel/fs/overlay.ko",
                "usr/lib/modules/" + FakeKernel.RELEASE + "/modules.dep")) {
            assertTrue(files.containsKey(wanted), wanted);
        }
        assertEquals(List.of(KernelSource.DEFAULT_PACKAGE, "busybox-static"), fetched);
        assertTrue(phases.contains("writing the base system"), phases.toString());
    }

    @Test
    void aSecondRunMakesNothingAnew() throws IOException {
        Path agent = Files.writeString(directory.resolve("agent.jar"), "jar");
        ImageRequest request = ImageRequest.withJdk(agent).withJdkOnDisk(true);
        PreparedImage first = prepare(request);
        Map<String, String> before = cacheTimes();
        phases.clear();

        assertEquals(first, prepare(request));
        assertEquals(before, cacheTimes());
        assertEquals(2, fetched.size());
        assertFalse(phases.stream().anyMatch(p -> p.startsWith("writing")), phases.toString());

        Files.writeString(agent, "another jar");
        PreparedImage changed = prepare(request);
        assertNotEquals(first.initramfs().get(2), changed.initramfs().get(2));
        assertEquals(first.initramfs().subList(0, 2), changed.initramfs().subList(0, 2), "only the agent's part");
        assertEquals(first.disks(), changed.disks());
    }

    @Test
    void theJdkIsWhereItIsOnTheHost() throws IOException {
        PreparedImage image = prepare(ImageRequest.small().withJavaHome(JAVA_HOME));
        String home = image.javaHome().substring(1);
        assertEquals(GuestPaths.of(JAVA_HOME.toRealPath()), home);

        Map<String, CpioArchiveEntry> files = entries(image.initramfs().get(1));
        CpioArchiveEntry modules = files.get(home + "/lib/modules");
        Path host = JAVA_HOME.resolve("lib/modules");
        assertEquals(Files.size(host), modules.getSize());
        assertEquals(Files.getLastModifiedTime(host).toMillis() / 1000, modules.getTime());
        for (String wanted :
                List.of("bin/java", "lib/server/libjvm.so", "lib/jvm.cfg", "conf/security/java.security")) {
            CpioArchiveEntry e = files.get(home + "/" + wanted);
            assertTrue(e != null && e.isRegularFile(), wanted);
        }
        for (String unwanted : List.of("lib/src.zip", "jmods", "include", "man")) {
            assertFalse(files.containsKey(home + "/" + unwanted), unwanted);
        }
        assertTrue(files.keySet().stream().anyMatch(f -> f.endsWith("/libc.so.6")));
        assertTrue(files.containsKey("opt/runinvm/env"));
    }

    @Test
    void aJdkOnDiskLeavesLinksOnly() throws IOException {
        PreparedImage image =
                prepare(ImageRequest.small().withJavaHome(JAVA_HOME).withJdkOnDisk(true));
        assertEquals(1, image.disks().size());
        Map<String, CpioArchiveEntry> files = entries(image.initramfs().get(1));
        assertTrue(files.get(image.javaHome().substring(1)).isDirectory(), "the mount point");
        assertTrue(files.keySet().stream()
                .filter(f -> f.endsWith("/libc.so.6"))
                .allMatch(f -> files.get(f).isSymbolicLink()));
        assertTrue(files.containsKey("opt/runinvm/disks"));
        assertTrue(Files.size(image.initramfs().get(1)) < 1 << 20);
        assertTrue(Files.size(image.disks().get(0)) > Files.size(JAVA_HOME.resolve("lib/modules")));
        assertEquals(
                image.size(), image.initramfsSize() + Files.size(image.disks().get(0)));
    }

    private Path jdk(String... files) throws IOException {
        Path home = directory.resolve("jdk");
        for (String file : files) {
            Path path = home.resolve(file);
            Files.createDirectories(path.getParent());
            Files.copy(JAVA_HOME.resolve(file), path);
        }
        return home;
    }

    private String errorOf(Path home) {
        return assertThrows(HostLacks.class, () -> prepare(ImageRequest.small().withJavaHome(home)))
                .getMessage();
    }

    @Test
    void jdksThatCannotBeCopiedAreNamed() throws IOException {
        assertTrue(errorOf(directory.resolve("none")).contains("no such file"));
        Path home = jdk("lib/libjava.so", "lib/server/libjvm.so");
        assertTrue(errorOf(home).contains("it has no bin/java"));
        Files.createDirectories(home.resolve("bin"));
        Files.writeString(home.resolve("bin/java"), "#!/bin/sh\nexec other \"$@\"\n");
        assertTrue(errorOf(home).contains("bin/java is not an ELF file"));
        Files.write(home.resolve("bin/java"), FakeKernel.header(2, 183, 3, 0).array());
        assertTrue(errorOf(home).contains("ARM64"), errorOf(home));
    }

    @Test
    void aJdkWithoutItsLibrariesIsRefused() throws IOException {
        Path home = jdk("bin/java", "lib/server/libjvm.so", "lib/libjava.so"); // without libjli, which java needs
        String error = errorOf(home);
        assertTrue(error.contains("bin/java needs libjli.so, which this host does not have"), error);
    }

    @Test
    void anUnreadableFileOfTheJdkIsNamed() throws IOException {
        Path home = jdk("bin/java", "lib/server/libjvm.so", "lib/libjava.so", "lib/libjli.so");
        Path secret = Files.writeString(home.resolve("lib/secret"), "x");
        Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("---------"));
        Assumptions.assumeFalse(Files.isReadable(secret), "this user may read everything");
        assertTrue(errorOf(home).contains(secret + " into the guest: it is not readable"));
    }

    @Test
    void aJdkInADirectoryThatIsCoveredInTheGuestIsMoved() throws IOException {
        Path home = jdk("bin/java", "lib/server/libjvm.so", "lib/libjava.so", "lib/libjli.so");
        PreparedImage image = prepare(ImageRequest.small().withJavaHome(home));
        boolean covered = GuestPaths.isCovered(home.toRealPath());
        assertEquals(covered ? "/opt/java" : home.toRealPath().toString(), image.javaHome());
    }

    @Test
    void extraFilesComeWithTheirLibraries() throws IOException {
        Path program = Path.of("/usr/bin/env");
        Assumptions.assumeTrue(SharedLibraries.isElf(program));
        PreparedImage image = prepare(ImageRequest.small().withExtraFiles(List.of(program, Path.of("/etc/hostname"))));
        Map<String, CpioArchiveEntry> files = entries(image.initramfs().get(1));
        assertTrue(files.containsKey("usr/bin/env") && files.containsKey("etc/hostname"));
        assertTrue(files.keySet().stream().anyMatch(f -> f.endsWith("/libc.so.6")));

        Path missing = directory.resolve("missing");
        assertThrows(HostLacks.class, () -> prepare(ImageRequest.small().withExtraFiles(List.of(missing))));
        HostLacks covered = assertThrows(
                HostLacks.class, () -> prepare(ImageRequest.small().withExtraFiles(List.of(Path.of("/proc/version")))));
        assertTrue(covered.getMessage().contains("mounted over /proc"), covered.getMessage());
    }

    @Test
    void aMissingAgentIsNamed() {
        Path missing = directory.resolve("no-agent.jar");
        assertTrue(
                assertThrows(HostLacks.class, () -> prepare(ImageRequest.small().withAgent(missing)))
                        .getMessage()
                        .contains(missing.toString()));
    }

    @Test
    void oneFileForMachinesThatWantItSo() throws IOException {
        Path agent = Files.writeString(directory.resolve("agent.jar"), "jar");
        PreparedImage image = prepare(ImageRequest.small().withAgent(agent));
        Path all = directory.resolve("all.cpio");
        image.writeInitramfs(all);
        assertEquals(image.initramfsSize(), Files.size(all), "archives are padded already");
        assertTrue(entries(all).containsKey("init"));
    }
}
