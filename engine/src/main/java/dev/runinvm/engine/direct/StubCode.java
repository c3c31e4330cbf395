package dev.runinvm.engine.direct;

import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.os.Host;
import static dev.runinvm.engine.direct.Assembler.*;

/**
 * The machine code of a stub process (about 1 KB): start-up, then one signal handler that reports to us, waits, runs
 * the operations we left, and returns to guest code. Position-independent; the control pages follow the code page.
 */
final class StubCode {
    /** Descriptors of a stub. */
    static final int FD_CONTROL = 3;

    static final int FD_TO_STUB = 4;
    static final int FD_FROM_STUB = 5;
    /** The first of {@link #MEMORY_FILES} files that guest memory is mapped from. */
    static final int FD_MEMORY = 6;

    static final int MEMORY_FILES = 1 + GuestMemory.MAX_BACKINGS;

    static final int SYS_READ = 0;
    static final int SYS_WRITE = 1;
    static final int SYS_CLOSE = 3;
    static final int SYS_MMAP = 9;
    static final int SYS_MPROTECT = 10;
    static final int SYS_MUNMAP = 11;
    static final int SYS_RT_SIGACTION = 13;
    static final int SYS_RT_SIGPROCMASK = 14;
    static final int SYS_RT_SIGRETURN = 15;
    static final int SYS_GETPPID = 110;
    static final int SYS_SIGALTSTACK = 131;
    static final int SYS_PRCTL = 157;
    static final int SYS_ARCH_PRCTL = 158;
    static final int SYS_SETRLIMIT = 160;
    static final int SYS_EXIT_GROUP = 231;
    static final int SYS_SECCOMP = 317;
    static final int SYS_CLOSE_RANGE = 436;

    static final int ARCH_SET_GS = 0x1001;
    static final int ARCH_SET_FS = 0x1002;
    static final int ARCH_GET_FS = 0x1003;
    static final int ARCH_GET_GS = 0x1004;
    static final int ARCH_SET_CPUID = 0x1012;

    static final int SIGILL = 4;
    static final int SIGTRAP = 5;
    static final int SIGBUS = 7;
    static final int SIGFPE = 8;
    static final int SIGUSR1 = 10;
    static final int SIGSEGV = 11;
    static final int SIGSYS = 31;
    /** Sent by us to make guest code stop. */
    static final int SIG_PREEMPT = SIGUSR1;

