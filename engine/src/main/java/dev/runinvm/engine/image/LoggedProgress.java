package dev.runinvm.engine.image;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs, at info, each phase that takes long enough to be waited for, and how far it is, every few seconds. */
public final class LoggedProgress implements Progress {
    private static final Logger LOG = LoggerFactory.getLogger("vm.prepare");
    private static final long EVERY_NANOS = 5_000_000_000L;

    private static final long QUICK_NANOS = 300_000_000L;

    private String phase = "";
    private long started;
    private long logged;

    /** With nothing said yet. */
    public LoggedProgress() {}

    @Override
    public synchronized void at(String name, long done, long total) {
        long now = System.nanoTime();
        if (!name.equals(phase)) {
            phase = name;
            started = now;
            logged = 0;
        } else if (logged == 0 ? now - started > QUICK_NANOS : now - logged > EVERY_NANOS) {
            logged = now;
            if (total > 0) {
                LOG.info("{}: {} %", name, 100 * done / total);
            } else {
                LOG.info("{}", name);
            }
        }
    }
}
