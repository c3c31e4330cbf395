package dev.runinvm.agent;

/** Calls the host. Each returns when the host has done what it was asked. */
public interface Doorbell {
    /** The host takes all that was written. */
    void flush();

    /** As {@link #flush}; then waits until the host has written something, at most so many milliseconds. */
    void await(int millis);

    /** The last word. */
    void goodbye();
}
