package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.channel.WindowChannel;
import java.time.Duration;
import java.util.function.LongSupplier;

/** A guest that can be made to stand still. */
public interface Standstill {
    /**
     * Has something done while the guest stands still, between two instructions; it goes on afterwards.
     *
     * @param idleOnly only while the guest has nothing to do
     * @return false if that did not come about within the time
     */
    boolean atRest(Runnable action, boolean idleOnly, Duration patience) throws InterruptedException;

    /**
     * Writes a guest down at a moment at which no message is on its way.
     *
     * @param write writes it down, and tells the bytes that took
     * @return these
     * @throws GuestFailure if there is no such moment within the time
     */
    default long write(WindowChannel channel, boolean idleOnly, Duration patience, LongSupplier write)
            throws InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        long[] written = new long[1];
        boolean[] tried = new boolean[1];
        while (written[0] == 0) {
            channel.interruptWait();
            Duration left = Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
            boolean done = atRest(
                    () -> {
                        tried[0] = true;
                        if (channel.atRest()) {
                            written[0] = write.getAsLong();
                        }
                    },
                    idleOnly,
                    left);
            if (!done || written[0] == 0 && left.isZero()) {
                throw new GuestFailure("no snapshot could be taken within " + patience.toSeconds() + " s: "
                        + (tried[0] ? "messages were on their way all the time" : "the guest was never idle"));
            }
        }
        return written[0];
    }
}
