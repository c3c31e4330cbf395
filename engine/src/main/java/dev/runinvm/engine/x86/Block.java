package dev.runinvm.engine.x86;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Code decoded from one linear and one physical address on: up to the first branch or, if it is executed often, past
 * conditional branches and through direct jumps within the page. It holds while its {@link #generation} is the Mmu's: the translation was looked up then
 * and the bytes have not been written since.
 */
final class Block {
    /** Generation of a block whose bytes have changed. */
    static final int DROPPED = -1;

    /** What the instructions of a dropped block become. */
    static final Insn ABANDON = new Abandon();

    final long address;
    final long physical;
    /** Physical addresses of the bytes in the first page: from the lowest up to the one after the highest. */
    final long low;

    final long high;
    /** Physical address of the second page an instruction reaches into, or -1. */
    final long secondPage;

    /** The last one never lets the execution go on behind it. */
    final Insn[] code;

    /** Where each of them starts, from {@link #address} on. */
    private final short[] offsets;

    /** Decoded past conditional branches and through jumps; else it ends at the first of them. */
    final boolean extended;

    int generation;
    /** How often control fell through its end, to tell whether it is worth being extended. */
    int fallsThrough;

    /** Next in the bucket of the table; next of the same page. */
    @Nullable
    Block nextInBucket;

    @Nullable
    Block nextInPage;

    Block(
            long address,
            long physical,
            long low,
            long high,
            long secondPage,
            Insn[] code,
            short[] offsets,
            boolean extended) {
        this.extended = extended;
        this.address = address;
        this.physical = physical;
        this.low = low;
        this.high = high;
        this.secondPage = secondPage;
        this.code = code;
        this.offsets = offsets;
    }

    /** The same code for another machine. */
    Block copy() {
        Insn[] same = new Insn[code.length];
        for (int i = 0; i < same.length; i++) {
            same[i] = code[i].copy();
        }
        return new Block(address, physical, low, high, secondPage, same, offsets, extended);
    }

    /** Linear address of an instruction. */
    long addressOf(int index) {
        return address + offsets[index];
    }

    /** Whether it was decoded from any of these bytes of its first page. */
    boolean overlaps(long from, long to) {
        return low < to && from < high;
    }

    /** Makes it unusable; if it is being executed, that ends after the current instruction. */
    void drop() {
        generation = DROPPED;
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
        Abandon() {
            leaves = true; // whatever the instruction was that it replaced
        }

        @Override
        boolean exec(Cpu cpu) {
            throw Abandoned.INSTANCE;
        }
    }
}
