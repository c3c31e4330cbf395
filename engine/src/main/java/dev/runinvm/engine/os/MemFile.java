package dev.runinvm.engine.os;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An anonymous file in memory (memfd_create(2)), sealed at its final size so that no holder of the descriptor can
 * make another's mapping fault. Owns its descriptor.
 */
public final class MemFile implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(MemFile.class);

    // statx(2): struct statx, its stx_blocks
    private static final int STATX_SIZE = 256;
    private static final int STX_BLOCKS = 48;
    private static final int STATX_BLOCKS = 0x400;
    private static final int AT_EMPTY_PATH = 0x1000;

    private final int fd;
    private final long size;
    private final boolean writable;
    private boolean closed;
    private long touchedAtClose;

    private MemFile(int fd, long size, boolean writable) {
        this.fd = fd;
        this.size = size;
        this.writable = writable;
    }

    /**
     * Creates a zero-filled file.
     *
     * @param name shown in /proc/PID/maps, for people
     * @param size bytes, a multiple of the page size
     * @throws HostLacks if the kernel has no memfd or the process may not have another descriptor
     */
    public static MemFile create(String name, long size) {
        int fd = -1;
        try {
            fd = LibC.memfd_create(name, LibC.MFD_CLOEXEC | LibC.MFD_ALLOW_SEALING);
            LibC.ftruncate(fd, size);
            LibC.fcntl(fd, LibC.F_ADD_SEALS, LibC.F_SEAL_SHRINK | LibC.F_SEAL_GROW | LibC.F_SEAL_SEAL);
            return new MemFile(fd, size, true);
        } catch (LastErrorException e) {
            if (fd >= 0) {
                LibC.close(fd);
            }
            throw new HostLacks(
                    "cannot make an anonymous memory file of " + size + " bytes (memfd_create): " + e.getMessage(), e);
        }
    }

    /**
     * Creates an executable file with fixed content, sealed against writing.
     *
     * @param name shown in /proc/PID/maps, for people
     * @throws HostLacks as {@link #create}
     */
    public static MemFile executable(String name, byte[] content) {
        int flags = LibC.MFD_CLOEXEC | LibC.MFD_ALLOW_SEALING;
        int fd = -1;
        try (Memory memory = new Memory(content.length)) {
            memory.write(0, content, 0, content.length);
            try {
                fd = LibC.memfd_create(name, flags | LibC.MFD_EXEC);
            } catch (LastErrorException e) {
                fd = LibC.memfd_create(name, flags); // before Linux 6.3 there is no MFD_EXEC, and no need for it
            }
            long written = LibC.write(fd, Pointer.nativeValue(memory), content.length);
            if (written != content.length) {
                throw new HostLacks("no memory for a file of " + content.length + " bytes: " + written + " written");
            }
            LibC.fcntl(
                    fd, LibC.F_ADD_SEALS, LibC.F_SEAL_SHRINK | LibC.F_SEAL_GROW | LibC.F_SEAL_WRITE | LibC.F_SEAL_SEAL);
            return new MemFile(fd, content.length, false);
        } catch (LastErrorException e) {
            if (fd >= 0) {
                LibC.close(fd);
            }
            throw new HostLacks("cannot make an executable memory file (memfd_create): " + e.getMessage(), e);
        }
    }

    /** The descriptor; valid until {@link #close()}. */
    public int fd() {
        return fd;
    }

    /** Bytes. */
    public long size() {
        return size;
    }

    /**
     * Bytes that take memory, pages ever written or read through a mapping; after {@link #close()}, those at that time.
     *
     * @throws HostLacks if the kernel will not say (before Linux 4.11)
     */
    public synchronized long touchedBytes() {
        if (closed) {
            return touchedAtClose;
        }
        try (Memory path = new Memory(1);
                Memory answer = new Memory(STATX_SIZE)) {
            path.setByte(0, (byte) 0);
            LibC.syscall(
                    LibC.SYS_STATX,
                    fd,
                    Pointer.nativeValue(path),
                    AT_EMPTY_PATH,
                    STATX_BLOCKS,
                    Pointer.nativeValue(answer),
                    0);
            return answer.getLong(STX_BLOCKS) * 512;
        } catch (LastErrorException e) {
            throw new HostLacks("cannot ask for the size of a memory file (statx): " + e.getMessage(), e);
        }
    }

    /**
     * Maps a part, shared and writable, little-endian. The mapping outlives {@link #close()} until it is collected; its
     * pages are zero from then on.
     */
    public ByteBuffer map(long offset, int length) {
        try (FileChannel channel = channel()) {
            return channel.map(FileChannel.MapMode.READ_WRITE, offset, length).order(ByteOrder.LITTLE_ENDIAN);
        } catch (IOException e) {
            throw new HostLacks("cannot map " + length + " bytes of guest memory: " + e.getMessage(), e);
        }
    }

    /**
     * A channel of its own to the file, for whoever fills much of it: the kernel copies in whole pages, where a mapping
     * takes a page fault for each of them. To be closed by the caller.
     */
    public FileChannel channel() throws IOException {
        return FileChannel.open(Path.of("/proc/self/fd/" + fd), StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    /**
     * Where the next piece starts that has memory of its own, at or behind an offset; what is between is zero and was never
     * touched.
     *
     * @return the offset, or {@link #size()} if there is none
     */
    public long nextData(long offset) {
        return seek(offset, LibC.SEEK_DATA);
    }

    /** Where the next hole starts, at or behind an offset; {@link #size()} if there is none. */
    public long nextHole(long offset) {
        return seek(offset, LibC.SEEK_HOLE);
    }

    private long seek(long offset, int whence) {
        try {
            return offset >= size ? size : Math.min(size, LibC.lseek(fd, offset, whence));
        } catch (LastErrorException e) {
            if (e.getErrorCode() == LibC.ENXIO) {
                return size;
            }
            throw new HostLacks("cannot look for holes in a memory file (lseek): " + e.getMessage(), e);
        }
    }

    /** Gives the memory back at once: the mappings alone would keep it until the collector comes to them. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        try {
            if (writable) {
                touchedAtClose = touchedBytes();
                LibC.fallocate(fd, LibC.FALLOC_FL_PUNCH_HOLE | LibC.FALLOC_FL_KEEP_SIZE, 0, size);
            }
        } catch (LastErrorException | HostLacks e) {
            LOG.warn("the memory of a guest that has ended stays in use until this JVM ends: {}", e.getMessage());
        } finally {
            closed = true;
            LibC.close(fd);
        }
    }
}
