package dev.runinvm.engine.x86;

/** CPUID of the CPU that runs ring 3; Java cannot execute the instruction itself. */
public interface HostCpuid {
    /**
     * One leaf.
     *
     * @return EAX, EBX, ECX, EDX
     */
    int[] leaf(int eax, int ecx);
}
