package dev.runinvm.engine.direct;

import dev.runinvm.engine.os.Host;

/**
 * Layout of the memory a stub process shares with us, which is also its signal stack. The stub's code page is
 * followed by these pages. Guest code can write here while it runs, so everything read from here is untrusted.
 */
final class ControlPage {
    /** Bytes of the stub's code in front of the control pages. */
    static final int CODE_SIZE = 4096;

    // Stub to us
    static final int STATUS = 0x00;
    static final int SIGNAL = 0x08;
    static final int FRAME = 0x10;
    static final int FS_BASE = 0x18;
    static final int GS_BASE = 0x20;
    static final int TSC = 0x28;
    static final int FAILED_RESULT = 0x30;
    static final int FAILED_LEFT = 0x38;
    /** Number of the start-up step under way, and what a failed one answered. */
    static final int STEP = 0x40;

    static final int STEP_RESULT = 0x48;
    static final int CPUID_RESULT = 0x50;

    static final int STATUS_TRAP = 1;
    static final int STATUS_BATCH_DONE = 2;
    static final int STATUS_BATCH_FAILED = 3;

    // Us to the stub
    static final int PARENT = 0x80;
    static final int ONE = 0x88;
    static final int RECEIVED = 0x90;
    /** Zero except while the stub works on a batch: the proof, checked by the filter, that a call is ours. */
    static final int COOKIE_FLAGS = 0x98;

    static final int COOKIE_FD = 0xa0;
    static final int RESUME_FRAME = 0xa8;
    static final int OPERATIONS = 0xb0;
    /** Non-zero: set the FS (GS) base before going on. */
    static final int SET_FS = 0xb8;

    static final int SET_GS = 0xc0;
    static final int NEW_FS = 0xc8;
    static final int NEW_GS = 0xd0;
    /** Non-zero: report after the batch instead of returning to guest code. */
    static final int STAY = 0xd8;

    // Start-up structures
    static final int SIGACTION = 0x100;
    static final int SIGSTACK = 0x140;
    static final int SIGMASK = 0x160;
    static final int RLIMIT = 0x170;
    static final int FILTER_HEADER = 0x180;
    static final int FILTER = 0x200;

    /** One operation: number, six arguments, one unused. */
    static final int BATCH = 0x1000;

    static final int OPERATION_SIZE = 64;
    static final int MAX_OPERATIONS = 192;
    /** Start of the signal stack. */
    static final int STACK = BATCH + MAX_OPERATIONS * OPERATION_SIZE;

    /** Bytes of the signal stack: what the kernel says it needs, room for what it may not count, and for our code. */
    static final int STACK_SIZE = (Math.max(Host.minSignalStack(), 4096) + 8192 + 4095) & -4096;

    /** Bytes of all control pages. */
    static final int SIZE = STACK + STACK_SIZE;

    private ControlPage() {}
}
