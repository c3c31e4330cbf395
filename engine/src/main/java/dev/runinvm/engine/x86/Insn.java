package dev.runinvm.engine.x86;

import org.jspecify.annotations.Nullable;

/**
 * One decoded instruction at one linear address, with its operands worked out as far as they are constant. An
 * instruction that throws {@link CpuException} leaves registers, flags and memory as they were.
 */
abstract class Insn implements Cloneable {
    /** Bytes; 0 for what a block appends. */
    byte length;
    /** Control never goes on behind it, or what follows may have to be decoded or translated anew. */
    boolean ends;
    /** It ends its block and may change the privilege level, RFLAGS.IF or TF, the interrupt shadow, or halt. */
    boolean leaves;
    /** The block that came after, the last time control left the block here. */
    @Nullable
    Block link;

    /**
     * Executes it.
     *
     * @return whether to go on with the next instruction of the block; if not, RIP is set
     */
    abstract boolean exec(Cpu cpu);

    /** The same, remembering nothing of where control went from here. */
    final Insn copy() {
        try {
            Insn copy = (Insn) clone();
            copy.link = null;
            return copy;
        } catch (CloneNotSupportedException e) {
            throw new AssertionError(e);
        }
    }
}
