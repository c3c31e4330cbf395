package dev.runinvm.engine.para;

/** A hypercall refuses; its result is the negated number (xen/include/public/errno.h). Control flow: no stack trace. */
final class XenError extends RuntimeException {
    private static final long serialVersionUID = 1L;

    static final int EPERM = 1;
    static final int ENOENT = 2;
    static final int EFAULT = 14;
    static final int EBUSY = 16;
    static final int EINVAL = 22;
    static final int ENOSPC = 28;
    static final int ENOSYS = 38;
    static final int ENODATA = 61;
    static final int EOPNOTSUPP = 95;

    /** The number, positive. */
    final int number;

    XenError(int number) {
        super("Xen error " + number, null, false, false);
        this.number = number;
    }

    static XenError invalid() {
        return new XenError(EINVAL);
    }

    static XenError notImplemented() {
        return new XenError(ENOSYS);
    }
}
