package dev.runinvm.wire;

import org.jspecify.annotations.Nullable;

/** Messages in a pair of rings, each behind its length as a little-endian 16-bit number. Written whole or not at all. */
final class OutOfBandRings implements OutOfBand {
    private static final int PREFIX = 2;

    private final RingReader reader;
    private final RingWriter writer;

    OutOfBandRings(RingReader reader, RingWriter writer) {
        this.reader = reader;
        this.writer = writer;
    }

    @Override
    public byte @Nullable [] poll() {
        int there = reader.available();
        if (there == 0) {
            return null;
        }
        byte[] prefix = new byte[PREFIX];
        if (there < PREFIX) {
            throw new ProtocolException("an out-of-band message of " + there + " bytes: not even its length");
        }
        reader.read(prefix, 0, PREFIX);
        int length = prefix[0] & 0xff | (prefix[1] & 0xff) << 8;
        if (length == 0 || length > MAX_MESSAGE || length > there - PREFIX) {
            throw new ProtocolException("an out-of-band message claims " + length + " bytes where " + (there - PREFIX)
                    + " are; 1 to " + MAX_MESSAGE + " may be");
        }
        byte[] message = new byte[length];
        reader.read(message, 0, length);
        return message;
    }

    @Override
    public boolean offer(byte[] message) {
        if (message.length == 0 || message.length > MAX_MESSAGE) {
            throw new IllegalArgumentException("an out-of-band message of " + message.length + " bytes");
        }
        byte[] whole = new byte[PREFIX + message.length];
        whole[0] = (byte) message.length;
        whole[1] = (byte) (message.length >> 8);
        System.arraycopy(message, 0, whole, PREFIX, message.length);
        return writer.space() >= whole.length && writer.write(whole, 0, whole.length) == whole.length;
    }
}
