package dev.runinvm.engine.os.kvm;

/**
 * What CPUID answers for one leaf.
 *
 * @param function EAX asked for
 * @param index ECX asked for, where {@code flags} say that it matters
 * @param flags as the kernel gave them
 */
public record CpuidEntry(int function, int index, int flags, int eax, int ebx, int ecx, int edx) {
    /** The same leaf with other answers. */
    public CpuidEntry with(int newEax, int newEbx, int newEcx, int newEdx) {
        return new CpuidEntry(function, index, flags, newEax, newEbx, newEcx, newEdx);
    }
}
