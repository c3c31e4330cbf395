package dev.runinvm.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Watches how much memory a process and its descendants hold: the sum of their anonymous memory (RssAnon) and the
 * largest share of one in shared memory (RssShmem), for a guest's RAM is a shared file that all processes of its machine
 * map. Programs and libraries, which the page cache has anyway, do not count.
 */
final class MemorySampler implements AutoCloseable {
    private static final long PERIOD_MILLIS = 100;

    private final ProcessHandle root;
    private final Thread thread;
    private volatile Run.Held peak = new Run.Held(0, 0);

    MemorySampler(ProcessHandle root) {
        this.root = root;
        this.thread = new Thread(this::watch, "bench-memory");
        thread.setDaemon(true);
        thread.start();
    }

    /** The most seen so far. */
    Run.Held peak() {
        return peak;
    }

    private void watch() {
        try {
            while (root.isAlive()) {
                peak = peak.max(now(root));
                Thread.sleep(PERIOD_MILLIS); // a sampling period, nothing is waited for
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // close() was called
        }
    }

    /** What a process and its descendants hold at this moment. */
    static Run.Held now(ProcessHandle root) {
        long anonymous = 0;
        long shared = 0;
        for (ProcessHandle process :
                Stream.concat(Stream.of(root), root.descendants()).toList()) {
            try {
                for (String line : Files.readAllLines(Path.of("/proc/" + process.pid() + "/status"))) {
                    if (line.startsWith("RssAnon:")) {
                        anonymous += bytes(line);
                    } else if (line.startsWith("RssShmem:")) {
                        shared = Math.max(shared, bytes(line));
                    }
                }
            } catch (IOException e) {
                continue; // it ended while we looked, and holds nothing any more
            }
        }
        return new Run.Held(anonymous, shared);
    }

    private static long bytes(String line) {
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
