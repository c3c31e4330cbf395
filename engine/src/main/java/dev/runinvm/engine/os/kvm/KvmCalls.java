package dev.runinvm.engine.os.kvm;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Direct bindings to the C library for this package: by JNA's proxies an exit costs five times as much. */
final class KvmCalls {
    static final int EINTR = 4;
    static final int EAGAIN = 11;
    static final int ESRCH = 3;
    static final int E2BIG = 7;

    static final int SYS_RT_SIGPROCMASK = 14;
    static final int SYS_GETTID = 186;
    static final int SYS_TGKILL = 234;
    static final int SYS_RT_SIGTIMEDWAIT = 128;
    static final int SIG_BLOCK = 0;

    private static final int O_RDWR_CLOEXEC = 0x80002;
    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_SHARED_NORESERVE = 0x4001;
    private static final int MAP_PRIVATE_FIXED_NORESERVE = 0x4012;

    static {
        Native.register(KvmCalls.class, "c");
    }

    private KvmCalls() {}

    static native int open(String path, int flags) throws LastErrorException;

    static native int close(int fd) throws LastErrorException;

    /** Variadic in C, which makes no difference for an integer on x86-64. */
    static native int ioctl(int fd, long request, long argument) throws LastErrorException;

    static native long mmap(long address, long length, int protection, int flags, int fd, long offset)
            throws LastErrorException;

    static native int munmap(long address, long length) throws LastErrorException;

    static native int getpid();

    /** Any system call; unused arguments are 0. */
    static native long syscall(long number, long a, long b, long c, long d) throws LastErrorException;

    /** Opens for reading and writing. */
    static int open(String path) {
        try {
            return open(path, O_RDWR_CLOEXEC);
        } catch (LastErrorException e) {
            throw new KvmException("open " + path, e);
        }
    }

    /** Does an ioctl whose argument is a number. */
    static int ioctl(String name, int fd, long request, long argument) {
        try {
            return ioctl(fd, request, argument);
        } catch (LastErrorException e) {
            throw new KvmException(name, e);
        }
    }

    /** Does an ioctl whose argument is a structure. */
    static int ioctl(String name, int fd, long request, Memory argument) {
        return ioctl(name, fd, request, Pointer.nativeValue(argument));
    }

    /** Maps a part of a file, shared, readable and writable. */
    static long map(String what, int fd, long offset, long length) {
        try {
            return mmap(0, length, PROT_READ_WRITE, MAP_SHARED_NORESERVE, fd, offset);
        } catch (LastErrorException e) {
            throw new KvmException("mmap of " + what, e);
        }
    }

    /** Maps a part of a file over what is at an address: readable and writable, what is written stays in this mapping. */
    static void mapPrivate(String what, long address, int fd, long offset, long length) {
        try {
            mmap(address, length, PROT_READ_WRITE, MAP_PRIVATE_FIXED_NORESERVE, fd, offset);
        } catch (LastErrorException e) {
            throw new KvmException("mmap of " + what, e);
        }
    }

    /** The bytes at an address; to be dropped before they are unmapped. */
    static ByteBuffer buffer(long address, int length) {
        return new Pointer(address).getByteBuffer(0, length).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Zeroed memory for a structure. */
    static Memory zeroed(long size) {
        Memory memory = new Memory(size);
        memory.clear();
        return memory;
    }
}
