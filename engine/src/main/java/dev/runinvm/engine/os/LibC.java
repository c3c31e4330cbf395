package dev.runinvm.engine.os;

import com.sun.jna.LastErrorException;
import com.sun.jna.Native;

/**
 * Direct bindings to the C library, one method a call; each throws {@link LastErrorException} with errno on failure.
 * Addresses travel as {@code long}.
 */
final class LibC {
    static final int MFD_CLOEXEC = 1;
    static final int MFD_ALLOW_SEALING = 2;
    static final int MFD_EXEC = 0x10;
    static final int F_DUPFD_CLOEXEC = 1030;
    static final int F_ADD_SEALS = 1033;
    static final int F_SEAL_SEAL = 1;
    static final int F_SEAL_SHRINK = 2;
    static final int F_SEAL_GROW = 4;
    static final int F_SEAL_WRITE = 8;

    static final int O_CLOEXEC = 0x80000;
    static final int SEEK_DATA = 3;
    static final int SEEK_HOLE = 4;
    static final int ENXIO = 6;

    static final int FALLOC_FL_KEEP_SIZE = 1;
    static final int FALLOC_FL_PUNCH_HOLE = 2;

    static final int EINTR = 4;

    static final short POLLIN = 1;

    static final int EFD_CLOEXEC = 0x80000;

    static final int SYS_SECCOMP = 317;
    static final int SYS_SCHED_SETAFFINITY = 203;
    static final int SYS_SCHED_GETAFFINITY = 204;
    static final int SYS_PIDFD_SEND_SIGNAL = 424;
    static final int SYS_PIDFD_OPEN = 434;
    static final int SYS_MMAP = 9;
    static final int SYS_MPROTECT = 10;
    static final int SYS_MUNMAP = 11;
    static final int SYS_PERF_EVENT_OPEN = 298;
    static final int SYS_STATX = 332;

    static {
        Native.register(LibC.class, "c");
    }

    private LibC() {}

    static native int memfd_create(String name, int flags) throws LastErrorException;

    static native int open(String path, int flags, int mode) throws LastErrorException;

    static native long lseek(int fd, long offset, int whence) throws LastErrorException;

    static native int ftruncate(int fd, long length) throws LastErrorException;

    static native int fallocate(int fd, int mode, long offset, long length) throws LastErrorException;

    static native int fcntl(int fd, int command, long argument) throws LastErrorException;

    static native int close(int fd) throws LastErrorException;

    static native long read(int fd, long buffer, long count) throws LastErrorException;

    static native long write(int fd, long buffer, long count) throws LastErrorException;

    static native int eventfd(int initial, int flags) throws LastErrorException;

    /** One entry a poll: int fd, short events, short revents. */
    static native int poll(long entries, long count, int timeoutMillis) throws LastErrorException;

    static native int getpid();

    static native long getauxval(long type);

    static native long sysconf(int name) throws LastErrorException;

    static native int sched_getcpu() throws LastErrorException;

    static native int waitpid(int pid, long status, int options) throws LastErrorException;

    /** Any system call; unused arguments are 0. */
    static native long syscall(long number, long a, long b, long c, long d, long e, long f) throws LastErrorException;

    /** Answers an errno instead of setting it, as do the other posix_spawn calls. */
    static native int posix_spawn(long pid, String path, long fileActions, long attributes, long argv, long envp);

    static native int posix_spawn_file_actions_init(long actions);

    static native int posix_spawn_file_actions_adddup2(long actions, int from, int to);

    static native int posix_spawn_file_actions_destroy(long actions);
}
