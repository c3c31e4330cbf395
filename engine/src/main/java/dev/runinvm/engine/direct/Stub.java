package dev.runinvm.engine.direct;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.os.Child;
import dev.runinvm.engine.os.EventFd;
import dev.runinvm.engine.os.Host;
import dev.runinvm.engine.os.MemFile;
import dev.runinvm.engine.x86.CpuState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.SecureRandom;

/**
 * One jailed process that runs guest code, and the signal frame in memory shared with it: while the process waits in
 * its handler, we read and edit the guest's registers there. Used by one thread; {@link #signalPreempt} by any.
 *
 * <p>The frame is the kernel's struct rt_sigframe (arch/x86/include/asm/sigframe.h): pretcode, ucontext, siginfo. Its
 * parts that the kernel trusts on rt_sigreturn are written anew before each return.
 */
final class Stub implements AutoCloseable {
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final int START_MILLIS = 20_000;

    /** The range stubs live in: user addresses that ordinary programs leave alone. */
    static final long WINDOW_START = 0x2000_0000_0000L;

    static final long WINDOW_END = 0x4000_0000_0000L;
    /** Bytes of address space a stub occupies. */
    static final int FOOTPRINT = ControlPage.CODE_SIZE + ControlPage.SIZE;

    // Offsets in the frame
    private static final int UC_FLAGS = 8;
    private static final int UC_LINK = 16;
    private static final int UC_STACK = 24;
    private static final int REGISTERS = 48;
    private static final int RIP = REGISTERS + 8 * 16;
    private static final int EFLAGS = REGISTERS + 8 * 17;
    private static final int SELECTORS = REGISTERS + 144;
    private static final int ERROR = REGISTERS + 152;
    private static final int TRAP_NUMBER = REGISTERS + 160;
    private static final int CR2 = REGISTERS + 176;
    private static final int FP_STATE = REGISTERS + 184;
    private static final int SIGNAL_MASK = 304;
    private static final int SIGINFO = 312;
    private static final int FRAME_SIZE = SIGINFO + 128;

    private static final long UC_FLAGS_VALUE = 7; // FP_XSTATE | SIGCONTEXT_SS | STRICT_RESTORE_SS
    private static final int SS_AUTODISARM = 1 << 31;
    private static final int SA_SIGINFO = 4;
    private static final int SA_RESTORER = 0x0400_0000;
    private static final int SA_ONSTACK = 0x0800_0000;

    // The fxsave area's software bytes, and the XSAVE header
    private static final int FX_MXCSR = 24;
    private static final int FX_MXCSR_MASK = 28;
    private static final int SW_RESERVED = 464;
    private static final int XSTATE_BV = 512;
    /** Protection keys are hidden from the guest; whatever it does to PKRU lasts till its next trap. */
    private static final long PKRU = 1 << 9;

    private static final int SI_KERNEL = 0x80;

    private static final int FP_XSTATE_MAGIC1 = 0x4650_5853;
    private static final int FP_XSTATE_MAGIC2 = 0x4650_5845;

    /** Where each of CpuState's registers is in sigcontext: r8-r15 first, then di si bp bx dx ax cx sp. */
    private static final int[] REGISTER_OFFSET = new int[16];

    static {
        int[] index = {13, 14, 12, 11, 15, 10, 9, 8, 0, 1, 2, 3, 4, 5, 6, 7};
        for (int i = 0; i < 16; i++) {
            REGISTER_OFFSET[i] = REGISTERS + 8 * index[i];
        }
    }

    /** Flags that Linux' sigreturn takes over (FIX_EFLAGS), i.e. those user code may change at will. */
    static final long USER_FLAGS = 0x0005_0dd5;
    /** Further flags user code can change by POPF and that survive in the process: NT, ID. */
    private static final long READ_FLAGS = USER_FLAGS | CpuState.FLAG_NT | CpuState.FLAG_ID;

    final long base;
    private final MemFile control;
    private final ByteBuffer page;
    private final EventFd toStub;
    private final EventFd fromStub;
    private final Child child;
    private final int cookieFlags;
    private final int cookieFd;
    private final long codeEnd;
    private volatile boolean dead;
    private boolean closed;

    private int frame;
    private int fpState;
    private final ByteBuffer xstate;
    private int xstateSize;
    private long xfeatures;
    private int mxcsrMask;
    private long fsBase;
    private long gsBase;
    /** What the process itself has: a {@link #load} takes effect only when guest code is resumed. */
    private long processFsBase;

