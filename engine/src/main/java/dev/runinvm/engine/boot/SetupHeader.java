package dev.runinvm.engine.boot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The setup header of a bzImage, which a boot loader copies from offset 0x1f1 of the file to the same offset of
 * boot_params (Documentation/arch/x86/boot.rst, "64-bit boot protocol").
 */
public final class SetupHeader {
    /** Where the header is, in the file as in boot_params. */
    static final int OFFSET = 0x1f1;
    /** boot_params has room for the header up to here. */
    static final int LIMIT = 0x290;

    private final byte[] bytes;

    private SetupHeader(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Takes the header out of a bzImage; the caller has seen its magic. */
    static SetupHeader of(ByteBuffer image) {
        int end = Math.min(0x202 + (image.get(0x201) & 0xff), Math.min(LIMIT, image.limit()));
        byte[] bytes = new byte[Math.max(end, 0x268) - OFFSET];
        image.get(OFFSET, bytes, 0, Math.min(bytes.length, image.limit() - OFFSET));
        return new SetupHeader(bytes);
    }

    /** The header made by us, for a vmlinux that came without a bzImage. */
    static SetupHeader synthetic() {
        ByteBuffer h = ByteBuffer.allocate(0x268 - OFFSET).order(ByteOrder.LITTLE_ENDIAN);
        h.putShort(0x1fe - OFFSET, (short) 0xaa55);
        h.putInt(0x202 - OFFSET, 0x5372_6448);
        h.putShort(0x206 - OFFSET, (short) 0x020f);
        h.put(0x211 - OFFSET, (byte) 1); // LOADED_HIGH
        h.putInt(0x22c - OFFSET, 0x7fff_ffff); // initrd_addr_max
        h.putInt(0x230 - OFFSET, 0x0100_0000); // kernel_alignment
        h.putInt(0x238 - OFFSET, 2047); // cmdline_size
        return new SetupHeader(h.array());
    }

    /** A copy, from offset 0x1f1 on. */
    byte[] bytes() {
        return bytes.clone();
    }

    private int getInt(int offset) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(offset - OFFSET);
    }

    /** Highest physical address an initramfs byte may have. */
    long initramfsAddressMax() {
        return getInt(0x22c) & 0xffff_ffffL;
    }

    /** Bytes of the longest command line, without its terminating zero. */
    int commandLineSize() {
        int size = getInt(0x238);
        return size <= 0 ? 255 : Math.min(size, 0xf000);
    }

    /** Bytes the kernel needs from its load address on to unpack and start, 0 if not said. */
    long initSize() {
        return getInt(0x260) & 0xffff_ffffL;
    }
}
