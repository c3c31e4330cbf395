package dev.runinvm.engine.machine;

import dev.runinvm.engine.os.MemFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * The guest's physical memory, one sealed memory file shared with the processes of direct execution.
 *
 * <p>Physical layout: RAM from 0 up to at most 3 GiB, the rest of it from 4 GiB; a window shared with the host
 * (the channel device's BAR) at {@link #WINDOW_BASE}. In the file RAM comes first, in one piece, then the window.
 * Everything else is a hole: {@link #offset} answers -1 and the MMIO bus is asked instead.
 */
public final class GuestMemory implements AutoCloseable {
    /** Bytes of a page. */
    public static final int PAGE_SIZE = 4096;
    /** Where RAM below 4 GiB ends at the latest; from here to 4 GiB lie PCI windows and devices. */
    public static final long LOW_LIMIT = 0xC000_0000L;
    /** Physical address of the window shared with the host. */
    public static final long WINDOW_BASE = 0xE000_0000L;
    /** Bytes of the window. */
    public static final int WINDOW_SIZE = 1 << 20;

    private static final int CHUNK_SHIFT = 30;
    private static final int CHUNK_MASK = (1 << CHUNK_SHIFT) - 1;

    private final MemFile file;
    private final long ramSize;
    private final long lowSize;
    private final ByteBuffer[] chunks;
    private final ByteBuffer window;

    private GuestMemory(MemFile file, long ramSize) {
        this.file = file;
        this.ramSize = ramSize;
        this.lowSize = Math.min(ramSize, LOW_LIMIT);
        int n = (int) ((ramSize + CHUNK_MASK) >>> CHUNK_SHIFT);
        this.chunks = new ByteBuffer[n];
        for (int i = 0; i < n; i++) {
            long start = (long) i << CHUNK_SHIFT;
            chunks[i] = file.map(start, (int) Math.min(1L << CHUNK_SHIFT, ramSize - start));
        }
        this.window = file.map(ramSize, WINDOW_SIZE);
    }

    /**
     * Makes the memory of one guest.
     *
     * @param ramSize bytes of RAM, a positive multiple of the page size
     */
    public static GuestMemory create(long ramSize) {
        if (ramSize <= 0 || ramSize % PAGE_SIZE != 0) {
            throw new IllegalArgumentException("RAM must be a positive multiple of 4096 bytes, not " + ramSize);
        }
        MemFile file = MemFile.create("runinvm-ram", ramSize + WINDOW_SIZE);
        try {
            return new GuestMemory(file, ramSize);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** Bytes of it that have ever been touched, by guest or host: what it takes of the host's memory. */
    public long touchedBytes() {
        return file.touchedBytes();
    }

    /** Descriptor of the memory file. */
    public int fd() {
        return file.fd();
    }

    /** Bytes of RAM, without the window. */
    public long ramSize() {
        return ramSize;
    }

    /** Bytes of RAM below 4 GiB, starting at physical address 0. */
    public long lowSize() {
        return lowSize;
    }

    /** Offset in the memory file of a physical address, or -1 where there is neither RAM nor window. */
    public long offset(long physical) {
        if (physical >= 0 && physical < lowSize) {
            return physical;
        }
        if (physical >= 0x1_0000_0000L && physical - 0x1_0000_0000L < ramSize - lowSize) {
            return physical - 0x1_0000_0000L + lowSize;
        }
        if (physical >= WINDOW_BASE && physical < WINDOW_BASE + WINDOW_SIZE) {
            return physical - WINDOW_BASE + ramSize;
        }
        return -1;
    }

    /** Whether an address is RAM or window. */
    public boolean isMemory(long physical) {
        return offset(physical) >= 0;
    }

    /** The mapping that holds a file offset; index in it with {@link #index}. Pages never straddle two mappings. */
    public ByteBuffer buffer(long offset) {
        return offset >= ramSize ? window : chunks[(int) (offset >>> CHUNK_SHIFT)];
    }

    /** Index of a file offset in {@link #buffer}. */
    public int index(long offset) {
        return (int) (offset >= ramSize ? offset - ramSize : offset & CHUNK_MASK);
    }

    /** The window shared with the guest, {@link #WINDOW_SIZE} bytes; position and limit are the caller's own copy. */
    public ByteBuffer window() {
        return window.duplicate().order(java.nio.ByteOrder.LITTLE_ENDIAN);
    }

    private long require(long physical) {
        long offset = offset(physical);
        if (offset < 0) {
            throw new IndexOutOfBoundsException("no memory at physical address 0x" + Long.toHexString(physical));
        }
        return offset;
    }

    /** Reads 8 bytes, little-endian, within one page. */
    public long getLong(long physical) {
        long o = require(physical);
        return buffer(o).getLong(index(o));
    }

    /** Writes 8 bytes, little-endian, within one page. */
    public void putLong(long physical, long value) {
        long o = require(physical);
        buffer(o).putLong(index(o), value);
    }

    public int getInt(long physical) {
        long o = require(physical);
        return buffer(o).getInt(index(o));
    }

    public void putInt(long physical, int value) {
        long o = require(physical);
        buffer(o).putInt(index(o), value);
    }

    public short getShort(long physical) {
        long o = require(physical);
        return buffer(o).getShort(index(o));
    }

    public void putShort(long physical, short value) {
        long o = require(physical);
        buffer(o).putShort(index(o), value);
    }

    public byte getByte(long physical) {
        long o = require(physical);
        return buffer(o).get(index(o));
    }

    public void putByte(long physical, byte value) {
        long o = require(physical);
        buffer(o).put(index(o), value);
    }

    /** Copies bytes in; the range may span pages but not a hole. */
    public void write(long physical, byte[] source, int from, int length) {
        int done = 0;
        while (done < length) {
            long o = require(physical + done);
            int n = Math.min(length - done, PAGE_SIZE - (int) (o & PAGE_SIZE - 1));
            buffer(o).put(index(o), source, from + done, n);
            done += n;
        }
    }

    /** Copies bytes out; the range may span pages but not a hole. */
    public void read(long physical, byte[] target, int from, int length) {
        int done = 0;
        while (done < length) {
            long o = require(physical + done);
            int n = Math.min(length - done, PAGE_SIZE - (int) (o & PAGE_SIZE - 1));
            buffer(o).get(index(o), target, from + done, n);
            done += n;
        }
    }

    /**
     * Fills memory from a file, from the channel's position on; much faster than {@link #write} for whole images.
     *
     * @return bytes copied, fewer than wanted if the file ends before
     */
    public long load(FileChannel source, long length, long physical) throws IOException {
        long done = 0;
        try (FileChannel target = file.channel()) {
            while (done < length) {
                target.position(require(physical + done));
                long n = source.transferTo(
                        source.position(), Math.min(length - done, contiguous(physical + done)), target);
                if (n <= 0) {
                    break;
                }
                source.position(source.position() + n);
                done += n;
            }
        }
        return done;
    }

    /** Fills memory from a buffer, up to its limit. */
    public void load(ByteBuffer source, long physical) throws IOException {
        ByteBuffer from = source.duplicate();
        long at = physical;
        try (FileChannel target = file.channel()) {
            while (from.hasRemaining()) {
                int n = (int) Math.min(from.remaining(), contiguous(at));
                ByteBuffer part = from.slice(from.position(), n);
                long offset = require(at);
                while (part.hasRemaining()) {
                    target.write(part, offset + part.position());
                }
                from.position(from.position() + n);
                at += n;
            }
        }
    }

    /** Bytes from an address on up to the end of the RAM or window it is in. */
    private long contiguous(long physical) {
        require(physical);
        if (physical < lowSize) {
            return lowSize - physical;
        }
        return physical >= 0x1_0000_0000L
                ? 0x1_0000_0000L + ramSize - lowSize - physical
                : WINDOW_BASE + WINDOW_SIZE - physical;
    }

    @Override
    public void close() {
        file.close();
    }
}
