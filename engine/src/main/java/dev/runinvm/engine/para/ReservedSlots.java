package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.GuestMemory;

/** The top-level slots 256 to 271, which are the hypervisor's in every address space: frames' numbers, and the GDT. */
final class ReservedSlots {
    static final int FIRST = 256;
    static final int LAST = 271;
    /** Where the machine-to-phys table can be read. */
    static final long MACHINE_TO_PHYS = 0xffff_8000_0000_0000L;
    /** Where the GDT lies: 14 pages of the guest's, then the hypervisor's own. */
    static final long GDT = 0xffff_8200_0000_0000L;

    static final int GDT_PAGES = 14;
    /** Descriptors the guest may have. */
    static final int GDT_ENTRIES = GDT_PAGES * 512;

    private static final long PRESENT = 1;
    private static final long WRITABLE = 2;
    private static final long ACCESSED_DIRTY = 0x60;
    private static final long LARGE = 0x80;
    private static final long NO_EXECUTE = 1L << 63;

    private ReservedSlots() {}

    /** Writes the tables behind these slots. */
    static void write(GuestMemory memory, MachineLayout layout) {
        memory.putLong(layout.m2pL3(), layout.m2pL2() | PRESENT | ACCESSED_DIRTY);
        for (long at = 0; at < layout.m2pSize(); at += MachineLayout.LARGE_PAGE) {
            long entry = layout.m2p() + at | PRESENT | ACCESSED_DIRTY | LARGE | NO_EXECUTE;
            memory.putLong(layout.m2pL2() + 8 * (at / MachineLayout.LARGE_PAGE), entry);
        }
        memory.putLong(layout.gdtL3(), layout.gdtL2() | PRESENT | WRITABLE | ACCESSED_DIRTY);
        memory.putLong(layout.gdtL2(), layout.gdtL1() | PRESENT | WRITABLE | ACCESSED_DIRTY);
        long page = layout.reservedGdtPage();
        memory.putLong(layout.gdtL1() + 8L * GDT_PAGES, page | PRESENT | ACCESSED_DIRTY | NO_EXECUTE);
        memory.putLong(page + (Selectors.KERNEL_CS & 0xff8), Selectors.CODE);
        memory.putLong(page + (Selectors.KERNEL_SS & 0xff8), Selectors.DATA);
    }

    /** Enters these slots in a top-level table. */
    static void enter(GuestMemory memory, MachineLayout layout, long root) {
        for (int i = FIRST; i <= LAST; i++) {
            memory.putLong(root + 8L * i, 0);
        }
        memory.putLong(root + 8 * slot(MACHINE_TO_PHYS), layout.m2pL3() | PRESENT | ACCESSED_DIRTY);
        memory.putLong(root + 8 * slot(GDT), layout.gdtL3() | PRESENT | WRITABLE | ACCESSED_DIRTY);
    }

    private static long slot(long address) {
        return address >>> 39 & 511;
    }

    /** Maps a page of the guest's GDT, or nothing where the frame is 0. */
    static void mapGdt(GuestMemory memory, MachineLayout layout, int page, long frame) {
        memory.putLong(
                layout.gdtL1() + 8L * page, frame == 0 ? 0 : frame << 12 | PRESENT | ACCESSED_DIRTY | NO_EXECUTE);
    }
}
