package dev.runinvm.engine.x86;

/**
 * A fault, trap or abort raised by an instruction (SDM vol. 3, 6.15). Thrown inside the interpreter and turned into
 * a delivery through the IDT at the faulting instruction's boundary; carries no stack trace because it is control flow.
 */
public final class CpuException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public static final int DE = 0;
    public static final int DB = 1;
    public static final int NMI = 2;
    public static final int BP = 3;
    public static final int OF = 4;
    public static final int BR = 5;
    public static final int UD = 6;
    public static final int NM = 7;
    public static final int DF = 8;
    public static final int TS = 10;
    public static final int NP = 11;
    public static final int SS = 12;
    public static final int GP = 13;
    public static final int PF = 14;
    public static final int MF = 16;
    public static final int AC = 17;
    public static final int MC = 18;
    public static final int XM = 19;

    private final int vector;
    private final int errorCode;
    private final boolean hasErrorCode;
    private final long address;

    private CpuException(int vector, boolean hasErrorCode, int errorCode, long address) {
        super(null, null, false, false);
        this.vector = vector;
        this.hasErrorCode = hasErrorCode;
        this.errorCode = errorCode;
        this.address = address;
    }

    /** An exception without an error code. */
    public static CpuException of(int vector) {
        return new CpuException(vector, false, 0, 0);
    }

    /** An exception with an error code. */
    public static CpuException of(int vector, int errorCode) {
        return new CpuException(vector, true, errorCode, 0);
    }

    /** #PF: {@code address} goes to CR2. */
    public static CpuException pageFault(long address, int errorCode) {
        return new CpuException(PF, true, errorCode, address);
    }

    /** Vector, 0 to 31. */
    public int vector() {
        return vector;
    }

    /** The error code to push, if {@link #hasErrorCode()}. */
    public int errorCode() {
        return errorCode;
    }

    public boolean hasErrorCode() {
        return hasErrorCode;
    }

    /** Linear address of a #PF. */
    public long address() {
        return address;
    }

    @Override
    public String getMessage() {
        return "exception " + vector + (hasErrorCode ? " error 0x" + Integer.toHexString(errorCode) : "")
                + (vector == PF ? " at 0x" + Long.toHexString(address) : "");
    }
}
