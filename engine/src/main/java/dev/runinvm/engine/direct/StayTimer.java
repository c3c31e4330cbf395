package dev.runinvm.engine.direct;

import java.util.concurrent.locks.LockSupport;

/**
 * Preempts guest code when its time is up, and has its process killed if that does not answer. Arming costs no system call unless the new deadline is earlier than what
 * the timer's thread sleeps for: it wakes at the earliest deadline it knew of, and then looks again.
 */
final class StayTimer implements AutoCloseable {
    private static final long NEVER = Long.MAX_VALUE / 2;

    /** How long a process may take to answer a preemption: far more than a busy host's scheduler needs. */
    private static final long GRACE = 4_000_000_000L;
    /** The longest stay; a process that guest code has broken is found after this and {@link #GRACE}. */
    private static final long LONGEST = 1_000_000_000L;

    private final Runnable preempt;
    private final Runnable kill;
    private final Thread thread;
    private final long origin = System.nanoTime();
    private volatile long deadline = NEVER;
    /** What the thread sleeps until. */
    private volatile long wakesAt = NEVER;

    private volatile boolean closed;
    /** Whether the deadline is that of an answer to a preemption. */
    private boolean asked;

    /**
     * Starts the thread.
     *
     * @param preempt asks guest code to stop
     * @param kill ends its process; only called between {@link #start} and {@link #stop}
     */
    StayTimer(Runnable preempt, Runnable kill) {
        this.preempt = preempt;
        this.kill = kill;
        this.thread = new Thread(this::loop, "vm-stay-timer");
        thread.setDaemon(true);
        // Not from the virtual CPU's thread: the new thread would stay on the one CPU that thread is kept on.
        thread.start();
    }

    /** Starts to count for the owner, who is about to enter guest code. */
    void start(long nanos) {
        long at = now() + Math.min(nanos, LONGEST);
        synchronized (this) {
            asked = false;
            deadline = at;
        }
        if (at < wakesAt) {
            LockSupport.unpark(thread);
        }
    }

    /** Guest code has been left. */
    synchronized void stop() {
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
                expire(d, now);
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

    /** Under the lock, so that what is preempted or killed is the stay whose time is up. */
    private synchronized void expire(long due, long now) {
        if (deadline != due) {
            return;
        }
        if (asked) {
            deadline = NEVER;
            kill.run();
        } else {
            asked = true;
            deadline = now + GRACE;
            preempt.run();
        }
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
