package dev.runinvm.engine.os;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * A process we started, addressed by pidfd so that a signal can never hit another process. Its zombie is reaped by
 * the thread that started it.
 */
public final class Child implements AutoCloseable {
    public static final int SIGKILL = 9;
    /** Descriptor number of the first descriptor handed to a child. */
    public static final int FIRST_FD = 3;

    private final int pid;
    final int pidfd;
    private final Runnable onExit;
    private final CountDownLatch ended = new CountDownLatch(1);
    private boolean reaped;
    private int status;

    Child(int pid, int pidfd, Runnable onExit) {
        this.pid = pid;
        this.pidfd = pidfd;
        this.onExit = onExit;
    }

    /**
     * Starts the program in an executable memory file, with no arguments and no environment. The child's parent
     * thread lives as long as the JVM.
     *
     * @param executable a {@link MemFile}'s descriptor
     * @param descriptors become the child's {@link #FIRST_FD}, FIRST_FD+1, ...; the child is to close all others,
     *     since libraries of this JVM may have opened some without O_CLOEXEC
     * @param onExit called on the reaping thread when the process has ended, before {@link #close} returns; quick, and
     *     may not throw
     * @throws dev.runinvm.engine.HostLacks if the host can't or won't start it
     */
    public static Child spawn(int executable, int[] descriptors, Runnable onExit) {
        return Spawner.get().spawn(executable, descriptors, onExit);
    }

    public int pid() {
        return pid;
    }

    /** Sends a signal; nothing happens if the process has ended. */
    public synchronized void signal(int signal) {
        if (reaped) {
            return;
        }
        try {
            LibC.syscall(LibC.SYS_PIDFD_SEND_SIGNAL, pidfd, signal, 0, 0, 0, 0);
        } catch (LastErrorException e) {
            if (e.getErrorCode() != 3) { // ESRCH: ended, not yet reaped
                throw e;
            }
        }
    }

    /** Whether the process has ended and been reaped. */
    public synchronized boolean ended() {
        return reaped;
    }

    /** How it ended, for people; "runs" before that. */
    public synchronized String fate() {
        if (!reaped) {
            return "runs";
        }
        int signal = status & 0x7f;
        return signal == 0 ? "exit status " + (status >> 8 & 0xff) : "signal " + signal;
    }

    /** Waits for the end. Answers whether it came in time. */
    public boolean awaitEnd(long millis) throws InterruptedException {
        return ended.await(millis, TimeUnit.MILLISECONDS);
    }

    void reap() {
        synchronized (this) {
            try (Memory m = new Memory(8)) {
                m.clear();
                LibC.waitpid(pid, Pointer.nativeValue(m), 0);
                status = m.getInt(0);
            } catch (LastErrorException e) {
                // ECHILD: SIGCHLD is ignored in this JVM, so the kernel reaped it; how it ended is not known
                status = SIGKILL;
            }
            reaped = true;
            LibC.close(pidfd);
        }
        onExit.run();
        ended.countDown();
    }

    /** Kills the process and waits until it is gone. */
    @Override
    public void close() {
        signal(SIGKILL);
        try {
            if (!awaitEnd(10_000)) {
                throw new dev.runinvm.engine.EngineBug("process " + pid + " did not end within 10 s of SIGKILL");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
