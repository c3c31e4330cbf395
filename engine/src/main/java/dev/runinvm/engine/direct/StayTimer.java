package dev.runinvm.engine.direct;

import java.util.concurrent.locks.LockSupport;

/**
 * Preempts guest code when its time is up. Arming costs no system call unless the new deadline is earlier than what
 * the timer's thread sleeps for: it wakes at the earliest deadline it knew of, and then looks again.
 */
final class StayTimer implements AutoCloseable {
    private static final long NEVER = Long.MAX_VALUE / 2;

    private final Runnable preempt;
    private final Thread thread;
    private final long origin = System.nanoTime();
    private volatile long deadline = NEVER;
    /** What the thread sleeps until. */
    private volatile long wakesAt = NEVER;

    private volatile boolean closed;
    private boolean started;

    StayTimer(Runnable preempt) {
        this.preempt = preempt;
        this.thread = new Thread(this::loop, "vm-stay-timer");
        thread.setDaemon(true);
    }

    /** Starts to count for the owner, who is about to enter guest code. */
    void start(long nanos) {
        long at = nanos >= NEVER / 4 ? NEVER : now() + nanos;
        deadline = at;
        if (at < wakesAt) {
            if (!started) {
                started = true;
                thread.start();
            }
            LockSupport.unpark(thread);
        }
    }

    /** Guest code has been left. */
    void stop() {
        deadline = NEVER;
    }

    private long now() {
        return System.nanoTime() - origin;
    }

    private void loop() {
        while (!closed) {
            long d = deadline;
            long now = now();
            if (d <= now) {
                deadline = NEVER;
                preempt.run();
                continue;
            }
            wakesAt = d;
            if (deadline >= d) { // else it has become earlier since
                if (d == NEVER) {
                    LockSupport.park(this);
                } else {
                    LockSupport.parkNanos(this, d - now);
                }
            }
            wakesAt = Long.MIN_VALUE; // awake: no need to be unparked
        }
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