    private long processGsBase;
    private volatile boolean stuck;
    private String cause = "";
    /** CPU the process was last pinned to by {@link CpuPlacement}, -1 if none. */
    int pinnedCpu = -1;

    /**
     * Starts a process that can map memory files.
     *
     * @param memoryFds their descriptors, 1 to {@link StubCode#MEMORY_FILES}
     * @param cpuidFaulting whether CPUID is to trap, where the CPU can do that
     * @throws HostLacks if the host forbids one of the steps; the message names it
     */
    Stub(int[] memoryFds, boolean cpuidFaulting) {
        base = WINDOW_START + (Math.floorMod(RANDOM.nextLong(), (WINDOW_END - WINDOW_START >> 12) - 64) << 12);
        cookieFlags = RANDOM.nextInt() | 1;
        cookieFd = RANDOM.nextInt() | 1;
        StubCode code = new StubCode(base, cpuidFaulting);
        codeEnd = base + ControlPage.CODE_SIZE;
        control = MemFile.create("runinvm-stub-control", ControlPage.SIZE);
        EventFd to = null;
        EventFd from = null;
        boolean done = false;
        try {
            page = control.map(0, ControlPage.SIZE);
            to = EventFd.create();
            from = EventFd.create();
            toStub = to;
            fromStub = from;
            fillIn(code);
            try (MemFile image = StubImage.create(code, base)) {
                int[] descriptors = new int[3 + StubCode.MEMORY_FILES];
                descriptors[0] = control.fd();
                descriptors[1] = to.fd();
                descriptors[2] = from.fd();
                for (int i = 0; i < StubCode.MEMORY_FILES; i++) {
                    descriptors[3 + i] = memoryFds[i < memoryFds.length ? i : 0];
                }
                child = Child.spawn(image.fd(), descriptors, this::ended);
            }
            awaitStart();
            xstate = page.slice(fpState, xstateSize).order(ByteOrder.LITTLE_ENDIAN);
            done = true;
        } finally {
            if (!done) {
                if (to != null) {
                    to.close();
                }
                if (from != null) {
                    from.close();
                }
                control.close();
            }
        }
    }

    private void fillIn(StubCode code) {
        long address = codeEnd;
        page.putLong(ControlPage.PARENT, Host.pid());
        page.putLong(ControlPage.ONE, 1);
        page.putLong(ControlPage.SIGACTION, code.address("handler"));
        page.putLong(ControlPage.SIGACTION + 8, SA_SIGINFO | SA_RESTORER | SA_ONSTACK);
        page.putLong(ControlPage.SIGACTION + 16, code.address("restorer"));
        page.putLong(ControlPage.SIGACTION + 24, -1L);
        page.putLong(ControlPage.SIGSTACK, address + ControlPage.STACK);
        page.putInt(ControlPage.SIGSTACK + 8, SS_AUTODISARM);
        page.putLong(ControlPage.SIGSTACK + 16, ControlPage.STACK_SIZE);
        page.putLong(ControlPage.SIGMASK, signalMask());
        page.putLong(ControlPage.CPUID_RESULT, -1);
        SystemCallFilter.write(page, address, code, cookieFlags, cookieFd);
    }

    /** All signals blocked but ours, so that what the terminal sends to its process group is left to the JVM. */
    private static long signalMask() {
        long mask = -1L;
        for (int s : StubCode.SIGNALS) {
            mask &= ~(1L << s - 1);
        }
        return mask;
    }

    private void awaitStart() {
        boolean came = fromStub.await(START_MILLIS) > 0;
        if (!came || dead) {
            int step = (int) page.getLong(ControlPage.STEP);
            long result = page.getLong(ControlPage.STEP_RESULT);
            String what = step >= 0 && step < StubCode.STEPS.length ? StubCode.STEPS[step] : "step " + step;
            String how = came ? "ended with " + child.fate() : "did not answer within " + START_MILLIS + " ms";
            child.close();
            throw new HostLacks("the process for guest code " + how + " at: " + what
                    + (result < 0 ? " (errno " + -result + ")" : ""));
        }
        frame = checkFrame();
        long fp = page.getLong(frame + FP_STATE) - codeEnd;
        if (fp < ControlPage.STACK || fp + 4096 > ControlPage.SIZE + 4096L || fp % 64 != 0) {
            child.close();
            throw new EngineBug("signal frame without floating-point state: offset " + fp);
        }
        fpState = (int) fp;
        if (page.getInt(fpState + SW_RESERVED) != FP_XSTATE_MAGIC1) {
            child.close();
            throw new HostLacks("this CPU or kernel has no XSAVE; guest code cannot run directly");
        }
        xfeatures = page.getLong(fpState + SW_RESERVED + 8);
        xstateSize = page.getInt(fpState + SW_RESERVED + 16);
        mxcsrMask = page.getInt(fpState + FX_MXCSR_MASK);
        if (mxcsrMask == 0) {
            mxcsrMask = 0xffbf; // SDM vol. 1, 11.6.6
        }
        readBases();
    }

