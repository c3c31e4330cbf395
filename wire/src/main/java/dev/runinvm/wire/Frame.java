package dev.runinvm.wire;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * The unit of the byte stream in a ring: 16 bytes of header, then one message. Header, little-endian: u16 mark 0x5652, u8
 * version, u8 zero, u32 bytes of message, u32 sequence number, u32 CRC-32C of the 12 bytes before it and the message.
 *
 * <p>A frame may be longer than the ring: writer and reader move it piece by piece.
 */
public final class Frame {
    /** Version of the frame format and of the messages in it. */
    public static final int VERSION = 1;
    /** Most bytes of a message. */
    public static final int MAX_PAYLOAD = 8 << 20;

    static final int HEADER = 16;
    static final int MARK = 0x5652;

    private Frame() {}

    static byte[] encode(int sequence, byte[] payload) {
        if (payload.length > MAX_PAYLOAD) {
            throw new IllegalArgumentException("a message of " + payload.length + " bytes; at most " + MAX_PAYLOAD);
        }
        byte[] out = new byte[HEADER + payload.length];
        ByteBuffer b = ByteBuffer.wrap(out).order(ByteOrder.LITTLE_ENDIAN);
        b.putShort((short) MARK).put((byte) VERSION).put((byte) 0);
        b.putInt(payload.length).putInt(sequence);
        System.arraycopy(payload, 0, out, HEADER, payload.length);
        b.putInt(check(out, payload));
        return out;
    }

    static int check(byte[] header, byte[] payload) {
        CRC32C crc = new CRC32C();
        crc.update(header, 0, HEADER - 4);
        crc.update(payload, 0, payload.length);
        return (int) crc.getValue();
    }
}
