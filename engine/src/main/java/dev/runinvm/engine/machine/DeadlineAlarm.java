package dev.runinvm.engine.machine;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Interrupts a busy vCPU when a device's time has come, from a thread of its own. It costs the vCPU a field's write to
 * arm, and a wake-up only when the new deadline is nearer than the one the thread sleeps for.
 */
public final class DeadlineAlarm implements AutoCloseable {
    private static final long LONGEST_SLEEP = 1_000_000_000L;

    private final TimeSource time;
    private final Runnable action;
    private final AtomicLong deadline = new AtomicLong(TimedDevice.NEVER);
    private final Thread thread;
    private volatile long sleepingUntil = TimedDevice.NEVER;
    private volatile boolean closed;

    /**
     * Starts the thread.
     *
     * @param time read on the alarm's thread too
     * @param action called on the alarm's thread once for every deadline that passed; must be quick
     */
    public DeadlineAlarm(TimeSource time, Runnable action) {
        this.time = time;
        this.action = action;
        this.thread = new Thread(this::run, "vm-alarm");
        thread.setDaemon(true);
        thread.start();
    }

    /** Replaces the deadline, {@link TimeSource#nanos()} or {@link TimedDevice#NEVER}. Any thread. */
    public void arm(long deadlineNanos) {
        deadline.set(deadlineNanos);
        if (deadlineNanos < sleepingUntil) {
            LockSupport.unpark(thread);
        }
    }

    private void run() {
        while (!closed) {
            long next = deadline.get();
            long now = time.nanos();
            if (next <= now) {
                // Armed anew meanwhile: that deadline is for the next round.
                if (deadline.compareAndSet(next, TimedDevice.NEVER)) {
                    action.run();
                }
                continue;
            }
            sleepingUntil = next;
            if (deadline.get() >= next) {
                LockSupport.parkNanos(this, Math.min(next - now, LONGEST_SLEEP));
            }
            sleepingUntil = TimedDevice.NEVER;
        }
    }

    /** Ends the thread; nothing is called any more once this has returned, but for a call already under way. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
