package dev.runinvm.wire;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The memory both sides share. A control page, then the host's ring, the guest's ring and a smaller pair, all little-endian:
 *
 * <pre>
 *   0x000  u32  magic "RIVM"           0x004  u32  layout version
 *   0x040  u64  host ring, bytes taken out (written by the guest)
 *   0x080  u64  host ring, bytes put in    (written by the host)
 *   0x0c0  u64  guest ring, bytes taken out (written by the host)
 *   0x100  u64  guest ring, bytes put in    (written by the guest)
 *   0x140  u64  host's out-of-band ring, bytes taken out    0x180  u64  bytes put in
 *   0x1c0  u64  guest's out-of-band ring, bytes taken out   0x200  u64  bytes put in
 *   0x1000      host ring, 444 KiB         0x70000  guest ring, 444 KiB
 *   0xdf000     host's out-of-band ring, 64 KiB             0xef000  guest's out-of-band ring, 64 KiB
 * </pre>
 *
 * <p>Counters never wrap; a position in a ring is the counter modulo the ring's size. Each has a cache line to itself.
 */
public final class Window {
    /** Bytes of the window. */
    public static final int SIZE = 1 << 20;
    /** Bytes of each ring for messages. */
    public static final int RING_SIZE = 444 << 10;
    /** "RIVM", read as a little-endian 32-bit number. */
    public static final int MAGIC = 0x4d564952;
    /** Version of this layout. */
    public static final int LAYOUT_VERSION = 2;

    static final int MAGIC_AT = 0x000;
    static final int VERSION_AT = 0x004;
    static final int HOST_TAKEN_AT = 0x040;
    static final int HOST_PUT_AT = 0x080;
    static final int GUEST_TAKEN_AT = 0x0c0;
    static final int GUEST_PUT_AT = 0x100;
    static final int OUT_OF_BAND_HOST_TAKEN_AT = 0x140;
    static final int OUT_OF_BAND_HOST_PUT_AT = 0x180;
    static final int OUT_OF_BAND_GUEST_TAKEN_AT = 0x1c0;
    static final int OUT_OF_BAND_GUEST_PUT_AT = 0x200;
    static final int HOST_RING_AT = 0x1000;
    static final int GUEST_RING_AT = 0x70000;
    static final int OUT_OF_BAND_SIZE = 64 << 10;
    static final int OUT_OF_BAND_HOST_RING_AT = 0xdf000;
    static final int OUT_OF_BAND_GUEST_RING_AT = 0xef000;

    private static final VarHandle INT = MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    /** Where a ring and its counters are. */
    private record Ring(int base, int size, int takenAt, int putAt, String name) {
        RingReader reader(ByteBuffer memory) {
            return new RingReader(memory, base, size, takenAt, putAt, name);
        }

        RingWriter writer(ByteBuffer memory) {
            return new RingWriter(memory, base, size, takenAt, putAt, name);
        }
    }

    private static final Ring OF_HOST =
            new Ring(HOST_RING_AT, RING_SIZE, HOST_TAKEN_AT, HOST_PUT_AT, "the host's ring");
    private static final Ring OF_GUEST =
            new Ring(GUEST_RING_AT, RING_SIZE, GUEST_TAKEN_AT, GUEST_PUT_AT, "the guest's ring");
    private static final Ring OUT_OF_BAND_OF_HOST = new Ring(
            OUT_OF_BAND_HOST_RING_AT,
            OUT_OF_BAND_SIZE,
            OUT_OF_BAND_HOST_TAKEN_AT,
            OUT_OF_BAND_HOST_PUT_AT,
            "the host's out-of-band ring");
    private static final Ring OUT_OF_BAND_OF_GUEST = new Ring(
            OUT_OF_BAND_GUEST_RING_AT,
            OUT_OF_BAND_SIZE,
            OUT_OF_BAND_GUEST_TAKEN_AT,
            OUT_OF_BAND_GUEST_PUT_AT,
            "the guest's out-of-band ring");

    private final RingReader reader;
    private final RingWriter writer;
    private final RingReader outOfBandReader;
    private final RingWriter outOfBandWriter;

    private Window(ByteBuffer memory, boolean host) {
        reader = (host ? OF_GUEST : OF_HOST).reader(memory);
        writer = (host ? OF_HOST : OF_GUEST).writer(memory);
        outOfBandReader = (host ? OUT_OF_BAND_OF_GUEST : OUT_OF_BAND_OF_HOST).reader(memory);
        outOfBandWriter = (host ? OUT_OF_BAND_OF_HOST : OUT_OF_BAND_OF_GUEST).writer(memory);
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
        return new Window(m, true);
    }

    /**
     * Takes over, as the host, a window that another host laid out and used: its ring counters say how far that was.
     *
     * @param memory {@link #SIZE} bytes, direct, aligned to 8 bytes
     * @throws ProtocolException if it is not such a window, or of another version
     */
    public static Window adopt(ByteBuffer memory) {
        ByteBuffer m = requireLaidOut(memory);
        Window window = new Window(m, true);
        window.reader.resume();
        window.writer.resume();
        window.outOfBandReader.resume();
        window.outOfBandWriter.resume();
        return window;
    }

    /**
     * Opens the window that the host laid out; the guest does this.
     *
     * @param memory {@link #SIZE} bytes, direct, aligned to 8 bytes
     * @throws ProtocolException if it is not such a window, or of another version
     */
    public static Window open(ByteBuffer memory) {
        ByteBuffer m = requireLaidOut(memory);
        return new Window(m, false);
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

    /** Messages for whoever is not the agent. In the guest one program at a time may use them. */
    public OutOfBand outOfBand() {
        return new OutOfBandRings(outOfBandReader, outOfBandWriter);
    }
}
