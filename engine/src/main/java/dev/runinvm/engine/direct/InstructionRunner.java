package dev.runinvm.engine.direct;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.os.MemFile;
import dev.runinvm.engine.x86.CpuException;
import dev.runinvm.engine.x86.CpuState;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Runs a few bytes of machine code on the host's CPU, in a jailed process, with registers of the caller's choice. Not
 * thread-safe.
 *
 * <p>The process has a code page at {@link #CODE} and two pages of memory that appear at four addresses: alone or with
 * the second behind the first, read-only or writable. Around each view nothing is mapped, so that an access beyond its
 * end faults.
 */
public final class InstructionRunner implements AutoCloseable {
    /** Address of the code page. */
    public static final long CODE = 0x1000_0000L;
    /** Offset in the code page at which code is put. */
    public static final int CODE_OFFSET = 0x800;
    /** Both pages of memory, writable. */
    public static final long WRITABLE = 0x2000_0000L;
    /** Both pages, read-only. */
    public static final long READ_ONLY = 0x2001_0000L;
    /** The first page alone, writable. */
    public static final long WRITABLE_ONE = 0x2002_0000L;
    /** The first page alone, read-only. */
    public static final long READ_ONLY_ONE = 0x2003_0000L;
    /** Bytes of the two pages. */
    public static final int SCRATCH_SIZE = 8192;

    private static final int PAGE = 4096;
    private static final byte INT3 = (byte) 0xcc;
    private static final int ENDLESS_MILLIS = 2000;

    /** How a run ended. */
    public enum End {
        /** Behind the code, or wherever else in the code page a branch went: {@link #rip()}. */
        COMPLETED,
        /** With an exception: {@link #vector()}, {@link #errorCode()}, {@link #address()}. */
        FAULTED,
        /** With a system call instruction; it was not executed. */
        SYSTEM_CALL,
        /** Not within two seconds. */
        ENDLESS
    }

    private final MemFile file;
    private final ByteBuffer code;
    private final ByteBuffer scratch;
    private final boolean cpuidFaulting;
    private final Batch batch = new Batch();
    private @Nullable Stub stub;
    private int codeLength;

    private long rip;
    private int vector;
    private int errorCode;
    private long address;
    private long tsc;
    private long nanosBefore;
    private long nanosAfter;

    /** Makes a runner in whose process CPUID executes. */
    public InstructionRunner() {
        this(false);
    }

    InstructionRunner(boolean cpuidFaulting) {
        this.cpuidFaulting = cpuidFaulting;
        file = MemFile.create("runinvm-scratch", 3 * PAGE);
        code = file.map(0, PAGE);
        scratch = file.map(PAGE, SCRATCH_SIZE);
        fill(0, PAGE);
    }

    private void fill(int from, int to) {
        for (int i = from; i < to; i++) {
            code.put(i, INT3);
        }
    }

    /** The two pages of memory, shared with the process. */
    public ByteBuffer scratch() {
        return scratch;
    }

    /**
     * Runs code.
     *
     * @param s general registers, RFLAGS, FS and GS bases, and xstate go in and come out; RIP and the rest stay
     * @param instructions at most 64 bytes; run from {@link #CODE} + {@link #CODE_OFFSET}
     * @return how it ended
     * @throws HostLacks if the process can't be started
     */
    public End run(CpuState s, byte... instructions) {
        if (instructions.length > 64) {
            throw new IllegalArgumentException("at most 64 bytes of code, not " + instructions.length);
        }
        Stub process = process();
        code.put(CODE_OFFSET, instructions);
        fill(CODE_OFFSET + instructions.length, CODE_OFFSET + Math.max(codeLength, instructions.length));
        codeLength = instructions.length;
        long keptRip = s.rip;
        int cs = s.selector[CpuState.CS];
        int ss = s.selector[CpuState.SS];
        ByteBuffer keptXstate = s.xstate;
        s.rip = CODE + CODE_OFFSET;
        s.selector[CpuState.CS] = DirectEngine.USER_CS;
        s.selector[CpuState.SS] = DirectEngine.USER_SS;
        try {
            process.load(s);
            End end = go(process);
            process.save(s);
            rip = s.rip;
            process.copyXstateTo(keptXstate);
            return end;
        } finally {
            s.rip = keptRip;
            s.selector[CpuState.CS] = cs;
            s.selector[CpuState.SS] = ss;
            s.xstate = keptXstate;
        }
    }

    private End go(Stub process) {
        boolean resumed;
        try {
            nanosBefore = System.nanoTime();
            resumed = process.resume(batch, ENDLESS_MILLIS);
            nanosAfter = System.nanoTime();
        } catch (Stub.BatchFailed e) {
            throw new HostLacks("the host refused a mapping: errno " + e.errno);
        }
        if (!resumed) {
            stub = null;
            process.close();
            throw new EngineBug("a process that runs single instructions died: " + process.cause());
        }
        tsc = process.tsc();
        vector = -1;
        errorCode = 0;
        address = 0;
        switch (process.signal()) {
            case StubCode.SIGSYS:
                return End.SYSTEM_CALL;
            case StubCode.SIG_PREEMPT:
                return End.ENDLESS;
            default:
                vector = process.trapNumber();
                errorCode = process.errorCode();
                address = vector == CpuException.PF ? process.cr2() : 0;
                return vector == CpuException.BP && completed(process) ? End.COMPLETED : End.FAULTED;
        }
    }

    /** Whether an INT3 was one of those around the code; RIP is then set back to it. */
    private boolean completed(Stub process) {
        long at = process.rip() - 1 - CODE;
        if (at < 0 || at >= PAGE || at >= CODE_OFFSET && at < CODE_OFFSET + codeLength) {
            return false;
        }
        process.setRip(CODE + at);
        return true;
    }

    private Stub process() {
        Stub s = stub;
        if (s == null || s.isDead()) {
            if (s != null) {
                s.close();
            }
            s = new Stub(new int[] {file.fd()}, cpuidFaulting);
            stub = s;
            batch.clear();
            int rw = Batch.PROT_READ | Batch.PROT_WRITE;
            batch.map(CODE, PAGE, Batch.PROT_READ | Batch.PROT_EXEC, 0, true);
            batch.map(WRITABLE, SCRATCH_SIZE, rw, PAGE, true);
            batch.map(READ_ONLY, SCRATCH_SIZE, Batch.PROT_READ, PAGE, true);
            batch.map(WRITABLE_ONE, PAGE, rw, PAGE, true);
            batch.map(READ_ONLY_ONE, PAGE, Batch.PROT_READ, PAGE, true);
        }
        return s;
    }

    /** RIP at the end: {@link #CODE} + {@link #CODE_OFFSET} + length, or where a branch went, or what faulted. */
    public long rip() {
        return rip;
    }

    /** Vector of the exception, of a run that {@linkplain End#FAULTED faulted}. */
    public int vector() {
        return vector;
    }

    /** Its error code, 0 if it has none. */
    public int errorCode() {
        return errorCode;
    }

    /** Linear address of a #PF, else 0. */
    public long address() {
        return address;
    }

    /** Time-stamp counter just after the run, and nanoTime before and after it. */
    long tsc() {
        return tsc;
    }

    long nanosBefore() {
        return nanosBefore;
    }

    long nanosAfter() {
        return nanosAfter;
    }

    /** The process's state components (XCR0 as user code sees it); starts the process. */
    long xfeatures() {
        return process().xfeatures();
    }

    /** Bytes of an XSAVE area in the standard layout with all components. */
    int xstateSize() {
        return process().xstate().capacity();
    }

    /** Whether CPUID faults in this process. */
    boolean cpuidFaults() {
        return process().cpuidFaults();
    }

    /** Sets all scratch memory to zero. */
    public void clearScratch() {
        scratch.put(0, new byte[SCRATCH_SIZE]);
    }

    @Override
    public void close() {
        if (stub != null) {
            stub.close();
            stub = null;
        }
        file.close();
    }

    @Override
    public String toString() {
        return "vector " + vector + ", error " + errorCode + ", address 0x" + Long.toHexString(address) + ", RIP 0x"
                + Long.toHexString(rip);
    }
}
