package dev.runinvm.engine.x86;

/** Executes the vector and floating-point instructions that the interpreter itself does not implement. */
public interface VectorUnit {
    /**
     * Executes one instruction on {@code cpu.s}, all but the advance of RIP.
     *
     * @throws CpuException if it faults in the guest
     */
    void execute(Cpu cpu, VectorInsn insn);
}