    /** The frame's offset in the control pages, or an exception if it is not where a signal puts it. */
    private int checkFrame() {
        long at = page.getLong(ControlPage.FRAME) - codeEnd;
        if (at < ControlPage.STACK || at + FRAME_SIZE > ControlPage.SIZE || at % 8 != 0) {
            child.close();
            throw new EngineBug("signal frame at offset " + at + " of the control pages");
        }
        return (int) at;
    }

    private void ended() {
        dead = true;
        fromStub.signal();
    }

    /** The process id, for people and tests. */
    int pid() {
        return child.pid();
    }

    boolean isDead() {
        return dead;
    }

    /** Why the process is not usable any more. */
    String cause() {
        return cause;
    }

    /** Answer of arch_prctl(ARCH_SET_CPUID, 0): 0 if CPUID faults here. */
    boolean cpuidFaults() {
        return page.getLong(ControlPage.CPUID_RESULT) == 0;
    }

    /** x87, SSE, AVX state in the standard XSAVE layout, in place; valid while the process waits. */
    ByteBuffer xstate() {
        return xstate;
    }

    /** The state components the kernel saves: XCR0 as user code has it. */
    long xfeatures() {
        return xfeatures;
    }

    /** Keeps the process on one CPU of the host. */
    void pinTo(int cpu) {
        pinnedCpu = cpu;
        if (!dead) {
            Host.setAffinity(child.pid(), Host.onlyCpu(cpu));
        }
    }

    /** Makes guest code stop with {@link StubCode#SIG_PREEMPT}; pends while the stub is in its handler. */
    void signalPreempt() {
        child.signal(StubCode.SIG_PREEMPT);
    }

    /** Ends a process that does not answer. Any thread; {@link #resume} then finds it dead. */
    void killStuck() {
        stuck = true;
        child.signal(Child.SIGKILL);
    }

    /** Copies a CPU's user registers into the frame. */
    @SuppressWarnings("ReferenceEquality") // the state's extended registers are this frame's, or must be copied to it
    void load(CpuState s) {
        for (int i = 0; i < 16; i++) {
            page.putLong(frame + REGISTER_OFFSET[i], s.gpr[i]);
        }
        page.putLong(frame + RIP, s.rip);
        page.putLong(frame + EFLAGS, s.rflags() & USER_FLAGS | 2);
        page.putShort(frame + SELECTORS, (short) s.selector[CpuState.CS]);
        page.putShort(frame + SELECTORS + 6, (short) s.selector[CpuState.SS]);
        if (s.xstate != xstate) {
            copyXstate(s.xstate);
            s.xstate = xstate;
        }
        setBases(s.base[CpuState.FS], s.base[CpuState.GS]);
    }

    /** Takes over floating-point state kept elsewhere. */
    void copyXstate(ByteBuffer from) {
        xstate.put(0, from, 0, SW_RESERVED);
        int rest = Math.min(from.capacity(), xstateSize) - XSTATE_BV;
        xstate.put(XSTATE_BV, from, XSTATE_BV, rest);
    }

    /** Copies the floating-point state out. */
    void copyXstateTo(ByteBuffer to) {
        to.put(0, xstate, 0, SW_RESERVED);
        int rest = Math.min(to.capacity(), xstateSize) - XSTATE_BV;
        to.put(XSTATE_BV, xstate, XSTATE_BV, rest);
    }

    private void setBases(long fs, long gs) {
        fsBase = fs;
        gsBase = gs;
    }

