package dev.runinvm.engine.os.kvm;

import com.sun.jna.LastErrorException;

/** A call to KVM that the kernel refused. */
public final class KvmException extends RuntimeException {
    public static final int ENOENT = 2;
    public static final int ENXIO = 6;
    public static final int EACCES = 13;
    public static final int EBUSY = 16;
    public static final int ENODEV = 19;
    public static final int EPERM = 1;
    public static final int ENOMEM = 12;
    public static final int EOPNOTSUPP = 95;

    private static final long serialVersionUID = 1L;

    private final int errno;

    KvmException(String call, LastErrorException e) {
        super(call + ": " + e.getMessage(), e);
        this.errno = e.getErrorCode();
    }

    /**
     * For tests and for what is no system call.
     *
     * @param message all of it
     * @param errno of the kernel
     */
    public KvmException(String message, int errno) {
        super(message);
        this.errno = errno;
    }

    /** The kernel's error number. */
    public int errno() {
        return errno;
    }
}
