package dev.runinvm.engine;

import java.time.Duration;
import java.util.Optional;

/**
 * The host's end of the hypercall channel: whole messages, in order, both ways. Their meaning is the wire format's
 * business. Thread-safe.
 */
public interface GuestChannel {
    /**
     * Queues a message for the guest.
     *
     * @throws GuestFailure if the guest has ended
     */
    void send(byte[] message);

    /**
     * Takes the next message from the guest.
     *
     * @return empty if none came within the time
     * @throws GuestFailure if the guest ended, or broke the protocol, and nothing is left to take
     */
    Optional<byte[]> receive(Duration timeout) throws InterruptedException;
}
