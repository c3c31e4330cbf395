package dev.runinvm.engine.machine;

/** The host's side of the channel, as the doorbell registers call it. vCPU's thread only. */
public interface DoorbellHandler {
    /** The guest has put bytes into its ring; take them out. */
    void flush();

    /**
     * As {@link #flush}, then blocks until there is something for the guest in the window or the time is over.
     *
     * @param millis the most to wait, at least 0
     */
    void await(long millis);

    /** The agent ends in order; nothing more follows. */
    void goodbye();
}
