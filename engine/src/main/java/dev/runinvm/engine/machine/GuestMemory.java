package dev.runinvm.engine.machine;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.os.MemFile;
import dev.runinvm.engine.os.ReadOnlyFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The guest's physical memory: one sealed memory file shared with the processes of direct execution, and files of the
 * host that pages are taken from as long as nobody writes them.
 *
 * <p>Physical layout: RAM from 0 up to at most 3 GiB, the rest of it from 4 GiB; a window shared with the host
 * (the channel device's BAR) at {@link #WINDOW_BASE}. In the file RAM comes first, in one piece, then the window.
 * Everything else is a hole: {@link #offset} answers -1 and the MMIO bus is asked instead.
 *
 * <p>A page that {@linkplain #back a file backs} is read from the host's page cache, where all guests share it, until
 * {@link #makePrivate} copies it into the memory file; whoever wants to write makes it private first. Who keeps a page's
 * place (a TLB, a mirror) is told by a {@link PageListener} when it moves. Used by the vCPU's thread alone.
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
    /** Pages of the file that the guest cannot address: room for copies of its pages. */
    public static final int SPARE_PAGES = 256;

    private static final int CHUNK_SHIFT = 30;
    private static final int CHUNK_MASK = (1 << CHUNK_SHIFT) - 1;
    /** Most pages that are copied with one read. */
    private static final int COPIED_AT_ONCE = 16;

    /** Most files that may back a guest's memory. */
    public static final int MAX_BACKINGS = 3;

    private final MemFile file;
    private final boolean sharing;
    private final List<Backing> backings = new ArrayList<>();
    private final List<PageListener> listeners = new ArrayList<>();
    /** For each page of RAM the number of the backing that has it, from 1; 0 is the memory file. */
    private byte @Nullable [] source;

    private @Nullable FirstTouches firstTouches;
    private long pagesMadePrivate;
    private final long ramSize;
    private final long lowSize;
    private final ByteBuffer[] chunks;
    private final ByteBuffer window;
    private final ByteBuffer spare;

    private GuestMemory(MemFile file, long ramSize, boolean sharing) {
        this.file = file;
        this.sharing = sharing;
        this.ramSize = ramSize;
        this.lowSize = Math.min(ramSize, LOW_LIMIT);
        int n = (int) ((ramSize + CHUNK_MASK) >>> CHUNK_SHIFT);
        this.chunks = new ByteBuffer[n];
        for (int i = 0; i < n; i++) {
            long start = (long) i << CHUNK_SHIFT;
            chunks[i] = file.map(start, (int) Math.min(1L << CHUNK_SHIFT, ramSize - start));
        }
        this.window = file.map(ramSize, WINDOW_SIZE);
        this.spare = file.map(ramSize + WINDOW_SIZE, SPARE_PAGES * PAGE_SIZE);
    }

    /** Is told, on the thread that writes, that a page has moved from a backing file to the memory file. */
    public interface PageListener {
        /** @param offset of the page in the memory file */
        void pageMoved(long offset);
    }

    /** A file that a range of RAM is taken from. */
    private static final class Backing {
        private final ReadOnlyFile file;
        /** Where in RAM, as an offset of the memory file, and where in the file. */
        private final long start;

        private final long fileStart;
        private final ByteBuffer[] chunks;
        private final boolean given;

        Backing(ReadOnlyFile file, long start, long fileStart, long length, boolean given) {
            this.given = given;
            this.file = file;
            this.start = start;
            this.fileStart = fileStart;
            chunks = new ByteBuffer[(int) ((length + CHUNK_MASK) >>> CHUNK_SHIFT)];
            for (int i = 0; i < chunks.length; i++) {
                long from = (long) i << CHUNK_SHIFT;
                chunks[i] = file.map(fileStart + from, (int) Math.min(1L << CHUNK_SHIFT, length - from));
            }
        }

        ByteBuffer buffer(long offset) {
            return chunks[(int) (offset - start >>> CHUNK_SHIFT)];
        }

        int index(long offset) {
            return (int) (offset - start & CHUNK_MASK);
        }
    }

    /** As {@link #create(long, boolean)}, without sharing. */
    public static GuestMemory create(long ramSize) {
        return create(ramSize, false);
    }

    /**
     * Makes the memory of one guest.
     *
     * @param ramSize bytes of RAM, a positive multiple of the page size
     * @param sharing whether pages of backing files stay in them until they are written; else {@link #back} copies them
     */
    public static GuestMemory create(long ramSize, boolean sharing) {
        if (ramSize <= 0 || ramSize % PAGE_SIZE != 0) {
            throw new IllegalArgumentException("RAM must be a positive multiple of 4096 bytes, not " + ramSize);
        }
        MemFile file = MemFile.create("runinvm-ram", ramSize + WINDOW_SIZE + (long) SPARE_PAGES * PAGE_SIZE);
        try {
            return new GuestMemory(file, ramSize, sharing);
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

    /**
     * Takes pages of RAM from a file, from now on.
     *
     * @param ramOffset where in RAM, an offset as of {@link #offset}, of a page's start
     * @param from becomes this memory's to close, whatever happens
     * @param fileOffset where in the file the range starts, of a page's start
     * @param length bytes; a last page that the file has only a part of is copied
     * @param present one bit for each page, set where the file has it; the others are left as they are. Null: all
     */
    public void back(long ramOffset, ReadOnlyFile from, long fileOffset, long length, long @Nullable [] present) {
        back(ramOffset, from, fileOffset, length, present, false);
    }

    /** As {@link #back}, with all pages of a file that the guest is given at each start: a snapshot need not hold them. */
    public void give(long ramOffset, ReadOnlyFile from) {
        back(ramOffset, from, 0, from.size(), null, true);
    }

    private void back(
            long ramOffset, ReadOnlyFile from, long fileOffset, long length, long @Nullable [] present, boolean given) {
        boolean kept = false;
        try {
            if (ramOffset < 0
                    || length < 0
                    || ramOffset + length > ramSize
                    || fileOffset + length > from.size()
                    || (ramOffset | fileOffset) % PAGE_SIZE != 0) {
                throw new IllegalArgumentException("no range of whole pages: " + length + " bytes at " + fileOffset
                        + " of a file of " + from.size() + ", to " + ramOffset + " of " + ramSize);
            }
            int pages = (int) (length / PAGE_SIZE);
            if (pages > 0) {
                Backing backing = new Backing(from, ramOffset, fileOffset, (long) pages * PAGE_SIZE, given);
                if (sharing && backings.size() < MAX_BACKINGS) {
                    backings.add(backing);
                    kept = true;
                    attach(backings.size(), (int) (ramOffset / PAGE_SIZE), pages, present);
                } else {
                    for (int i = 0; i < pages; i++) {
                        if (present == null || (present[i >> 6] & 1L << i) != 0) {
                            copy(backing, ramOffset + (long) i * PAGE_SIZE);
                        }
                    }
                }
            }
            int rest = (int) (length % PAGE_SIZE);
            if (rest > 0) {
                long at = ramOffset + length - rest;
                ByteBuffer tail = from.map(fileOffset + length - rest, rest);
                chunks[(int) (at >>> CHUNK_SHIFT)].put((int) (at & CHUNK_MASK), tail, 0, rest);
            }
        } finally {
            if (!kept) {
                from.close();
            }
        }
    }

    private void attach(int number, int first, int pages, long @Nullable [] present) {
        byte[] s = source;
        if (s == null) {
            s = new byte[(int) (ramSize / PAGE_SIZE)];
            source = s;
        }
        if (present == null) {
            Arrays.fill(s, first, first + pages, (byte) number);
            return;
        }
        for (int i = 0; i < pages; i++) {
            if ((present[i >> 6] & 1L << i) != 0) {
                s[first + i] = (byte) number;
            }
        }
    }

    private void copy(Backing backing, long offset) {
        long at = offset & -PAGE_SIZE;
        chunks[(int) (at >>> CHUNK_SHIFT)].put(
                (int) (at & CHUNK_MASK), backing.buffer(at), backing.index(at), PAGE_SIZE);
    }

    /** Whether pages of backing files stay in them until they are written. */
    public boolean shares() {
        return sharing;
    }

    /** Whether files back pages of this memory, or did. */
    public boolean isBacked() {
        return source != null;
    }

    /** Whether a page still is as {@link #give} made it. */
    public boolean isGiven(long offset) {
        int n = source(offset);
        return n != 0 && backings.get(n - 1).given;
    }

    /** Which file has a page: 0 the memory file, else the backing of that number. */
    public int source(long offset) {
        byte[] s = source;
        return s == null || offset >= ramSize ? 0 : s[(int) (offset >>> 12)];
    }

    /** Where a page is in the file that has it. */
    public long fileOffset(long offset) {
        int n = source(offset);
        if (n == 0) {
            return offset;
        }
        Backing backing = backings.get(n - 1);
        return offset - backing.start + backing.fileStart;
    }

    /** Descriptors of all files by their number, {@link #source}: the memory file's first. */
    public int[] fds() {
        int[] all = new int[1 + backings.size()];
        all[0] = file.fd();
        for (int i = 0; i < backings.size(); i++) {
            all[i + 1] = backings.get(i).file.fd();
        }
        return all;
    }

    /** Sees to it that a page is in the memory file and may be written. */
    public void makePrivate(long offset) {
        int n = source(offset);
        byte[] s = source;
        if (n == 0 || s == null) {
            return;
        }
        copy(backings.get(n - 1), offset);
        moved(s, (int) (offset >>> 12));
        if (firstTouches != null) {
            firstTouches.written(offset);
        }
    }

    /**
     * Does so with many pages at once, which costs a fraction of doing it one by one. Not on behalf of the guest: what it
     * touches first is not noted.
     *
     * @param pages their numbers in the memory file; those of pages that no file backs are passed over
     */
    public void makePrivate(int[] pages) {
        byte[] s = source;
        if (s == null) {
            return;
        }
        int[] sorted = Arrays.stream(pages)
                .filter(p -> p >= 0 && p < s.length && s[p] != 0)
                .sorted()
                .distinct()
                .toArray();
        ByteBuffer buffer = ByteBuffer.allocateDirect(COPIED_AT_ONCE * PAGE_SIZE);
        for (int number = 1; number <= backings.size(); number++) {
            int n = number;
            int[] its = Arrays.stream(sorted).filter(p -> s[p] == n).toArray();
            try (FileChannel from = backings.get(n - 1).file.channel();
                    FileChannel to = file.channel()) {
                makePrivate(its, from, to, buffer, s);
            } catch (IOException e) {
                throw new HostLacks("pages of the guest cannot be copied: " + e.getMessage(), e);
            }
        }
    }

    /** @param pages in ascending order, all of the same backing file */
    private void makePrivate(int[] pages, FileChannel from, FileChannel to, ByteBuffer buffer, byte[] s)
            throws IOException {
        for (int i = 0; i < pages.length; ) {
            int first = pages[i];
            int n = 1;
            while (i + n < pages.length && n < COPIED_AT_ONCE && pages[i + n] == first + n) {
                n++;
            }
            long at = (long) first * PAGE_SIZE;
            copy(from, fileOffset(at), to, at, buffer.clear().limit(n * PAGE_SIZE));
            for (int k = first; k < first + n; k++) {
                moved(s, k);
            }
            i += n;
        }
    }

    private static void copy(FileChannel from, long fromOffset, FileChannel to, long toOffset, ByteBuffer buffer)
            throws IOException {
        while (buffer.hasRemaining()) {
            if (from.read(buffer, fromOffset + buffer.position()) < 0) {
                throw new IOException("a file that backs memory has been truncated");
            }
        }
        buffer.flip();
        while (buffer.hasRemaining()) {
            to.write(buffer, toOffset + buffer.position());
        }
    }

    private void moved(byte[] s, int page) {
        s[page] = 0;
        pagesMadePrivate++;
        for (PageListener listener : listeners) {
            listener.pageMoved((long) page * PAGE_SIZE);
        }
    }

    /**
     * Puts a page into the memory file, whatever was there or in a backing file before.
     *
     * @param offset of the page in RAM
     * @param content {@link #PAGE_SIZE} bytes from its position on
     */
    public void replace(long offset, ByteBuffer content) {
        long at = offset & -PAGE_SIZE;
        chunks[(int) (at >>> CHUNK_SHIFT)].put((int) (at & CHUNK_MASK), content, content.position(), PAGE_SIZE);
        byte[] s = source;
        if (s != null && s[(int) (at >>> 12)] != 0) {
            s[(int) (at >>> 12)] = 0;
            listeners.forEach(listener -> listener.pageMoved(at));
        }
    }

    /** Notes from now on which pages of files the guest writes. */
    public void note(FirstTouches touches) {
        firstTouches = touches;
    }

    /** Pages that were copied because somebody wrote them. */
    public long pagesMadePrivate() {
        return pagesMadePrivate;
    }

    /** Adds somebody to be told of pages that move. */
    public void addPageListener(PageListener listener) {
        listeners.add(listener);
    }

    /** Physical address of an offset of RAM: {@link #offset}'s inverse. */
    public long physical(long offset) {
        return offset >= ramSize
                ? offset - ramSize + WINDOW_BASE
                : offset < lowSize ? offset : offset - lowSize + 0x1_0000_0000L;
    }

    /**
     * The mapping that holds a page; index in it with {@link #index}. Pages never straddle two mappings. It may be read-only
     * unless the page {@linkplain #makePrivate was made private}.
     */
    public ByteBuffer buffer(long offset) {
        if (offset >= ramSize) {
            return window;
        }
        byte[] s = source;
        if (s != null && s[(int) (offset >>> 12)] != 0) {
            return backings.get(s[(int) (offset >>> 12)] - 1).buffer(offset);
        }
        return chunks[(int) (offset >>> CHUNK_SHIFT)];
    }

    /** Index of an offset in {@link #buffer}. */
    public int index(long offset) {
        if (offset >= ramSize) {
            return (int) (offset - ramSize);
        }
        byte[] s = source;
        if (s != null && s[(int) (offset >>> 12)] != 0) {
            return backings.get(s[(int) (offset >>> 12)] - 1).index(offset);
        }
        return (int) (offset & CHUNK_MASK);
    }

    /** As {@link MemFile#nextData}: the next page of RAM or window that has memory of its own. */
    public long nextData(long offset) {
        return file.nextData(offset);
    }

    /** As {@link MemFile#nextHole}. */
    public long nextHole(long offset) {
        return file.nextHole(offset);
    }

    /** The window shared with the guest, {@link #WINDOW_SIZE} bytes; position and limit are the caller's own copy. */
    public ByteBuffer window() {
        return window.duplicate().order(java.nio.ByteOrder.LITTLE_ENDIAN);
    }

    /** A spare page, to be filled; valid as long as this memory. */
    public ByteBuffer spare(int number) {
        return spare.slice(number * PAGE_SIZE, PAGE_SIZE).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    }

    /** Where a spare page is in the memory file. */
    public long spareOffset(int number) {
        return ramSize + WINDOW_SIZE + (long) number * PAGE_SIZE;
    }

    private long require(long physical) {
        long offset = offset(physical);
        if (offset < 0) {
            throw new IndexOutOfBoundsException("no memory at physical address 0x" + Long.toHexString(physical));
        }
        return offset;
    }

    private long requireWritable(long physical) {
        long offset = require(physical);
        if (source != null) {
            makePrivate(offset);
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
        long o = requireWritable(physical);
        buffer(o).putLong(index(o), value);
    }

    public int getInt(long physical) {
        long o = require(physical);
        return buffer(o).getInt(index(o));
    }

    public void putInt(long physical, int value) {
        long o = requireWritable(physical);
        buffer(o).putInt(index(o), value);
    }

    public short getShort(long physical) {
        long o = require(physical);
        return buffer(o).getShort(index(o));
    }

    public void putShort(long physical, short value) {
        long o = requireWritable(physical);
        buffer(o).putShort(index(o), value);
    }

    public byte getByte(long physical) {
        long o = require(physical);
        return buffer(o).get(index(o));
    }

    public void putByte(long physical, byte value) {
        long o = requireWritable(physical);
        buffer(o).put(index(o), value);
    }

    /** Copies bytes in; the range may span pages but not a hole. */
    public void write(long physical, byte[] source, int from, int length) {
        int done = 0;
        while (done < length) {
            long o = requireWritable(physical + done);
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
     * Fills memory from a file, from the channel's position on; much faster than {@link #write} for whole images. Before
     * any file backs the memory.
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
        backings.forEach(b -> b.file.close());
        file.close();
    }
}
