package dev.runinvm.engine.x86;

/** Told when memory changes that code was decoded from; see {@link Mmu#protectCode}. */
public interface CodeListener {
    /**
     * Bytes of protected pages were written; they already have their new value. May call
     * {@link Mmu#unprotectCode}, which lets further writes pass unnoticed.
     *
     * @param physical first byte
     * @param length bytes, at least 1
     */
    void codeWritten(long physical, int length);
}
