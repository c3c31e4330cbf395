package dev.runinvm.wire;

import org.jspecify.annotations.Nullable;

/**
 * Messages beside the agent's: for a program of the guest's own, which works while the agent's JVM stands still. Whole, in
 * order, both ways. Nobody rings for them and nobody waits: both sides look now and then.
 */
public interface OutOfBand {
    /** Most bytes of a message. */
    int MAX_MESSAGE = 16 << 10;

    /**
     * The next message from the other side, or null if none is there.
     *
     * @throws ProtocolException if what is there is none
     */
    byte @Nullable [] poll();

    /**
     * Puts a message of 1 to {@link #MAX_MESSAGE} bytes where the other side finds it.
     *
     * @return false if there is no room for it now
     * @throws ProtocolException if the other side's counter makes no sense
     */
    boolean offer(byte[] message);
}
