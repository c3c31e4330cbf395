package dev.runinvm.engine.hw;

import java.util.concurrent.TimeUnit;

/** Where processors wait, out of the guest, while somebody works on the machine. For one meeting. */
final class Rendezvous {
    private final int expected;
    private int arrived;
    private boolean over;

    Rendezvous(int expected) {
        this.expected = expected;
    }

    /** Waits until it is {@link #end over}. On a processor's thread. */
    synchronized void arrive() {
        arrived++;
        notifyAll();
        boolean interrupted = false;
        while (!over) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true; // whoever called the meeting ends it
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Waits until all are there. @return whether they came in time */
    synchronized boolean awaitAll(long deadline) throws InterruptedException {
        while (arrived < expected && !over) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            TimeUnit.NANOSECONDS.timedWait(this, Math.max(1_000_000, left));
        }
        return arrived >= expected;
    }

    /** Lets everybody go, and who comes later go on at once. */
    synchronized void end() {
        over = true;
        notifyAll();
    }
}
