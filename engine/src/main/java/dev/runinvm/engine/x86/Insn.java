package dev.runinvm.engine.x86;

/**
 * One decoded instruction at one linear address, with its operands worked out as far as they are constant. The last
 * instruction of a block sets RIP; the others leave it alone. An instruction that throws {@link CpuException} leaves
 * registers, flags and memory as they were.
 */
abstract class Insn {
    /** Bytes; 0 for what a block appends. */
    byte length;
    /** Control may go elsewhere, or what follows may have to be decoded or translated anew. */
    boolean ends;
    /** It ends its block and may change the privilege level, RFLAGS.IF or TF, the interrupt shadow, or halt. */
    boolean leaves;

    abstract void exec(Cpu cpu);
}
