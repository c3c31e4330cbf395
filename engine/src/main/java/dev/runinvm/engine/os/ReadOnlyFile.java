package dev.runinvm.engine.os;

import com.sun.jna.LastErrorException;
import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** An ordinary file, open for reading, whose pages are mapped from the host's page cache. Owns its descriptor. */
public final class ReadOnlyFile implements AutoCloseable {
    private final Path path;
    private final int fd;
    private final long size;
    private boolean closed;

    private ReadOnlyFile(Path path, int fd, long size) {
        this.path = path;
        this.fd = fd;
        this.size = size;
    }

    /**
     * Opens a file.
     *
     * @throws HostLacks if it cannot be read
     */
    public static ReadOnlyFile open(Path path) {
        int fd;
        try {
            fd = LibC.open(path.toString(), LibC.O_CLOEXEC, 0);
        } catch (LastErrorException e) {
            throw new HostLacks("cannot open " + path + ": " + e.getMessage(), e);
        }
        try {
            return new ReadOnlyFile(
                    path, fd, Path.of("/proc/self/fd/" + fd).toFile().length());
        } catch (RuntimeException e) {
            LibC.close(fd);
            throw e;
        }
    }

    /** The descriptor; valid until {@link #close()}. */
    public int fd() {
        return fd;
    }

    /** Bytes it had when it was opened. */
    public long size() {
        return size;
    }

    /** Maps a part, read-only, little-endian. The mapping outlives {@link #close()}. */
    public ByteBuffer map(long offset, int length) {
        try (FileChannel channel = channel()) {
            return channel.map(FileChannel.MapMode.READ_ONLY, offset, length).order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw new HostLacks("cannot map " + length + " bytes of " + path + ": " + e.getMessage(), e);
        }
    }

    /**
     * A channel of its own, for whoever reads pages from all over it once: through a mapping each would take a page fault. To
     * be closed by the caller.
     */
    public FileChannel channel() throws IOException {
        return FileChannel.open(Path.of("/proc/self/fd/" + fd), StandardOpenOption.READ);
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            LibC.close(fd);
        }
    }
}
