package dev.runinvm.engine.image;

/** Reports progress in bytes, some times a second. */
final class Steps {
    private static final long INTERVAL_NANOS = 200_000_000;

    private final String phase;
    private final long total;
    private final Progress progress;
    private long done;
    private long toldAt = System.nanoTime();

    Steps(String phase, long total, Progress progress) {
        this.phase = phase;
        this.total = total;
        this.progress = progress;
        progress.at(phase, 0, total);
    }

    void add(long bytes) {
        done += bytes;
        if (System.nanoTime() - toldAt > INTERVAL_NANOS) {
            toldAt = System.nanoTime();
            progress.at(phase, done, total);
        }
    }

    void end() {
        progress.at(phase, total, total);
    }
}
