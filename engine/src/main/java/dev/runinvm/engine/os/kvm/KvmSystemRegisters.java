package dev.runinvm.engine.os.kvm;

import com.sun.jna.Memory;

/** Segments, descriptor tables and control registers of a processor, as the kernel hands them over. */
public final class KvmSystemRegisters {
    public static final int CS = 0;
    public static final int DS = 1;
    public static final int ES = 2;
    public static final int FS = 3;
    public static final int GS = 4;
    public static final int SS = 5;
    public static final int TR = 6;
    public static final int LDTR = 7;

    private static final int SEGMENTS = 8;
    private static final int ACCESS_PRESENT = 0x80;

    /** CS, DS, ES, FS, GS, SS, TR, LDTR: the kernel's order, not the instruction set's. */
    public final int[] selector = new int[SEGMENTS];

    public final long[] base = new long[SEGMENTS];
    public final int[] limit = new int[SEGMENTS];
    /**
     * Access rights: bytes 5 and 6 of a descriptor, type, S, DPL and P in bits 0 to 7, AVL, L, D/B and G in bits 12 to 15.
     * A segment that is not present is unusable.
     */
    public final int[] access = new int[SEGMENTS];

    public long gdtBase;
    public int gdtLimit;
    public long idtBase;
    public int idtLimit;
    public long cr0;
    public long cr2;
    public long cr3;
    public long cr4;
    public long cr8;
    public long efer;
    public long apicBase;

    static KvmSystemRegisters read(Memory from) {
        KvmSystemRegisters s = new KvmSystemRegisters();
        for (int i = 0; i < SEGMENTS; i++) {
            long at = (long) i * KvmAbi.SEGMENT_SIZE;
            s.base[i] = from.getLong(at);
            s.limit[i] = from.getInt(at + KvmAbi.SEGMENT_LIMIT);
            s.selector[i] = from.getShort(at + KvmAbi.SEGMENT_SELECTOR) & 0xffff;
            s.access[i] = from.getByte(at + KvmAbi.SEGMENT_TYPE) & 0xf
                    | bit(from, at + KvmAbi.SEGMENT_S, 4)
                    | (from.getByte(at + KvmAbi.SEGMENT_DPL) & 3) << 5
                    | bit(from, at + KvmAbi.SEGMENT_PRESENT, 7)
                    | bit(from, at + KvmAbi.SEGMENT_AVL, 12)
                    | bit(from, at + KvmAbi.SEGMENT_L, 13)
                    | bit(from, at + KvmAbi.SEGMENT_DB, 14)
                    | bit(from, at + KvmAbi.SEGMENT_G, 15);
        }
        s.gdtBase = from.getLong(KvmAbi.SREGS_GDT);
        s.gdtLimit = from.getShort(KvmAbi.SREGS_GDT + KvmAbi.DTABLE_LIMIT) & 0xffff;
        s.idtBase = from.getLong(KvmAbi.SREGS_IDT);
        s.idtLimit = from.getShort(KvmAbi.SREGS_IDT + KvmAbi.DTABLE_LIMIT) & 0xffff;
        s.cr0 = from.getLong(KvmAbi.SREGS_CR0);
        s.cr2 = from.getLong(KvmAbi.SREGS_CR2);
        s.cr3 = from.getLong(KvmAbi.SREGS_CR3);
        s.cr4 = from.getLong(KvmAbi.SREGS_CR4);
        s.cr8 = from.getLong(KvmAbi.SREGS_CR8);
        s.efer = from.getLong(KvmAbi.SREGS_EFER);
        s.apicBase = from.getLong(KvmAbi.SREGS_APIC_BASE);
        return s;
    }

    private static int bit(Memory from, long at, int to) {
        return (from.getByte(at) & 1) << to;
    }

    /** Writes all that is known here; what else is in the structure stays. */
    void write(Memory to) {
        for (int i = 0; i < SEGMENTS; i++) {
            long at = (long) i * KvmAbi.SEGMENT_SIZE;
            int a = access[i];
            to.setLong(at, base[i]);
            to.setInt(at + KvmAbi.SEGMENT_LIMIT, limit[i]);
            to.setShort(at + KvmAbi.SEGMENT_SELECTOR, (short) selector[i]);
            to.setByte(at + KvmAbi.SEGMENT_TYPE, (byte) (a & 0xf));
            to.setByte(at + KvmAbi.SEGMENT_S, (byte) (a >> 4 & 1));
            to.setByte(at + KvmAbi.SEGMENT_DPL, (byte) (a >> 5 & 3));
            to.setByte(at + KvmAbi.SEGMENT_PRESENT, (byte) (a >> 7 & 1));
            to.setByte(at + KvmAbi.SEGMENT_AVL, (byte) (a >> 12 & 1));
            to.setByte(at + KvmAbi.SEGMENT_L, (byte) (a >> 13 & 1));
            to.setByte(at + KvmAbi.SEGMENT_DB, (byte) (a >> 14 & 1));
            to.setByte(at + KvmAbi.SEGMENT_G, (byte) (a >> 15 & 1));
            to.setByte(at + KvmAbi.SEGMENT_UNUSABLE, (byte) ((a & ACCESS_PRESENT) == 0 ? 1 : 0));
        }
        to.setLong(KvmAbi.SREGS_GDT, gdtBase);
        to.setShort(KvmAbi.SREGS_GDT + KvmAbi.DTABLE_LIMIT, (short) gdtLimit);
        to.setLong(KvmAbi.SREGS_IDT, idtBase);
        to.setShort(KvmAbi.SREGS_IDT + KvmAbi.DTABLE_LIMIT, (short) idtLimit);
        to.setLong(KvmAbi.SREGS_CR0, cr0);
        to.setLong(KvmAbi.SREGS_CR2, cr2);
        to.setLong(KvmAbi.SREGS_CR3, cr3);
        to.setLong(KvmAbi.SREGS_CR4, cr4);
        to.setLong(KvmAbi.SREGS_CR8, cr8);
        to.setLong(KvmAbi.SREGS_EFER, efer);
        to.setLong(KvmAbi.SREGS_APIC_BASE, apicBase);
    }
}
