package dev.runinvm.agent;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What files may take of the guest's memory, and words for when that is not enough. */
final class Room {
    /** Smaller files find room, or the file system says that they do not. */
    private static final long SMALL = 4L << 20;
    /** What tests need besides, at the very least. */
    private static final long KEPT_FREE = 32L << 20;

    private static final Path MEMINFO = Path.of("/proc/meminfo");

    private Room() {}

    /**
     * Fails if a file does not fit beside what the guest does. File systems in memory let half of it be taken, each; who takes
     * all of it has the kernel end the JVM.
     */
    static void require(String name, long size) throws IOException {
        if (size < SMALL) {
            return;
        }
        long available = memory("MemAvailable:");
        if (available - KEPT_FREE < size) {
            throw new IOException(text(name, size) + ": " + (available >> 20) + " MiB of its "
                    + (memory("MemTotal:") >> 20) + " MiB are free; " + advice());
        }
    }

    /** The failure to write a file, said so that it is clear what to do if there was no room for it. */
    static IOException explain(String name, long size, IOException e) {
        return String.valueOf(e.getMessage()).contains("No space left")
                ? new IOException(
                        text(name, size) + ": files may take half of its memory of " + (total() >> 20) + " MiB; "
                                + advice(),
                        e)
                : e;
    }

    private static String text(String name, long size) {
        return "the guest has no room for " + name + " of " + (size + (1 << 20) - 1 >> 20) + " MiB";
    }

    private static String advice() {
        return "give it more memory (runinvm.memory, vm.memory), or fewer files";
    }

    private static long total() {
        try {
            return memory("MemTotal:");
        } catch (IOException e) {
            return 0;
        }
    }

    /** Bytes that a line of /proc/meminfo tells of; no limit where there is none. */
    private static long memory(String field) throws IOException {
        for (String line : Files.readAllLines(MEMINFO)) {
            if (line.startsWith(field)) {
                return Long.parseLong(
                                line.substring(field.length()).replace("kB", "").trim())
                        << 10;
            }
        }
        return Long.MAX_VALUE;
    }
}
