package dev.runinvm.engine.boot;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A kernel as distributions ship it: a bzImage for x86-64 with a compressed vmlinux in it, or a vmlinux, plain or
 * compressed. Field offsets are those of Documentation/arch/x86/boot.rst.
 */
public final class KernelImage {
    private static final int HDRS = 0x5372_6448;
    private static final int SECTOR = 512;
    private static final int XLF_KERNEL_64 = 1;
    private static final int PAYLOAD_PROTOCOL = 0x0208;
    private static final int XLOADFLAGS_PROTOCOL = 0x020c;

    private final ByteBuffer data;
    private final String name;
    private final @Nullable SetupHeader setupHeader;
    private final int payloadOffset;
    private final int payloadLength;
    private final Compression compression;

    private KernelImage(ByteBuffer data, String name) {
        this.data = data;
        this.name = name;
        if (data.limit() >= 0x260 && data.getInt(0x202) == HDRS) {
            checkBzImage();
            setupHeader = SetupHeader.of(data);
            int setupSectors = data.get(0x1f1) & 0xff;
            int protectedMode = ((setupSectors == 0 ? 4 : setupSectors) + 1) * SECTOR;
            long offset = protectedMode + (data.getInt(0x248) & 0xffff_ffffL);
            long length = data.getInt(0x24c) & 0xffff_ffffL;
            if (offset + length > data.limit()) {
                throw new HostLacks(name + " is truncated: it has " + data.limit() + " bytes, its header promises "
                        + (offset + length));
            }
            payloadOffset = (int) offset;
            payloadLength = (int) length;
        } else {
            checkNoOtherImage();
            setupHeader = null;
            payloadOffset = 0;
            payloadLength = data.limit();
        }
        Compression found = Compression.of(payload());
        if (found == null) {
            throw new HostLacks(
                    setupHeader == null
                            ? name + " is not a kernel: neither a bzImage nor an ELF file"
                            : name + " has a payload of unknown compression, it starts with " + firstBytes(payload()));
        }
        if (found == Compression.LZO) {
            throw new HostLacks(name + " is compressed with LZO, which is not supported (gzip, bzip2, lzma, xz, lz4"
                    + " and zstd are); give its vmlinux instead");
        }
        compression = found;
    }

    /**
     * Reads a kernel's headers.
     *
     * @throws HostLacks if the file cannot be read, is truncated, no kernel, for another architecture, or compressed
     *     in an unknown way
     */
    public static KernelImage open(Path file) {
        return parse(Elf64.map(file), file.toString());
    }

    /**
     * Reads a kernel's headers.
     *
     * @param data the whole file, from position to limit
     * @param name for messages
     */
    public static KernelImage parse(ByteBuffer data, String name) {
        return new KernelImage(data.slice().order(ByteOrder.LITTLE_ENDIAN), name);
    }

    private void checkBzImage() {
        int protocol = data.getShort(0x206) & 0xffff;
        if (protocol < PAYLOAD_PROTOCOL) {
            throw new HostLacks(name + " is too old: boot protocol " + (protocol >> 8) + "." + (protocol & 0xff)
                    + ", at least 2.8 is needed");
        }
        boolean is64 = protocol < XLOADFLAGS_PROTOCOL || (data.getShort(0x236) & XLF_KERNEL_64) != 0;
        if (!is64) {
            throw new HostLacks(name + " is a 32-bit kernel; an x86-64 kernel is needed");
        }
    }

    private void checkNoOtherImage() {
        if (data.limit() == 0) {
            throw new HostLacks(name + " is empty, not a kernel");
        }
        String other = null;
        if (data.limit() >= 64 && data.getInt(56) == 0x644d_5241) {
            other = "ARM64 (aarch64)";
        } else if (data.limit() >= 64 && data.getInt(56) == 0x0543_5352) {
            other = "RISC-V";
        } else if (data.limit() >= 64 && data.getInt(36) == 0x016f_2818) {
            other = "ARM";
        }
        if (other != null) {
            throw new HostLacks(name + " is a kernel for another architecture: " + other + "; x86-64 is needed");
        }
        if (data.limit() < 0x260 && data.limit() >= 2 && data.getShort(0) == 0x5a4d) {
            throw new HostLacks(name + " is truncated: it has " + data.limit() + " bytes");
        }
    }

    private static String firstBytes(ByteBuffer buffer) {
        StringBuilder hex = new StringBuilder();
        for (int i = 0; i < Math.min(8, buffer.remaining()); i++) {
            hex.append(String.format("%02x ", buffer.get(buffer.position() + i)));
        }
        return hex.toString().trim();
    }

    private ByteBuffer payload() {
        return data.slice(payloadOffset, payloadLength);
    }

    /** How the payload is compressed. */
    public Compression compression() {
        return compression;
    }

    /** Offset of the payload in the file, bytes. */
    public int payloadOffset() {
        return payloadOffset;
    }

    /** Bytes of the payload, the appended size included. */
    public int payloadLength() {
        return payloadLength;
    }

    /** The setup header, if it is a bzImage. */
    public Optional<SetupHeader> setupHeader() {
        return Optional.ofNullable(setupHeader);
    }

    /**
     * The version text of a bzImage, such as {@code 6.1.0-50-cloud-amd64 (debian-kernel@...) #1 SMP ...}; empty for a
     * bare vmlinux, whose version is in {@link Vmlinux#release()}.
     */
    public Optional<String> version() {
        int at = (data.limit() >= 0x210 ? data.getShort(0x20e) & 0xffff : 0) + 0x200;
        if (setupHeader == null || at == 0x200 || at >= data.limit()) {
            return Optional.empty();
        }
        int end = at;
        while (end < data.limit() && end - at < 512 && data.get(end) != 0) {
            end++;
        }
        byte[] text = new byte[end - at];
        data.get(at, text);
        return Optional.of(new String(text, StandardCharsets.ISO_8859_1));
    }

    /** The kernel release as {@code uname -r} shows it, if the file says it without being unpacked. */
    public Optional<String> release() {
        return version().map(v -> v.split(" ", 2)[0]).filter(v -> !v.isEmpty());
    }

    /**
     * Unpacks the vmlinux, an ELF file.
     *
     * @throws HostLacks if the payload is damaged
     */
    public byte[] extract() {
        byte[] packed = new byte[payloadLength];
        payload().get(packed);
        int expected = 0;
        if (setupHeader != null && compression != Compression.NONE && payloadLength > 4) {
            expected = data.getInt(payloadOffset + payloadLength - 4);
            if (compression.sizeAppended()) {
                packed = Arrays.copyOf(packed, payloadLength - 4);
            }
        }
        byte[] plain;
        try {
            plain = compression.decode(packed, expected);
        } catch (IOException | RuntimeException e) {
            throw new HostLacks(
                    name + " is damaged: its " + compression + " payload does not unpack: " + e.getMessage(), e);
        }
        if (expected != 0 && expected != plain.length) {
            throw new HostLacks(name + " is damaged: its payload unpacks to " + plain.length + " bytes instead of "
                    + (expected & 0xffff_ffffL));
        }
        return plain;
    }

    /**
     * Unpacks the vmlinux and reads its headers.
     *
     * @throws HostLacks if the payload is damaged or no x86-64 vmlinux
     */
    public Vmlinux vmlinux() {
        return Vmlinux.parse(ByteBuffer.wrap(extract()), "the vmlinux in " + name, setupHeader);
    }
}
