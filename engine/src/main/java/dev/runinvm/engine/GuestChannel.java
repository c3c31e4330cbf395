package dev.runinvm.engine;

import dev.runinvm.wire.OutOfBand;
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

    /**
     * Messages beside the agent's, to and from another program of the guest; they are moved in shared memory, whatever the
     * agent does. Thread-safe; whoever looks after the guest's end hears of it by {@link GuestFailure}.
     */
    default OutOfBand outOfBand() {
        throw new EngineBug("this channel has no out-of-band messages");
    }
}