    /** Has the process set the bases it does not have yet; guest code may have changed them since {@link #load}. */
    private void orderBases() {
        page.putLong(ControlPage.SET_FS, fsBase == processFsBase ? 0 : 1);
        page.putLong(ControlPage.NEW_FS, fsBase);
        page.putLong(ControlPage.SET_GS, gsBase == processGsBase ? 0 : 1);
        page.putLong(ControlPage.NEW_GS, gsBase);
    }

    /** Copies the user registers of the frame into a CPU. */
    void save(CpuState s) {
        for (int i = 0; i < 16; i++) {
            s.gpr[i] = page.getLong(frame + REGISTER_OFFSET[i]);
        }
        s.rip = rip();
        s.setRflags(s.rflags() & ~READ_FLAGS | page.getLong(frame + EFLAGS) & READ_FLAGS);
        s.base[CpuState.FS] = fsBase;
        s.base[CpuState.GS] = gsBase;
    }

    long rip() {
        return page.getLong(frame + RIP);
    }

    void setRip(long rip) {
        page.putLong(frame + RIP, rip);
    }

    long rsp() {
        return page.getLong(frame + REGISTER_OFFSET[CpuState.RSP]);
    }

    void setRax(long rax) {
        page.putLong(frame + REGISTER_OFFSET[CpuState.RAX], rax);
    }

    void setRsp(long rsp) {
        page.putLong(frame + REGISTER_OFFSET[CpuState.RSP], rsp);
    }

    long rflags() {
        return page.getLong(frame + EFLAGS);
    }

    /** Number of the signal that interrupted guest code. */
    int signal() {
        return (int) page.getLong(ControlPage.SIGNAL);
    }

    /** Vector of the CPU's exception behind a signal, not valid for SIGSYS and sent signals. */
    int trapNumber() {
        return (int) page.getLong(frame + TRAP_NUMBER);
    }

    /** Its error code. */
    int errorCode() {
        return (int) page.getLong(frame + ERROR);
    }

    long cr2() {
        return page.getLong(frame + CR2);
    }

    /** Whether a process sent the signal, rather than the kernel for something guest code did (si_code &lt;= 0). */
    boolean signalWasSent() {
        return page.getInt(frame + SIGINFO + 8) <= 0;
    }

    /**
     * Whether a SIGILL is the kernel's answer to uretprobe(2) or uprobe(2), which it lets past every seccomp filter
     * (Linux 6.14) and which do nothing but this for code that is not one of its probes. #UD has another si_code.
     */
    boolean isUprobeCall() {
        return page.getInt(frame + SIGINFO + 8) == SI_KERNEL;
    }

    /** Of a SIGSYS: the address after the instruction. */
    long callAddress() {
        return page.getLong(frame + SIGINFO + 16);
    }

    /** Of a SIGSYS: AUDIT_ARCH_* of the call. */
    int callArchitecture() {
        return page.getInt(frame + SIGINFO + 28);
    }

    /** Time-stamp counter at the last trap. */
    long tsc() {
        return page.getLong(ControlPage.TSC);
    }

    /** Whether an address belongs to the stub's own pages. */
    boolean owns(long address) {
        return address >= base && address < base + FOOTPRINT;
    }

    /**
     * Carries out a batch, returns to guest code and waits for its next trap.
     *
     * @param endlessMillis if positive, guest code is preempted after this time
     * @return true after a trap; false if the process is dead, for {@link #cause()}
     * @throws BatchFailed if the host's kernel refused an operation; guest code has not run
     */
    boolean resume(Batch batch, int endlessMillis) throws BatchFailed {
        orderBases();
        if (!run(batch)) {
            return false;
        }
        sealFrame();
        send(0);
        if (endlessMillis > 0 && !fromStub.awaitPending(endlessMillis)) {
            signalPreempt();
        }
        if (!receive(ControlPage.STATUS_TRAP)) {
            return false;
        }
        if (page.getLong(ControlPage.FRAME) - codeEnd != frame) {
            return kill("guest code made a signal frame of its own");
        }
        if (rip() > base && rip() <= codeEnd && !faulted()) {
            // It may have got hold of the secret in a register.
            return kill("guest code ran the stub's code");
        }
        readBases();
        return true;
    }

    private boolean faulted() {
        int signal = signal();
        return signal == StubCode.SIGSEGV || signal == StubCode.SIGILL || signal == StubCode.SIGBUS;
    }