    static final int[] SIGNALS = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIG_PREEMPT, SIGSEGV, SIGSYS};

    private static final int PR_SET_PDEATHSIG = 1;
    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final int RLIMIT_CORE = 4;
    private static final int SIG_SETMASK = 2;
    private static final int SIGKILL = 9;
    private static final int SECCOMP_SET_MODE_FILTER = 1;
    private static final int SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;
    /** End of the address space of a 64-bit process (TASK_SIZE_MAX with 4-level paging). */
    static final long TASK_END = 0x7fff_ffff_f000L;

    /** What each start-up step does, for the message when it fails. */
    static final String[] STEPS = {
        "mapping the control pages",
        "asking to die with the JVM (prctl PR_SET_PDEATHSIG)",
        "checking the parent process",
        "prctl PR_SET_NO_NEW_PRIVS",
        "setrlimit RLIMIT_CORE",
        "closing descriptors",
        "unmapping what the host's kernel put into the process (munmap; CONFIG_MSEAL_SYSTEM_MAPPINGS forbids it)",
        "rt_sigprocmask",
        "sigaltstack",
        "rt_sigaction",
        "arch_prctl ARCH_SET_CPUID",
        "installing the system call filter (seccomp)",
        "the first signal"
    };

    private final byte[] bytes;
    private final Assembler a = new Assembler();
    private final long base;

    /**
     * Writes the code.
     *
     * @param base where it will be mapped
     * @param cpuidFaulting whether to ask for #GP on CPUID
     */
    StubCode(long base, boolean cpuidFaulting) {
        this.base = base;
        start(cpuidFaulting);
        handler();
        bytes = a.assemble();
        if (bytes.length > ControlPage.CODE_SIZE) {
            throw new IllegalStateException("stub code does not fit its page: " + bytes.length);
        }
    }

    /** A page of code, filled up with UD2. */
    byte[] page() {
        byte[] page = new byte[ControlPage.CODE_SIZE];
        System.arraycopy(bytes, 0, page, 0, bytes.length);
        for (int i = bytes.length; i < page.length; i++) {
            page[i] = (byte) (i % 2 == 0 ? 0x0f : 0x0b);
        }
        return page;
    }

    /** Address of a label, e.g. "handler", or "write" (the address after that SYSCALL). */
    long address(String label) {
        return base + a.offset(label);
    }

    private void loadControl() {
        a.leaCode(RBX, ControlPage.CODE_SIZE);
    }

    private void step(int number) {
        a.storeImmediate(RBX, ControlPage.STEP, number);
    }

    private void call(int number) {
        a.move(RAX, number).syscall();
    }

    private void callOrFail(int number) {
        call(number);
        a.test(RAX, RAX).jumpIf(NEGATIVE, "fail");
    }

    private void start(boolean cpuidFaulting) {
        a.leaCode(RDI, ControlPage.CODE_SIZE).move(RSI, ControlPage.SIZE).move(RDX, 3);
        a.move(R10, 0x11).move(R8, FD_CONTROL).move(R9, 0); // MAP_SHARED|MAP_FIXED
        call(SYS_MMAP);
        a.test(RAX, RAX).jumpIf(NEGATIVE, "exit");
        loadControl();
        a.move(RSP, 0); // not in the signal stack, which the first signal is to start at its top

        step(1);
        a.move(RDI, PR_SET_PDEATHSIG).move(RSI, SIGKILL);
        callOrFail(SYS_PRCTL);
        // The JVM may have died before the kernel knew that we want to die with it.
        step(2);
        call(SYS_GETPPID);
        a.load(RCX, RBX, ControlPage.PARENT).compare(RAX, RCX).jumpIf(NOT_EQUAL, "fail");
        step(3);
        a.move(RDI, PR_SET_NO_NEW_PRIVS).move(RSI, 1).move(RDX, 0).move(R10, 0).move(R8, 0);
        callOrFail(SYS_PRCTL);
        step(4);
        a.move(RDI, RLIMIT_CORE).lea(RSI, RBX, ControlPage.RLIMIT);
        callOrFail(SYS_SETRLIMIT);
        closeDescriptors();
        step(6);
        a.move(RDI, 0).leaCode(RSI, 0);
        callOrFail(SYS_MUNMAP);
        a.leaCode(RDI, ControlPage.CODE_SIZE + ControlPage.SIZE)
                .move(RSI, TASK_END)
                .sub(RSI, RDI);
        callOrFail(SYS_MUNMAP);
        step(7);
        a.move(RDI, SIG_SETMASK).lea(RSI, RBX, ControlPage.SIGMASK).move(RDX, 0).move(R10, 8);
        callOrFail(SYS_RT_SIGPROCMASK);
        step(8);
        a.lea(RDI, RBX, ControlPage.SIGSTACK).move(RSI, 0);
        callOrFail(SYS_SIGALTSTACK);
        step(9);
        for (int signal : SIGNALS) {
            a.move(RDI, signal)
                    .lea(RSI, RBX, ControlPage.SIGACTION)
                    .move(RDX, 0)
                    .move(R10, 8);
            callOrFail(SYS_RT_SIGACTION);
        }
        step(10);
        if (cpuidFaulting) {
            a.move(RDI, ARCH_SET_CPUID).move(RSI, 0);
            call(SYS_ARCH_PRCTL);
            a.store(RBX, ControlPage.CPUID_RESULT, RAX);
        }
        step(11);
        // Without SPEC_ALLOW older kernels switch speculation mitigations on for filtered processes.
        a.move(RDI, SECCOMP_SET_MODE_FILTER).move(RSI, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
        a.lea(RDX, RBX, ControlPage.FILTER_HEADER);
        call(SYS_SECCOMP);
        a.test(RAX, RAX).jumpIf(EQUAL, "filtered");
        a.move(RDI, SECCOMP_SET_MODE_FILTER).move(RSI, 0).lea(RDX, RBX, ControlPage.FILTER_HEADER);
        callOrFail(SYS_SECCOMP);
        a.label("filtered");
        step(12);
        // A first signal, so that there is a context to put the guest's registers into.
        a.ud2();

        a.label("fail").store(RBX, ControlPage.STEP_RESULT, RAX);
        a.label("exit").move(RDI, 1);
        call(SYS_EXIT_GROUP);
        a.ud2();
    }

    private void closeDescriptors() {
        step(5);
        for (int fd = 0; fd <= FD_CONTROL; fd++) {
            a.move(RDI, fd);
            call(SYS_CLOSE);
        }
        a.move(RDI, FD_MEMORY + MEMORY_FILES).move(RSI, 0xffff_ffffL).move(RDX, 0);
        call(SYS_CLOSE_RANGE);
        a.test(RAX, RAX).jumpIf(EQUAL, "closed");
        // Before Linux 5.9: one by one, as far as descriptors usually go.
        a.move(R12, FD_MEMORY + MEMORY_FILES).label("close").moveRegister(RDI, R12);
        call(SYS_CLOSE);
        a.addImmediate(R12, 1).compareImmediate(R12, 65536).jumpIf(NOT_EQUAL, "close");
        a.label("closed");
    }

    private void handler() {
        a.label("handler");
        loadControl();
        a.store(RBX, ControlPage.SIGNAL, RDI).store(RBX, ControlPage.FRAME, RSP);
        if (Host.hasFsGsBase()) {
            a.rdfsbase(RAX).store(RBX, ControlPage.FS_BASE, RAX);
            a.rdgsbase(RAX).store(RBX, ControlPage.GS_BASE, RAX);
        } else {
            a.move(RDI, ARCH_GET_FS).lea(RSI, RBX, ControlPage.FS_BASE);
            call(SYS_ARCH_PRCTL);
            a.label("getFs").move(RDI, ARCH_GET_GS).lea(RSI, RBX, ControlPage.GS_BASE);
            call(SYS_ARCH_PRCTL);
            a.label("getGs");
        }
        a.rdtsc().shiftLeft(RDX, 32).or(RAX, RDX).store(RBX, ControlPage.TSC, RAX);
        a.storeImmediate(RBX, ControlPage.STATUS, ControlPage.STATUS_TRAP);

        a.label("notify").move(RDI, FD_FROM_STUB).lea(RSI, RBX, ControlPage.ONE).move(RDX, 8);
        call(SYS_WRITE);
        a.label("write");
        a.label("wait")
                .move(RDI, FD_TO_STUB)
                .lea(RSI, RBX, ControlPage.RECEIVED)
                .move(RDX, 8);
        call(SYS_READ);
        a.label("read").compareImmediate(RAX, 8).jumpIf(NOT_EQUAL, "wait");

        // From here nothing but what we left is used, whatever way the guest may have got here.
        loadControl();
        a.load(R12, RBX, ControlPage.COOKIE_FLAGS).load(R15, RBX, ControlPage.COOKIE_FD);
        a.storeImmediate(RBX, ControlPage.COOKIE_FLAGS, 0).storeImmediate(RBX, ControlPage.COOKIE_FD, 0);
        a.load(R13, RBX, ControlPage.OPERATIONS).lea(R14, RBX, ControlPage.BATCH);
        a.label("next").test(R13, R13).jumpIf(EQUAL, "batchDone");
        a.load(RAX, R14, 0).load(RDI, R14, 8).load(RSI, R14, 16).load(RDX, R14, 24);
        a.load(R10, R14, 32).load(R8, R14, 40).load(R9, R14, 48);
        a.or(R10, R12).or(R8, R15).syscall();
        a.label("operation")
                .compareMemory(R14, 0, SYS_MMAP)
                .jumpIf(NOT_EQUAL, "zero")
                .sub(RAX, RDI);
        a.label("zero").test(RAX, RAX).jumpIf(NOT_EQUAL, "batchFailed");
        a.addImmediate(R14, ControlPage.OPERATION_SIZE).addImmediate(R13, -1).jump("next");

        a.label("batchFailed").store(RBX, ControlPage.FAILED_RESULT, RAX).store(RBX, ControlPage.FAILED_LEFT, R13);
        a.storeImmediate(RBX, ControlPage.STATUS, ControlPage.STATUS_BATCH_FAILED)
                .jump("notify");

        a.label("batchDone").compareMemory(RBX, ControlPage.STAY, 0).jumpIf(EQUAL, "go");
        a.storeImmediate(RBX, ControlPage.STATUS, ControlPage.STATUS_BATCH_DONE).jump("notify");

        a.label("go");
        if (Host.hasFsGsBase()) {
            a.compareMemory(RBX, ControlPage.SET_FS, 0).jumpIf(EQUAL, "noFs");
            a.load(RAX, RBX, ControlPage.NEW_FS).wrfsbase(RAX);
            a.label("noFs").compareMemory(RBX, ControlPage.SET_GS, 0).jumpIf(EQUAL, "noGs");
            a.load(RAX, RBX, ControlPage.NEW_GS).wrgsbase(RAX);
            a.label("noGs");
        }
        a.load(RSP, RBX, ControlPage.RESUME_FRAME).moveRegister(R10, R12).moveRegister(R8, R15);
        a.label("restorer");
        call(SYS_RT_SIGRETURN);
        a.label("return").ud2();
    }
}
