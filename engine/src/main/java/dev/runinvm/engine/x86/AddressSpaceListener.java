package dev.runinvm.engine.x86;

/** Told of every change of the guest's translations that software announces, so that copies of them can follow. */
public interface AddressSpaceListener {
    /** What a flush covers (SDM vol. 3, 4.10.4.1; the types of INVPCID). */
    enum Flush {
        /** One address of one PCID, global pages excepted. */
        ADDRESS,
        /** Everything of one PCID, global pages excepted. */
        PCID,
        /** Everything of all PCIDs, global pages included. */
        ALL,
        /** Everything of all PCIDs, global pages excepted. */
        ALL_BUT_GLOBAL
    }

    /**
     * MOV to CR3 was executed.
     *
     * @param newCr3 with bit 63 cleared; the low 12 bits are the PCID while CR4.PCIDE is set
     * @param noFlush translations of the new PCID stay valid: CR4.PCIDE was set and so was bit 63 of the operand
     */
    void cr3Loaded(long oldCr3, long newCr3, boolean noFlush);

    /** INVLPG: the page of an address in the current address space, global or not. */
    void invlpg(long linear);

    /**
     * INVPCID, or a change of CR0 or CR4 that empties the TLB.
     *
     * @param pcid for {@link Flush#ADDRESS} and {@link Flush#PCID}
     * @param linear for {@link Flush#ADDRESS}
     */
    void flush(Flush kind, int pcid, long linear);
}