    /** Carries out all but the last operations a single message can hold; those go along with the resume. */
    private boolean run(Batch batch) throws BatchFailed {
        int from = 0;
        if (!Host.hasFsGsBase()) {
            addBases(batch);
        }
        while (batch.size() - from > ControlPage.MAX_OPERATIONS) {
            batch.write(page, from, from + ControlPage.MAX_OPERATIONS);
            page.putLong(ControlPage.OPERATIONS, ControlPage.MAX_OPERATIONS);
            send(1);
            if (!receive(ControlPage.STATUS_BATCH_DONE)) {
                return false;
            }
            from += ControlPage.MAX_OPERATIONS;
        }
        batch.write(page, from, batch.size());
        page.putLong(ControlPage.OPERATIONS, batch.size() - from);
        batch.clear();
        return true;
    }

    private void addBases(Batch batch) {
        if (page.getLong(ControlPage.SET_FS) != 0) {
            batch.archPrctl(StubCode.ARCH_SET_FS, fsBase);
        }
        if (page.getLong(ControlPage.SET_GS) != 0) {
            batch.archPrctl(StubCode.ARCH_SET_GS, gsBase);
        }
    }

    private void send(int stay) {
        page.putLong(ControlPage.STAY, stay);
        page.putLong(ControlPage.COOKIE_FLAGS, (long) cookieFlags << 32);
        page.putLong(ControlPage.COOKIE_FD, (long) cookieFd << 32);
        toStub.signal();
    }

    private boolean receive(int wanted) throws BatchFailed {
        long answers = fromStub.await();
        if (dead) {
            cause = stuck
                    ? "guest code broke the stub, which no longer answered; its process was killed"
                    : "the process for guest code ended with " + child.fate();
            return false;
        }
        if (answers != 1) {
            return kill("guest code ran the stub's code (" + answers + " answers)");
        }
        int status = (int) page.getLong(ControlPage.STATUS);
        if (status == ControlPage.STATUS_BATCH_FAILED) {
            throw new BatchFailed((int) -page.getLong(ControlPage.FAILED_RESULT));
        }
        if (status != wanted) {
            return kill("guest code wrote into the stub's memory (status " + status + ")");
        }
        return true;
    }

    private boolean kill(String why) {
        child.close();
        cause = why + "; its process was killed";
        return false;
    }

    private void readBases() {
        fsBase = page.getLong(ControlPage.FS_BASE);
        gsBase = page.getLong(ControlPage.GS_BASE);
        processFsBase = fsBase;
        processGsBase = gsBase;
    }

    /** Writes whatever in the frame the kernel relies on, since guest code could have written there. */
    private void sealFrame() {
        page.putLong(ControlPage.RESUME_FRAME, codeEnd + frame + 8);
        page.putLong(frame + UC_FLAGS, UC_FLAGS_VALUE);
        page.putLong(frame + UC_LINK, 0);
        page.putLong(frame + UC_STACK, codeEnd + ControlPage.STACK);
        page.putLong(frame + UC_STACK + 8, SS_AUTODISARM & 0xffff_ffffL);
        page.putLong(frame + UC_STACK + 16, ControlPage.STACK_SIZE);
        page.putLong(frame + SIGNAL_MASK, signalMask());
        page.putLong(frame + FP_STATE, codeEnd + fpState);
        int sw = fpState + SW_RESERVED;
        page.putInt(sw, FP_XSTATE_MAGIC1);
        page.putInt(sw + 4, xstateSize + 4);
        page.putLong(sw + 8, xfeatures);
        page.putInt(sw + 16, xstateSize);
        page.putInt(fpState + xstateSize, FP_XSTATE_MAGIC2);
        page.putInt(fpState + FX_MXCSR, page.getInt(fpState + FX_MXCSR) & mxcsrMask);
        page.putLong(fpState + XSTATE_BV, page.getLong(fpState + XSTATE_BV) & xfeatures & ~PKRU);
        for (int i = 8; i < 64; i += 8) {
            page.putLong(fpState + XSTATE_BV + i, 0);
        }
    }

    /** The host's kernel refused an operation of a batch. */
    static final class BatchFailed extends Exception {
        private static final long serialVersionUID = 1L;
        /** The errno, e.g. 12 (ENOMEM): too many mappings. */
        final int errno;

        BatchFailed(int errno) {
            super("errno " + errno, null, false, false);
            this.errno = errno;
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            child.close();
            toStub.close();
            fromStub.close();
            control.close();
        }
    }
}
