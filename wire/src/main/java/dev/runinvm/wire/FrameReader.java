package dev.runinvm.wire;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** Puts messages together from whatever pieces of them a ring holds. Not thread-safe. */
public final class FrameReader {
    private final RingReader ring;
    private final byte[] header = new byte[Frame.HEADER];
    private int have;
    private byte @Nullable [] payload;
    private int check;
    private int sequence;
    private long bytes;

    public FrameReader(RingReader ring) {
        this.ring = ring;
    }

    /** Bytes read so far. */
    public long bytes() {
        return bytes;
    }

    /** Whether part of a message was read and the rest is still to come. */
    public boolean inside() {
        return have > 0 || payload != null;
    }

    /** Number of the next message, from 0. */
    public int sequence() {
        return sequence;
    }

    /** Goes on at a message of this number, in a ring taken over from another reader. */
    public void resume(int next) {
        sequence = next;
    }

    /** Whether the ring holds bytes not read yet. */
    public boolean ready() {
        return ring.available() > 0;
    }

    /**
     * The next message, or null if the ring does not hold the rest of it yet.
     *
     * @throws ProtocolException if what is there is no frame
     */
    public byte @Nullable [] poll() {
        if (payload == null) {
            int n = ring.read(header, have, Frame.HEADER - have);
            have += n;
            bytes += n;
            if (have < Frame.HEADER) {
                return null;
            }
            begin();
        }
        byte[] body = payload;
        if (body == null) {
            throw new IllegalStateException("no payload after a header");
        }
        int n = ring.read(body, have, body.length - have);
        have += n;
        bytes += n;
        if (have < body.length) {
            return null;
        }
        payload = null;
        have = 0;
        sequence++;
        if (Frame.check(header, body) != check) {
            throw new ProtocolException(
                    "frame " + (sequence - 1) + " (" + body.length + " bytes) does not match its check sum");
        }
        return body;
    }

    private void begin() {
        ByteBuffer b = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN);
        int mark = b.getShort() & 0xffff;
        int version = b.get() & 0xff;
        int reserved = b.get() & 0xff;
        int length = b.getInt();
        int number = b.getInt();
        check = b.getInt();
        if (mark != Frame.MARK) {
            throw new ProtocolException("no frame starts here: mark 0x" + Integer.toHexString(mark) + " after "
                    + (bytes - Frame.HEADER) + " bytes");
        }
        if (version != Frame.VERSION) {
            throw new ProtocolException(
                    "the other side speaks protocol version " + version + ", this one " + Frame.VERSION);
        }
        if (reserved != 0) {
            throw new ProtocolException("a frame header has 0x" + Integer.toHexString(reserved) + " where 0 is due");
        }
        if (length < 0 || length > Frame.MAX_PAYLOAD) {
            throw new ProtocolException(
                    "a frame claims " + Integer.toUnsignedString(length) + " bytes; at most " + Frame.MAX_PAYLOAD);
        }
        if (number != sequence) {
            throw new ProtocolException("frame " + Integer.toUnsignedString(number) + " where " + sequence
                    + " was due: frames were lost or repeated");
        }
        payload = new byte[length];
        have = 0;
    }
}
