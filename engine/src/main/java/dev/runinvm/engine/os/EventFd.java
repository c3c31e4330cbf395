package dev.runinvm.engine.os;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.HostLacks;

/**
 * A counter in the kernel that one process raises and another waits for (eventfd(2)). Unlike a futex word it can't
 * be forged by whoever shares memory with us. Owns its descriptor. One thread at a time may wait; any may signal.
 */
public final class EventFd implements AutoCloseable {
    private final int fd;
    /** Value read; value to write (always 1); a pollfd. */
    private final Memory memory = new Memory(24);

    private final long address = Pointer.nativeValue(memory);
    private boolean closed;

    private EventFd(int fd) {
        this.fd = fd;
        memory.setLong(8, 1);
        memory.setInt(16, fd);
        memory.setShort(20, LibC.POLLIN);
    }

    /**
     * Makes one with count 0.
     *
     * @throws HostLacks if the process may not have another descriptor
     */
    public static EventFd create() {
        try {
            return new EventFd(LibC.eventfd(0, LibC.EFD_CLOEXEC));
        } catch (LastErrorException e) {
            throw new HostLacks("cannot make an event descriptor (eventfd): " + e.getMessage(), e);
        }
    }

    /** The descriptor; valid until {@link #close()}. */
    public int fd() {
        return fd;
    }

    /** Adds one to the count. */
    public void signal() {
        try {
            LibC.write(fd, address + 8, 8);
        } catch (LastErrorException e) {
            throw new EngineBug("cannot signal an event descriptor: " + e.getMessage(), e);
        }
    }

    /** Waits until the count is not 0, answers it and sets it to 0. Whoever waits sees to it that somebody signals. */
    public long await() {
        while (true) {
            try {
                LibC.read(fd, address, 8);
                return memory.getLong(0);
            } catch (LastErrorException e) {
                if (e.getErrorCode() != LibC.EINTR) {
                    throw new EngineBug("cannot read an event descriptor: " + e.getMessage(), e);
                }
            }
        }
    }

    /**
     * As {@link #await()}, but not for ever.
     *
     * @return the count, or 0 if nothing came in time
     */
    public long await(int millis) {
        return awaitPending(millis) ? await() : 0;
    }

    /** Waits until {@link #await()} would answer at once. Answers whether that came about in time. */
    public boolean awaitPending(int millis) {
        long end = System.nanoTime() + millis * 1_000_000L;
        while (true) {
            int left = (int) Math.max(0, (end - System.nanoTime() + 999_999) / 1_000_000);
            try {
                return LibC.poll(address + 16, 1, left) > 0;
            } catch (LastErrorException e) {
                if (e.getErrorCode() != LibC.EINTR) {
                    throw new EngineBug("cannot poll an event descriptor: " + e.getMessage(), e);
                }
            }
        }
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            LibC.close(fd);
        }
    }
}
