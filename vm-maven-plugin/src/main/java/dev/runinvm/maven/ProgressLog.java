package dev.runinvm.maven;

import dev.runinvm.engine.image.Progress;
import java.util.function.Consumer;

/** Turns progress into log lines: one when a phase begins, then one every quarter of it. */
final class ProgressLog implements Progress {
    private final Consumer<String> log;
    private String phase = "";
    private long quarter;

    ProgressLog(Consumer<String> log) {
        this.log = log;
    }

    @Override
    public void at(String nowAt, long done, long total) {
        long reached = total > 0 ? Math.min(4, done * 4 / total) : 0;
        if (!nowAt.equals(phase)) {
            phase = nowAt;
            quarter = 0;
            log.accept(nowAt);
        }
        if (reached > quarter) {
            quarter = reached;
            log.accept(nowAt + ": " + 25 * reached + " %");
        }
    }
}
