package dev.runinvm.engine.x86;

/** A decoded SSE, AVX or x87 instruction that the interpreter hands on to a {@link VectorUnit}. */
public interface VectorInsn {
    /** The instruction's bytes, 1 to 15 of them. */
    byte[] bytes();

    /** Index of the ModR/M byte in {@link #bytes()}, or -1. */
    int modrmOffset();

    /** Whether the ModR/M operand is memory. */
    boolean hasMemory();

    /** Linear address of the memory operand with the present registers; only if {@link #hasMemory()}. */
    long linearAddress(Cpu cpu);
}
