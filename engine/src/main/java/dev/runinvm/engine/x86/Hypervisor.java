package dev.runinvm.engine.x86;

/**
 * What stands below a paravirtualized kernel, in the place of the processor's own ways into and out of it: the kernel
 * has no IDT and no LSTAR of its own, and returns by a call. A kernel on plain hardware has none of this.
 *
 * <p>All methods belong to the vCPU's thread. The guest's kernel runs at CPL 0, its programs at CPL 3.
 */
public interface Hypervisor {
    /**
     * SYSCALL: of a program a system call, of the kernel a hypercall.
     *
     * @param nextRip address of the next instruction
     */
    void syscall(Cpu cpu, long nextRip);

    /** An exception at RIP, to be emulated away or delivered. */
    void exception(Cpu cpu, CpuException exception);

    /**
     * INT n and INT3.
     *
     * @param nextRip address of the next instruction
     */
    void interrupt(Cpu cpu, int vector, long nextRip);

    /**
     * IRET of the kernel, which changes no privilege level. One of a program's is none of the hypervisor's business.
     *
     * @param operandSize 2, 4 or 8 bytes
     */
    void iret(Cpu cpu, int operandSize);

    /**
     * Takes a pending event, if events may be taken.
     *
     * @return whether one was delivered
     */
    boolean acceptEvent(Cpu cpu);
}
