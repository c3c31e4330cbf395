package dev.runinvm.wire;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The reading end of a ring. Its own counter is kept outside the shared memory, so the other side cannot move it; the other
 * side's is checked at each look. Not thread-safe.
 */
public final class RingReader {
    static final VarHandle LONG = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private final ByteBuffer memory;
    private final int base;
    private final int takenAt;
    private final int putAt;
    private final int size;
    private final String name;
    private long taken;
    private long lastPut;

    RingReader(ByteBuffer memory, int base, int size, int takenAt, int putAt, String name) {
        this.memory = memory;
        this.base = base;
        this.size = size;
        this.takenAt = takenAt;
        this.putAt = putAt;
        this.name = name;
    }

    /** Goes on where the counter in memory says that reading stopped. */
    void resume() {
        taken = (long) LONG.getAcquire(memory, takenAt);
        lastPut = taken;
        available();
    }

    /**
     * Bytes that can be read now.
     *
     * @throws ProtocolException if the writer's counter went back or past the ring's end
     */
    public int available() {
        long put = (long) LONG.getAcquire(memory, putAt);
        if (put < lastPut || put - taken > size) {
            throw new ProtocolException("the write counter of " + name + " is " + put + ", after " + lastPut + " with "
                    + taken + " bytes read: out of range");
        }
        lastPut = put;
        return (int) (put - taken);
    }

    /**
     * Reads what is there, at most {@code length} bytes.
     *
     * @return bytes read, 0 if none are there
     */
    public int read(byte[] target, int offset, int length) {
        int n = Math.min(length, available());
        int done = 0;
        while (done < n) {
            int at = (int) (taken % size);
            int part = Math.min(n - done, size - at);
            memory.get(base + at, target, offset + done, part);
            taken += part;
            done += part;
        }
        if (n > 0) {
            LONG.setRelease(memory, takenAt, taken);
        }
        return n;
    }
}
