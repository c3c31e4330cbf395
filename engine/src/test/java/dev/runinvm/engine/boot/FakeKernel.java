package dev.runinvm.engine.boot;

import com.github.luben.zstd.ZstdOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorOutputStream;
import org.apache.commons.compress.compressors.lz4.BlockLZ4CompressorOutputStream;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.LZMAOutputStream;
import org.tukaani.xz.X86Options;
import org.tukaani.xz.XZ;
import org.tukaani.xz.XZOutputStream;

/** Makes small files of the shape of kernels, the way Linux' build does. */
public final class FakeKernel {
    public static final String RELEASE = "6.1.0-99-test-amd64";
    static final long PHYSICAL = 0x100_0000;
    static final long VIRTUAL = 0xffff_ffff_8100_0000L;
    static final int TEXT_SIZE = 100_000;
    static final int BSS_SIZE = 8192;

    private FakeKernel() {}

    /** A vmlinux with one segment at 16 MiB, a banner, and a note of owner Xen. */
    public static byte[] vmlinux() {
        byte[] text = new byte[TEXT_SIZE];
        Random random = new Random(1);
        for (int i = 0; i < text.length; i += 100) { // half noise, half runs, so that it compresses a bit
            byte[] noise = new byte[50];
            random.nextBytes(noise);
            System.arraycopy(noise, 0, text, i, 50);
            Arrays.fill(text, i + 50, i + 100, (byte) i);
        }
        byte[] banner = ("Linux version " + RELEASE + " (test)").getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(banner, 0, text, 1000, banner.length);
        byte[] note = note("Xen", 1, new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
        ByteBuffer elf = header(2, 62, 2, 2);
        elf.putLong(24, PHYSICAL);
        programHeader(elf, 0, 1, 0x1000, VIRTUAL, PHYSICAL, text.length, text.length + BSS_SIZE);
        programHeader(elf, 1, 4, 0x200, VIRTUAL, PHYSICAL, note.length, note.length);
        ByteBuffer file = ByteBuffer.allocate(0x1000 + text.length);
        file.put(0, elf.array()).put(0x200, note).put(0x1000, text);
        return file.array();
    }

    private static byte[] note(String owner, int type, byte[] description) {
        ByteBuffer b = ByteBuffer.allocate(12 + 4 + description.length).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(owner.length() + 1).putInt(description.length).putInt(type);
        b.put(owner.getBytes(StandardCharsets.US_ASCII)).position(16);
        return b.put(description).array();
    }

    /** An ELF header and room for program headers behind it. */
    public static ByteBuffer header(int bits, int machine, int type, int programHeaders) {
        ByteBuffer b = ByteBuffer.allocate(64 + 56 * programHeaders).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(0x464c457f).put((byte) bits).put((byte) 1).put((byte) 1);
        b.putShort(16, (short) type).putShort(18, (short) machine).putInt(20, 1);
        b.putLong(32, 64).putShort(52, (short) 64).putShort(54, (short) 56).putShort(56, (short) programHeaders);
        return b;
    }

    public static void programHeader(
            ByteBuffer elf, int index, int type, long offset, long virtual, long physical, long size, long memory) {
        int at = 64 + index * 56;
        elf.putInt(at, type).putInt(at + 4, 5).putLong(at + 8, offset).putLong(at + 16, virtual);
        elf.putLong(at + 24, physical)
                .putLong(at + 32, size)
                .putLong(at + 40, memory)
                .putLong(at + 48, 0x1000);
    }

    /** A bzImage whose payload is a vmlinux compressed in a way. */
    public static byte[] bzImage(Compression compression, byte[] vmlinux) throws IOException {
        byte[] packed = compress(compression, vmlinux);
        if (compression.sizeAppended()) {
            packed = ByteBuffer.allocate(packed.length + 4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .put(packed)
                    .putInt(vmlinux.length)
                    .array();
        }
        return bzImage(packed);
    }

    public static byte[] bzImage(byte[] payload) {
        int setupSectors = 3;
        int protectedMode = (setupSectors + 1) * 512;
        int offset = 1000;
        ByteBuffer b = ByteBuffer.allocate(protectedMode + offset + payload.length + 777)
                .order(ByteOrder.LITTLE_ENDIAN);
        b.put(0x1f1, (byte) setupSectors).putShort(0x1fe, (short) 0xaa55).putShort(0x200, (short) 0x66eb);
        b.putInt(0x202, 0x53726448).putShort(0x206, (short) 0x20f).putShort(0x20e, (short) 0x300);
        b.put(0x500, (RELEASE + " (test@host) #1 SMP").getBytes(StandardCharsets.US_ASCII));
        b.put(0x211, (byte) 1)
                .putInt(0x22c, 0x7fffffff)
                .putShort(0x236, (short) 1)
                .putInt(0x238, 2047);
        b.putInt(0x248, offset).putInt(0x24c, payload.length).putInt(0x260, 1 << 20);
        b.put(protectedMode + offset, payload);
        return b.array();
    }

    static byte[] compress(Compression compression, byte[] plain) throws IOException {
        if (compression == Compression.LZ4) {
            return lz4Legacy(plain);
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream packer = packer(compression, out)) {
            packer.write(plain);
        }
        return out.toByteArray();
    }

    private static OutputStream packer(Compression compression, OutputStream out) throws IOException {
        LZMA2Options options = new LZMA2Options(1);
        return switch (compression) {
            case NONE -> out;
            case GZIP -> new GZIPOutputStream(out);
            case BZIP2 -> new BZip2CompressorOutputStream(out);
            case ZSTD -> new ZstdOutputStream(out).setChecksum(true);
            case LZMA -> new LZMAOutputStream(out, options, -1); // of unknown size with an end marker, as lzma(1) does
            case XZ ->
                new XZOutputStream(out, new org.tukaani.xz.FilterOptions[] {new X86Options(), options}, XZ.CHECK_CRC32);
            default -> throw new IllegalArgumentException(compression.toString());
        };
    }

    static byte[] lz4Legacy(byte[] plain) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(new byte[] {0x02, 0x21, 0x4c, 0x18});
        for (int from = 0; from < plain.length; from += 8 << 20) {
            ByteArrayOutputStream block = new ByteArrayOutputStream();
            try (OutputStream packer = new BlockLZ4CompressorOutputStream(
                    block,
                    BlockLZ4CompressorOutputStream.createParameterBuilder()
                            .withMaxNumberOfCandidates(4)
                            .withNiceBackReferenceLength(16)
                            .withLazyMatching(false)
                            .build())) {
                packer.write(plain, from, Math.min(8 << 20, plain.length - from));
            }
            out.write(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(block.size())
                    .array());
            block.writeTo(out);
        }
        return out.toByteArray();
    }
}
