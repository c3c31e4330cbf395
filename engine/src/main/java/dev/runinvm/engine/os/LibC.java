package dev.runinvm.engine.os;

import com.sun.jna.LastErrorException;
import com.sun.jna.Native;

/** Direct bindings to the C library, one method a call; each throws {@link LastErrorException} with errno on failure. */
final class LibC {
    static final int MFD_CLOEXEC = 1;
    static final int MFD_ALLOW_SEALING = 2;
    static final int F_ADD_SEALS = 1033;
    static final int F_SEAL_SEAL = 1;
    static final int F_SEAL_SHRINK = 2;
    static final int F_SEAL_GROW = 4;

    static {
        Native.register(LibC.class, "c");
    }

    private LibC() {}

    static native int memfd_create(String name, int flags) throws LastErrorException;

    static native int ftruncate(int fd, long length) throws LastErrorException;

    static native int fcntl(int fd, int command, long argument) throws LastErrorException;

    static native int close(int fd) throws LastErrorException;
}
