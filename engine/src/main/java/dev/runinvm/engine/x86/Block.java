package dev.runinvm.engine.x86;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Straight-line code at one linear and one physical address, decoded. It holds while its {@link #generation} is the
 * Mmu's: the translation was looked up then and the bytes have not been written since.
 */
final class Block {
    /** Generation of a block whose bytes have changed. */
    static final int DROPPED = -1;

    private static final Insn ABANDON = new Abandon();

    final long address;
    final long physical;
    /** Bytes in the first page. */
    final int length;
    /** Physical address of the second page an instruction reaches into, or -1. */
    final long secondPage;

    final Insn[] code;
    /** Where each of them starts. */
    private final short[] offsets;
    /** Instructions, without the jump that may have been appended. */
    final int count;
    /** See {@link Insn#leaves}, of the last instruction. */
    final boolean leaves;

    int generation;

    /** Where control went from here the last times. */
    @Nullable
    Block recent;

    @Nullable
    Block earlier;

    /** Next in the bucket of the table; next of the same page. */
    @Nullable
    Block nextInBucket;

    @Nullable
    Block nextInPage;

    Block(long address, long physical, int length, long secondPage, Insn[] code, int count) {
        this.address = address;
        this.physical = physical;
        this.length = length;
        this.secondPage = secondPage;
        this.code = code;
        this.offsets = new short[code.length];
        for (int i = 1; i < code.length; i++) {
            offsets[i] = (short) (offsets[i - 1] + code[i - 1].length);
        }
        this.count = count;
        this.leaves = code[code.length - 1].leaves;
    }

    /** Linear address of an instruction. */
    long addressOf(int index) {
        return address + (offsets[index] & 0xffff);
    }

    /** Makes it unusable; if it is being executed, that ends after the current instruction. */
    void drop() {
        generation = DROPPED;
        recent = null;
        earlier = null;
        Arrays.fill(code, ABANDON);
    }

    /** Thrown where the rest of a block must not be executed. */
    static final class Abandoned extends RuntimeException {
        private static final long serialVersionUID = 1L;
        static final Abandoned INSTANCE = new Abandoned();

        private Abandoned() {
            super(null, null, false, false);
        }
    }

    private static final class Abandon extends Insn {
        @Override
        void exec(Cpu cpu) {
            throw Abandoned.INSTANCE;
        }
    }
}
