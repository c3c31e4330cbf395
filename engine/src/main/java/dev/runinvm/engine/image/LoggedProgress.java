package dev.runinvm.engine.image;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs each phase once, at info, and how far a long one is, every few seconds. */
public final class LoggedProgress implements Progress {
    private static final Logger LOG = LoggerFactory.getLogger("vm.prepare");
    private static final long EVERY_NANOS = 5_000_000_000L;

    private String last = "";
    private long lastTime;

    /** With nothing said yet. */
    public LoggedProgress() {}

    @Override
    public synchronized void at(String phase, long done, long total) {
        long now = System.nanoTime();
        if (!phase.equals(last)) {
            LOG.info("{}", phase);
        } else if (now - lastTime > EVERY_NANOS && total > 0) {
            LOG.info("{}: {} %", phase, 100 * done / total);
        } else {
            return;
        }
        last = phase;
        lastTime = now;
    }
}
