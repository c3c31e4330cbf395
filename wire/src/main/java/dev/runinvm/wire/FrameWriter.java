package dev.runinvm.wire;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/** Queues messages and moves them into a ring as it empties. Not thread-safe. */
public final class FrameWriter {
    private final RingWriter ring;
    private final ArrayDeque<byte[]> queue = new ArrayDeque<>();
    private long queued;
    private int done;
    private int sequence;
    private long bytes;

    public FrameWriter(RingWriter ring) {
        this.ring = ring;
    }

    /** Bytes moved into the ring so far. */
    public long bytes() {
        return bytes;
    }

    /** Bytes queued that did not fit into the ring yet. */
    public long queued() {
        return queued;
    }

    /** Number of the next message, from 0. */
    public int sequence() {
        return sequence;
    }

    /** Goes on at a message of this number, in a ring taken over from another writer. */
    public void resume(int next) {
        sequence = next;
    }

    /** Bytes in the ring that the other side has not read. */
    public int pending() {
        return ring.pending();
    }

    /** Appends a message of at most {@link Frame#MAX_PAYLOAD} bytes, then {@linkplain #pump pumps}. */
    public void add(byte[] message) {
        byte[] encoded = Frame.encode(sequence++, message);
        queue.add(encoded);
        queued += encoded.length;
        pump();
    }

    /**
     * Moves as much as fits.
     *
     * @return whether everything is in the ring
     */
    public boolean pump() {
        byte @Nullable [] head;
        while ((head = queue.peek()) != null) {
            int n = ring.write(head, done, head.length - done);
            done += n;
            bytes += n;
            queued -= n;
            if (done < head.length) {
                return false;
            }
            queue.remove();
            done = 0;
        }
        return true;
    }
}
