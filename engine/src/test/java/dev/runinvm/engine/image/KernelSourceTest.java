package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.boot.Compression;
import dev.runinvm.engine.boot.FakeKernel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class KernelSourceTest {
    private static final PackageClient OFFLINE = (name, into) -> {
        throw new HostLacks("cannot fetch " + name + "; is there a network?");
    };

    @TempDir
    Path directory;

    private final AtomicInteger fetched = new AtomicInteger();
    private static byte[] kernel = {};

    @BeforeAll
    static void makeKernel() throws IOException {
        kernel = FakeKernel.bzImage(Compression.GZIP, FakeKernel.vmlinux());
    }

    private Path hostRoot() {
        return directory.resolve("host");
    }

    private KernelSource source(PackageClient client) {
        Cache cache = new Cache(directory.resolve("cache"), Duration.ofSeconds(10));
        return new KernelSource(cache, new Packages(cache, client), Progress.NONE, hostRoot());
    }

    private Path deb(String name, String compression) throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("boot/config", "x".getBytes(StandardCharsets.UTF_8));
        files.put("boot/vmlinuz-" + FakeKernel.RELEASE, kernel);
        files.put("lib/modules/" + FakeKernel.RELEASE + "/kernel/fs/fat.ko", FakeModule.of("depends="));
        return FakeDeb.write(directory.resolve(name), compression, files);
    }

    private PackageClient online() {
        return (name, into) -> {
            fetched.incrementAndGet();
            try {
                Path file = deb("package.deb", ".xz");
                return Map.of(name, Files.copy(file, into.resolve(name + "_1%3a2_amd64.deb")));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        };
    }

    @Test
    void takesTheDistributionsPackageOnce() throws IOException {
        KernelFiles first = source(online()).find(ImageRequest.small());
        KernelFiles second = source(OFFLINE).find(ImageRequest.small());

        assertEquals(first, second);
        assertEquals(1, fetched.get());
        assertEquals(FakeKernel.RELEASE, first.release());
        assertArrayEquals(kernel, Files.readAllBytes(first.kernel()));
        assertTrue(first.origin().contains(KernelSource.DEFAULT_PACKAGE));
        source(online()).find(ImageRequest.small().withRefresh(true));
        assertEquals(2, fetched.get());
    }

    @Test
    void fetchesADamagedPackageAgain() throws IOException {
        KernelFiles first = source(online()).find(ImageRequest.small());
        Files.write(first.modules().get(0), new byte[10]);
        assertEquals(first, source(online()).find(ImageRequest.small()));
        assertEquals(2, fetched.get());
    }

    @Test
    void aNamedPackageIsNotReplacedByAnother() {
        ImageRequest request = ImageRequest.small().withKernelPackage("linux-image-amd64");
        HostLacks e = assertThrows(HostLacks.class, () -> source(OFFLINE).find(request));
        assertTrue(e.getMessage().contains("cannot fetch linux-image-amd64"), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {".xz", ".gz", ".zst", ""})
    void readsPackageFiles(String compression) throws IOException {
        Path deb = deb("given.deb", compression);
        KernelFiles found = source(OFFLINE).find(ImageRequest.small().withKernelFile(deb));
        assertArrayEquals(kernel, Files.readAllBytes(found.kernel()));
        assertEquals(List.of(deb), found.modules());
    }

    @Test
    void aPackageWithoutKernelIsRefused() throws IOException {
        Path deb = FakeDeb.write(directory.resolve("e.deb"), ".xz", Map.of("usr/bin/x", new byte[1]));
        assertTrue(assertThrows(
                        HostLacks.class,
                        () -> source(OFFLINE).find(ImageRequest.small().withKernelFile(deb)))
                .getMessage()
                .contains("holds no kernel"));
        Path noDeb = Files.writeString(directory.resolve("n.deb"), "hello, world".repeat(50));
        assertTrue(assertThrows(
                        HostLacks.class,
                        () -> source(OFFLINE).find(ImageRequest.small().withKernelFile(noDeb)))
                .getMessage()
                .contains(noDeb.toString()));
        Path cut = deb("cut.deb", ".xz");
        Files.write(cut, java.util.Arrays.copyOf(Files.readAllBytes(cut), 20_000));
        assertTrue(assertThrows(
                        HostLacks.class,
                        () -> source(OFFLINE).find(ImageRequest.small().withKernelFile(cut)))
                .getMessage()
                .contains("cut.deb"));
    }

    @Test
    void takesAGivenFileWithTheHostsModules() throws IOException {
        Path file = Files.write(directory.resolve("bzImage"), kernel);
        ImageRequest request = ImageRequest.small().withKernelFile(file);
        assertEquals(List.of(), source(OFFLINE).find(request).modules());

        Path modules = Files.createDirectories(hostRoot().resolve("lib/modules/" + FakeKernel.RELEASE));
        assertEquals(List.of(modules), source(OFFLINE).find(request).modules());

        Path missing = directory.resolve("missing");
        assertTrue(assertThrows(HostLacks.class, () -> source(OFFLINE).find(request.withModules(missing)))
                .getMessage()
                .contains(missing.toString()));
        assertTrue(assertThrows(HostLacks.class, () -> source(OFFLINE).find(request.withKernelFile(missing)))
                .getMessage()
                .contains("does not exist"));
    }

    @Test
    void withoutNetworkTheHostsOwnKernelIsTaken() throws IOException {
        Path boot = Files.createDirectories(hostRoot().resolve("boot"));
        Files.writeString(boot.resolve("vmlinuz-broken"), "no kernel");
        Path good = Files.write(boot.resolve("vmlinuz-" + FakeKernel.RELEASE), kernel);
        assertEquals(good, source(OFFLINE).find(ImageRequest.small()).kernel());
    }

    @Test
    void withoutAnyKernelAllThatWasTriedIsTold() throws IOException {
        String error = assertThrows(HostLacks.class, () -> source(OFFLINE).find(ImageRequest.small()))
                .getMessage();
        assertTrue(error.contains("is there a network?") && error.contains("has no kernel"), error);

        Path boot = Files.createDirectories(hostRoot().resolve("boot"));
        Files.writeString(boot.resolve("vmlinuz-broken"), "no kernel".repeat(100));
        String second = assertThrows(HostLacks.class, () -> source(OFFLINE).find(ImageRequest.small()))
                .getMessage();
        assertTrue(second.contains("vmlinuz-broken is not a kernel"), second);
    }
}
