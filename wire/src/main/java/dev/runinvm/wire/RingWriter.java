package dev.runinvm.wire;

import java.nio.ByteBuffer;

/** The writing end of a ring; counterpart of {@link RingReader}. Not thread-safe. */
public final class RingWriter {
    private final ByteBuffer memory;
    private final int base;
    private final int takenAt;
    private final int putAt;
    private final int size;
    private final String name;
    private long put;
    private long lastTaken;

    RingWriter(ByteBuffer memory, int base, int size, int takenAt, int putAt, String name) {
        this.memory = memory;
        this.base = base;
        this.size = size;
        this.takenAt = takenAt;
        this.putAt = putAt;
        this.name = name;
    }

    /** Goes on where the counter in memory says that writing stopped. */
    void resume() {
        put = (long) RingReader.LONG.getAcquire(memory, putAt);
        lastTaken = 0;
        space();
    }

    /**
     * Bytes that fit now.
     *
     * @throws ProtocolException if the reader's counter went back or passed the writer's
     */
    public int space() {
        long taken = (long) RingReader.LONG.getAcquire(memory, takenAt);
        if (taken < lastTaken || taken > put) {
            throw new ProtocolException("the read counter of " + name + " is " + taken + ", after " + lastTaken
                    + " with " + put + " bytes written: out of range");
        }
        lastTaken = taken;
        return size - (int) (put - taken);
    }

    /** Bytes written that the other side has not read yet. */
    public int pending() {
        return size - space();
    }

    /**
     * Writes what fits, at most {@code length} bytes.
     *
     * @return bytes written, 0 if the ring is full
     */
    public int write(byte[] source, int offset, int length) {
        int n = Math.min(length, space());
        int done = 0;
        while (done < n) {
            int at = (int) (put % size);
            int part = Math.min(n - done, size - at);
            memory.put(base + at, source, offset + done, part);
            put += part;
            done += part;
        }
        if (n > 0) {
            RingReader.LONG.setRelease(memory, putAt, put);
        }
        return n;
    }
}
