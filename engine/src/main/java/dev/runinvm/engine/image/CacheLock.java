package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A lock between processes, and between the threads and class loaders of one. The operating system frees it when its
 * holder dies. The file tells who holds it; it is never removed, since whoever waits has it open.
 */
final class CacheLock implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(CacheLock.class);
    private static final long POLL_MILLIS = 50;

    private final FileChannel channel;
    private final FileLock lock;

    private CacheLock(FileChannel channel, FileLock lock) {
        this.channel = channel;
        this.lock = lock;
    }

    static CacheLock acquire(Path file, String what, Duration deadline) {
        long end = System.nanoTime() + deadline.toNanos();
        boolean told = false;
        FileChannel channel = null;
        try {
            channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            while (true) {
                FileLock lock = tryLock(channel);
                if (lock != null) {
                    writeHolder(channel, what);
                    return new CacheLock(channel, lock);
                }
                if (System.nanoTime() - end >= 0) {
                    throw new HostLacks("waited " + deadline.toSeconds() + " s for the lock " + file + ", held by "
                            + holder(file) + "; if that process hangs, end it and try again");
                }
                if (!told) {
                    LOG.info("waiting for {}, held by {}", what, holder(file));
                    told = true;
                }
                Thread.sleep(POLL_MILLIS);
            }
        } catch (IOException e) {
            close(channel);
            throw new HostLacks("cannot lock " + file + ": " + Cache.reason(e), e);
        } catch (InterruptedException e) {
            close(channel);
            Thread.currentThread().interrupt();
            throw new HostLacks("interrupted while waiting for the lock " + file + ", held by " + holder(file), e);
        } catch (RuntimeException | Error e) {
            close(channel);
            throw e;
        }
    }

    private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null; // another thread of this process has it
        }
    }

    private static void writeHolder(FileChannel channel, String what) throws IOException {
        String text = "process " + ProcessHandle.current().pid() + " (" + what + ", since "
                + Instant.now().truncatedTo(ChronoUnit.SECONDS) + ")\n";
        channel.truncate(0);
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        try {
            channel.write(bytes, 0);
        } catch (IOException e) {
            LOG.debug("cannot note the lock's holder", e); // a full disk must not hinder whoever frees it
        }
    }

    private static String holder(Path file) {
        try {
            String text = Files.readString(file).trim();
            return text.isEmpty() ? "a process that just started" : text;
        } catch (IOException e) {
            return "an unknown process";
        }
    }

    private static void close(@Nullable FileChannel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                LOG.debug("closing a lock file", e);
            }
        }
    }

    @Override
    public void close() {
        try {
            lock.release();
        } catch (IOException e) {
            LOG.debug("releasing a lock", e); // closing the channel releases it too
        }
        close(channel);
    }
}
