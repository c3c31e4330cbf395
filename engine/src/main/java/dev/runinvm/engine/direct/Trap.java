package dev.runinvm.engine.direct;

import dev.runinvm.engine.x86.CpuException;

/**
 * Why {@link DirectEngine#run} came back. One object per engine, overwritten by the next run. The CPU state holds
 * the guest's registers at that point in all cases but {@link Kind#LOST}.
 */
public final class Trap {
    /** What happened. */
    public enum Kind {
        /**
         * A SYSCALL instruction. RIP is behind it, RCX and R11 hold RIP and RFLAGS as the CPU leaves them; the
         * caller does the rest of SDM's SYSCALL (CS, SS, RFLAGS, RIP := LSTAR).
         */
        SYSCALL,
        /** INT 80H. RIP is behind it; the caller delivers vector 0x80 through the IDT as a software interrupt. */
        INT80,
        /**
         * An exception to deliver: {@link #vector()}, {@link #errorCode()}, {@link #address()} (to CR2). RIP is what
         * the CPU would push.
         */
        EXCEPTION,
        /**
         * The instruction at RIP can't run directly: it is privileged or reserved to ring 0 (IN, OUT, HLT, CPUID, INT
         * n, a non-canonical address, ...) or touches memory that is not RAM. The caller interprets this one
         * instruction at CPL 3, without trusting decoded code it has cached (ring-3 pages change without notice), and
         * lets that decide whether it faults. With {@link Trap#wholePage()} it goes on so until RIP has left the page of
         * {@link Trap#address()}, and says how far it got ({@link DirectEngine#interpreted}).
         */
        EMULATE,
        /** The time is up, or {@link DirectEngine#preempt} was called. */
        PREEMPTED,
        /**
         * The process is gone: killed from outside, or for attacking the stub; see {@link #cause()}. What the guest
         * did since it was last resumed may have reached memory, but the registers are those of that moment. The
         * next run starts a fresh process.
         */
        LOST
    }

    Kind kind = Kind.PREEMPTED;
    int vector;
    boolean hasErrorCode;
    int errorCode;
    long address;
    String cause = "";
    boolean wholePage;

    public Kind kind() {
        return kind;
    }

    /** Of an {@link Kind#EMULATE}: whether it is for all instructions on the page of {@link #address()}. */
    public boolean wholePage() {
        return wholePage;
    }

    /** The exception of an {@link Kind#EXCEPTION}. */
    public CpuException exception() {
        if (vector == CpuException.PF) {
            return CpuException.pageFault(address, errorCode);
        }
        return hasErrorCode ? CpuException.of(vector, errorCode) : CpuException.of(vector);
    }

    /** Vector of an {@link Kind#EXCEPTION}. */
    public int vector() {
        return vector;
    }

    public boolean hasErrorCode() {
        return hasErrorCode;
    }

    /** Error code as the guest's CPU would push it. */
    public int errorCode() {
        return errorCode;
    }

    /** Linear address of a #PF, or of an access that is to be interpreted because it hits no RAM (else 0). */
    public long address() {
        return address;
    }

    /** Why an instruction is to be interpreted or the stub died, for people. */
    public String cause() {
        return cause;
    }

    Trap set(Kind kind) {
        this.kind = kind;
        this.vector = 0;
        this.hasErrorCode = false;
        this.errorCode = 0;
        this.address = 0;
        this.cause = "";
        this.wholePage = false;
        return this;
    }

    Trap because(Kind kind, String cause, long address) {
        set(kind);
        this.cause = cause;
        this.address = address;
        return this;
    }

    Trap exception(int vector) {
        set(Kind.EXCEPTION);
        this.vector = vector;
        return this;
    }

    Trap exception(int vector, int errorCode, long address) {
        exception(vector);
        this.hasErrorCode = true;
        this.errorCode = errorCode;
        this.address = address;
        return this;
    }

    @Override
    public String toString() {
        return switch (kind) {
            case EXCEPTION ->
                "EXCEPTION vector " + vector + (hasErrorCode ? " error " + errorCode : "") + " address 0x"
                        + Long.toHexString(address);
            case EMULATE, LOST -> kind + " (" + cause + ")";
            default -> kind.toString();
        };
    }
}
