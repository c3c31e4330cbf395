package dev.runinvm.engine.x86;

/** Knows which pages of memory are page tables that the guest's kernel maps read-only and nevertheless may write. */
public interface TableGuard {
    /** Whether the kernel may write a page although its mapping is read-only. */
    boolean mayWrite(long physicalAddress);

    /** Such a page was written. */
    void written(long physicalAddress, int length);
}
