package dev.runinvm.agent;

/** A thread that attends to the host while tests run. Looks into shared memory only: a look costs the guest next to nothing. */
final class Watch {
    private static final long PERIOD_MILLIS = 200;

    private final Thread thread;
    private boolean closed;

    Watch(Agent agent) {
        thread = new Thread(() -> watch(agent), "runinvm-watch");
        thread.setDaemon(true);
        thread.setContextClassLoader(null);
        thread.start();
    }

    private void watch(Agent agent) {
        while (pause()) {
            agent.attend();
        }
    }

    private synchronized boolean pause() {
        try {
            if (!closed) {
                wait(PERIOD_MILLIS);
            }
        } catch (InterruptedException e) {
            return false;
        }
        return !closed;
    }

    /** Ends it and waits for that. */
    void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
