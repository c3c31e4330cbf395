package dev.runinvm.engine.os.kvm;

import com.sun.jna.Memory;

/** General registers of a processor, as the kernel hands them over. */
public final class KvmRegisters {
    public static final int RAX = 0;
    public static final int RBX = 1;
    public static final int RCX = 2;
    public static final int RDX = 3;
    public static final int RSI = 4;
    public static final int RDI = 5;
    public static final int RSP = 6;
    public static final int RBP = 7;

    /** RAX, RBX, RCX, RDX, RSI, RDI, RSP, RBP (the kernel's order, not the instruction set's), R8 to R15. */
    public final long[] general = new long[16];

    public long rip;
    public long rflags = 2;

    static KvmRegisters read(Memory from) {
        KvmRegisters r = new KvmRegisters();
        from.read(0, r.general, 0, 16);
        r.rip = from.getLong(KvmAbi.REGS_RIP);
        r.rflags = from.getLong(KvmAbi.REGS_RFLAGS);
        return r;
    }

    void write(Memory to) {
        to.write(0, general, 0, 16);
        to.setLong(KvmAbi.REGS_RIP, rip);
        to.setLong(KvmAbi.REGS_RFLAGS, rflags);
    }
}
