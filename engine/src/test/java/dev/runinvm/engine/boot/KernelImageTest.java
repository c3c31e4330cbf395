package dev.runinvm.engine.boot;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class KernelImageTest {
    private final byte[] vmlinux = FakeKernel.vmlinux();

    private static KernelImage parse(byte[] file) {
        return KernelImage.parse(ByteBuffer.wrap(file), "vmlinuz");
    }

    private static String errorOf(byte[] file) {
        return assertThrows(HostLacks.class, () -> parse(file).vmlinux()).getMessage();
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "LZO")
    void unpacksEveryCompressionOfLinux(Compression compression) throws IOException {
        KernelImage image = parse(FakeKernel.bzImage(compression, vmlinux));

        assertEquals(compression, image.compression());
        assertArrayEquals(vmlinux, image.extract());
        assertEquals(Optional.of(FakeKernel.RELEASE), image.release());
        assertEquals(Optional.of(FakeKernel.RELEASE + " (test@host) #1 SMP"), image.version());
        assertTrue(image.setupHeader().isPresent());
    }

    @Test
    void takesBareAndGzippedVmlinux() throws IOException {
        assertArrayEquals(vmlinux, parse(vmlinux).extract());
        assertEquals(Optional.empty(), parse(vmlinux).release());
        KernelImage packed = parse(FakeKernel.compress(Compression.GZIP, vmlinux));
        assertEquals(Optional.of(FakeKernel.RELEASE), packed.vmlinux().release());
    }

    @Test
    void readsSegmentsAndNotes() {
        Vmlinux kernel = parse(vmlinux).vmlinux();

        assertEquals(FakeKernel.PHYSICAL, kernel.entry());
        assertEquals(FakeKernel.PHYSICAL, kernel.physicalStart());
        assertEquals(FakeKernel.PHYSICAL + FakeKernel.TEXT_SIZE + FakeKernel.BSS_SIZE, kernel.physicalEnd());
        assertArrayEquals(
                new byte[] {1, 2, 3, 4, 5, 6, 7, 8},
                kernel.note("Xen", 1).orElseThrow().description());
        assertEquals(Optional.empty(), kernel.note("Xen", 2));
        assertEquals(Optional.empty(), kernel.note("Linux", 1));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 63, 511, 0x240, 0x300, 2048, 3000, 30_000})
    void aTruncatedFileIsRefused(int length) throws IOException {
        byte[] image = FakeKernel.bzImage(Compression.GZIP, vmlinux);

        String error = errorOf(Arrays.copyOf(image, length));

        assertTrue(error.contains("vmlinuz"), error);
        assertTrue(error.contains("truncated") || error.contains("not a kernel"), error);
    }

    @Test
    void aTruncatedImageTellsItsSizes() throws IOException {
        byte[] image = FakeKernel.bzImage(Compression.GZIP, vmlinux);
        String error = errorOf(Arrays.copyOf(image, 30_000));
        assertTrue(error.contains("30000 bytes") && error.contains("promises"), error);
    }

    @ParameterizedTest
    @EnumSource(names = {"GZIP", "BZIP2", "XZ", "ZSTD"})
    void aDamagedPayloadIsFoundByItsChecksum(Compression compression) throws IOException {
        byte[] image = FakeKernel.bzImage(compression, vmlinux);
        image[parse(image).payloadOffset() + 15_000] ^= 0x55;
        assertTrue(errorOf(image).contains("damaged"));
    }

    @ParameterizedTest
    @EnumSource(names = {"LZ4", "LZMA"})
    void aPayloadThatEndsEarlyIsRefused(Compression compression) throws IOException {
        byte[] image = FakeKernel.bzImage(compression, vmlinux);
        KernelImage whole = parse(image);
        int at = whole.payloadOffset() + 20_000;
        Arrays.fill(image, at, whole.payloadOffset() + whole.payloadLength() - 4, (byte) 0xff);
        assertTrue(errorOf(image).contains("damaged"));
    }

    @Test
    void aWrongSizeIsRefused() throws IOException {
        byte[] image = FakeKernel.bzImage(Compression.ZSTD, vmlinux);
        KernelImage whole = parse(image);
        image[whole.payloadOffset() + whole.payloadLength() - 3]++;
        assertTrue(errorOf(image).contains("instead of"));
    }

    @Test
    void otherArchitecturesAreNamed() throws IOException {
        byte[] image32 = FakeKernel.bzImage(Compression.GZIP, vmlinux);
        image32[0x236] = 0;
        assertTrue(errorOf(image32).contains("32-bit kernel"));

        byte[] arm64 = new byte[4096];
        ByteBuffer.wrap(arm64).put(56, new byte[] {'A', 'R', 'M', 0x64});
        assertTrue(errorOf(arm64).contains("ARM64"));

        assertTrue(errorOf(FakeKernel.header(2, 183, 2, 0).array()).contains("ARM64 (aarch64)"));
        assertTrue(errorOf(FakeKernel.header(1, 3, 2, 0).array()).contains("32-bit i386"));
    }

    @Test
    void otherFilesAreRefused() throws IOException {
        assertTrue(errorOf("Lorem ipsum dolor sit amet".repeat(100).getBytes()).contains("not a kernel"));
        byte[] unknown = new byte[10_000];
        unknown[0] = 0x77;
        assertTrue(errorOf(FakeKernel.bzImage(unknown)).contains("unknown compression, it starts with 77 00"));
        byte[] lzo = {(byte) 0x89, 'L', 'Z', 'O', 0, 13, 10, 26, 10, 0};
        assertTrue(errorOf(FakeKernel.bzImage(lzo)).contains("LZO, which is not supported"));

        ByteBuffer program = FakeKernel.header(2, 62, 3, 1);
        FakeKernel.programHeader(program, 0, 1, 0, 0x1000, 0x1000, 100, 100);
        assertTrue(errorOf(program.array()).contains("an ELF program but not a kernel"));
        assertTrue(errorOf(FakeKernel.header(2, 62, 1, 0).array()).contains("not a kernel"));
    }

    @Test
    void damagedElfHeadersAreRefused() {
        byte[] segmentOutside = vmlinux.clone();
        ByteBuffer.wrap(segmentOutside).order(java.nio.ByteOrder.LITTLE_ENDIAN).putLong(64 + 8, Long.MAX_VALUE - 5);
        assertTrue(errorOf(segmentOutside).contains("truncated or damaged"));

        byte[] negative = vmlinux.clone();
        ByteBuffer.wrap(negative).order(java.nio.ByteOrder.LITTLE_ENDIAN).putLong(64 + 40, -1);
        assertTrue(errorOf(negative).contains("damaged"));
    }

    @Test
    void missingFilesAndDirectoriesAreNamed(@TempDir Path directory) throws IOException {
        Path missing = directory.resolve("none");
        assertTrue(assertThrows(HostLacks.class, () -> KernelImage.open(missing))
                .getMessage()
                .contains(missing + " does not exist"));
        assertThrows(HostLacks.class, () -> KernelImage.open(directory));
        Path file = Files.write(directory.resolve("k"), FakeKernel.bzImage(Compression.XZ, vmlinux));
        assertArrayEquals(vmlinux, KernelImage.open(file).extract());
    }
}
