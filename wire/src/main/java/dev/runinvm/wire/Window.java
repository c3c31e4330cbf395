package dev.runinvm.wire;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The memory both sides share. A control page, then the host's ring, then the guest's ring, all little-endian:
 *
 * <pre>
 *   0x000  u32  magic "RIVM"           0x004  u32  layout version
 *   0x040  u64  host ring, bytes taken out (written by the guest)
 *   0x080  u64  host ring, bytes put in    (written by the host)
 *   0x0c0  u64  guest ring, bytes taken out (written by the host)
 *   0x100  u64  guest ring, bytes put in    (written by the guest)
 *   0x1000      host ring, 508 KiB         0x80000  guest ring, 508 KiB
 * </pre>
 *
 * <p>Counters never wrap; a position in a ring is the counter modulo {@link #RING_SIZE}. Each has a cache line to itself.
 */
public final class Window {
    /** Bytes of the window. */
    public static final int SIZE = 1 << 20;
    /** Bytes of each ring. */
    public static final int RING_SIZE = 508 << 10;
    /** "RIVM", read as a little-endian 32-bit number. */
    public static final int MAGIC = 0x4d564952;
    /** Version of this layout. */
    public static final int LAYOUT_VERSION = 1;

    static final int MAGIC_AT = 0x000;
    static final int VERSION_AT = 0x004;
    static final int HOST_TAKEN_AT = 0x040;
    static final int HOST_PUT_AT = 0x080;
    static final int GUEST_TAKEN_AT = 0x0c0;
    static final int GUEST_PUT_AT = 0x100;
    static final int HOST_RING_AT = 0x1000;
    static final int GUEST_RING_AT = 0x80000;

    private static final VarHandle INT = MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final RingReader reader;
    private final RingWriter writer;

    private Window(RingReader reader, RingWriter writer) {
        this.reader = reader;
        this.writer = writer;
    }

    /**
     * Lays out a fresh window; the host does this before the guest runs.
     *
     * @param memory {@link #SIZE} bytes, direct, aligned to 8 bytes
     */
    public static Window create(ByteBuffer memory) {
        ByteBuffer m = checked(memory);
        for (int i = 0; i < HOST_RING_AT; i += 8) {
            m.putLong(i, 0);
        }
        m.putInt(VERSION_AT, LAYOUT_VERSION);
        INT.setRelease(m, MAGIC_AT, MAGIC);
        return new Window(
                new RingReader(m, GUEST_RING_AT, GUEST_TAKEN_AT, GUEST_PUT_AT, "the guest's ring"),
                new RingWriter(m, HOST_RING_AT, HOST_TAKEN_AT, HOST_PUT_AT, "the host's ring"));
    }

    /**
     * Takes over, as the host, a window that another host laid out and used: its ring counters say how far that was.
     *
     * @param memory {@link #SIZE} bytes, direct, aligned to 8 bytes
     * @throws ProtocolException if it is not such a window, or of another version
     */
    public static Window adopt(ByteBuffer memory) {
        ByteBuffer m = requireLaidOut(memory);
        RingReader reader = new RingReader(m, GUEST_RING_AT, GUEST_TAKEN_AT, GUEST_PUT_AT, "the guest's ring");
        RingWriter writer = new RingWriter(m, HOST_RING_AT, HOST_TAKEN_AT, HOST_PUT_AT, "the host's ring");
        reader.resume();
        writer.resume();
        return new Window(reader, writer);
    }

    /**
     * Opens the window that the host laid out; the guest does this.
     *
     * @param memory {@link #SIZE} bytes, direct, aligned to 8 bytes
     * @throws ProtocolException if it is not such a window, or of another version
     */
    public static Window open(ByteBuffer memory) {
        ByteBuffer m = requireLaidOut(memory);
        return new Window(
                new RingReader(m, HOST_RING_AT, HOST_TAKEN_AT, HOST_PUT_AT, "the host's ring"),
                new RingWriter(m, GUEST_RING_AT, GUEST_TAKEN_AT, GUEST_PUT_AT, "the guest's ring"));
    }

    private static ByteBuffer requireLaidOut(ByteBuffer memory) {
        ByteBuffer m = checked(memory);
        int magic = (int) INT.getAcquire(m, MAGIC_AT);
        if (magic != MAGIC) {
            throw new ProtocolException("the window starts with 0x" + Integer.toHexString(magic) + ", not with 0x"
                    + Integer.toHexString(MAGIC) + ": it is not a RunInVM channel");
        }
        int version = m.getInt(VERSION_AT);
        if (version != LAYOUT_VERSION) {
            throw new ProtocolException("the host laid out the window in version " + version + ", the agent knows "
                    + LAYOUT_VERSION + ": image and engine are of different releases");
        }
        return m;
    }

    private static ByteBuffer checked(ByteBuffer memory) {
        if (memory.capacity() < SIZE) {
            throw new IllegalArgumentException("the window takes " + SIZE + " bytes, not " + memory.capacity());
        }
        return memory.duplicate().clear().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** The ring that the other side writes. */
    public RingReader reader() {
        return reader;
    }

    /** The ring that this side writes. */
    public RingWriter writer() {
        return writer;
    }
}
