package dev.runinvm.engine.x86;

import dev.runinvm.engine.machine.GuestMemory;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The decoded blocks, by linear address for the interpreter and by physical page for writes to them. */
public final class CodeCache implements CodeListener {
    private static final int PAGE = GuestMemory.PAGE_SIZE;
    private static final int BUCKETS = 1 << 17;
    /** Most blocks kept; then all are dropped, which costs less than it is rare. */
    private static final int MOST_BLOCKS = 600_000;

    private static final int MOST_INSTRUCTIONS = 40;
    /** So often must control fall through a block's end for it to be extended. */
    private static final int FALLS_THROUGH = 16;
    /** Most direct jumps that a block follows. */
    private static final int MOST_JUMPS = 4;

    private final Mmu mmu;
    private final GuestMemory memory;
    private final Decoder decoder = new Decoder();
    private final @Nullable Block[] buckets = new @Nullable Block[BUCKETS];
    private final Map<Long, CodePage> pages = new HashMap<>();
    private final byte[] bytes = new byte[PAGE + Decoder.MAX_LENGTH];
    private final Insn[] decoded = new Insn[MOST_INSTRUCTIONS + 1];
    private final short[] offsets = new short[MOST_INSTRUCTIONS + 1];
    private int blocks;
    private @Nullable SharedCode shared;

    /** Blocks decoded, once or twice, and dropped because their bytes were written, since the start. */
    public long blocksDecoded;

    public long blocksDropped;

    /** Decoded code of one physical page. */
    private static final class CodePage {
        /** Blocks that start here. */
        @Nullable
        Block first;
        /** The one that starts in another page and ends here; there can be several aliases of it. */
        final Map<Block, Boolean> reachingIn = new HashMap<>(0);
        /** One bit for each 64 bytes: decoded code may be there. */
        long pieces;
    }

    CodeCache(Mmu mmu, GuestMemory memory) {
        this.mmu = mmu;
        this.memory = memory;
        mmu.setCodeListener(this);
    }

    private static int bucket(long address) {
        return (int) (address ^ address >>> 17) & BUCKETS - 1;
    }

    /**
     * The block at a linear address, decoded if need be.
     *
     * @throws CpuException if the fetch faults
     */
    Block find(long address) {
        int generation = mmu.codeGeneration;
        for (Block b = buckets[bucket(address)]; b != null; b = b.nextInBucket) {
            if (b.address == address && b.generation == generation) {
                return b;
            }
        }
        return translated(address);
    }

    private Block translated(long address) {
        long physical = mmu.fetch(address);
        int generation = mmu.codeGeneration;
        for (Block b = buckets[bucket(address)]; b != null; b = b.nextInBucket) {
            if (b.address == address && b.physical == physical && secondPageIs(b)) {
                b.generation = generation;
                return b;
            }
        }
        return decode(address, physical, false);
    }

    /**
     * Called when control has fallen through the end of a block: decodes one anew that goes on there, once this has
     * happened a few times. Most of a kernel's code runs once or twice; it is not worth being decoded twice.
     */
    void fellThrough(Block b) {
        if (!b.extended
                && ++b.fallsThrough == FALLS_THROUGH
                && b.secondPage < 0
                && b.generation == mmu.codeGeneration) {
            CodePage page = pages.get(b.physical >>> 12);
            if (page != null) {
                unlink(page, b);
                drop(b);
                blocksDropped--;
                decode(b.address, b.physical, true);
            }
        }
    }

    private boolean secondPageIs(Block b) {
        return b.secondPage < 0 || mmu.fetch((b.address & -PAGE) + PAGE) == b.secondPage;
    }

    /**
     * Decodes a block and enters it. An instruction that reaches into the next page is a block of its own.
     *
     * <p>One long method on purpose, like {@link Mmu}'s translation: it must not be compiled into the run loop.
     */
    private Block decode(long address, long physical, boolean extended) {
        SharedCode others = extended ? null : sharedWith(physical);
        Block known = others == null ? null : others.find(address, physical);
        if (known != null) {
            enter(known);
            return known;
        }
        long page = physical & -PAGE;
        long linearPage = address & -PAGE;
        if (!copy(page, 0, PAGE)) {
            return single(address, physical);
        }
        int start = (int) (address - linearPage);
        int at = start;
        int low = start;
        int high = start + 1;
        int count = 0;
        int jumps = 0;
        long secondPage = -1;
        boolean open = true;
        while (open && count < MOST_INSTRUCTIONS && at < PAGE) {
            int length = decoder.decode(bytes, at, PAGE, linearPage + at);
            if (length == Decoder.TRUNCATED) {
                if (count > 0) {
                    break;
                }
                secondPage = mmu.fetch(linearPage + PAGE);
                if (!copy(secondPage, PAGE, Decoder.MAX_LENGTH)) {
                    return single(address, physical);
                }
                length = decoder.decode(bytes, at, PAGE + Decoder.MAX_LENGTH, address);
            }
            Insn insn = length < 0 ? new SystemForms.Fault(CpuException.GP) : InsnFactory.create(decoder);
            high = Math.max(high, at + insn.length);
            if (extended && jumps < MOST_JUMPS && count > 0 && BranchInstructions.isDirectJump(decoder)) {
                long target = decoder.target();
                if ((target & -PAGE) == linearPage) {
                    jumps++;
                    at = (int) (target - linearPage);
                    low = Math.min(low, at);
                    high = Math.max(high, at + 1);
                    continue;
                }
            }
            if (!(insn instanceof SystemForms.Nop)) {
                offsets[count] = (short) (at - start);
                decoded[count++] = insn;
            }
            at += insn.length;
            open = !insn.ends && secondPage < 0 && (extended || !BranchInstructions.isConditional(decoder));
        }
        boolean ends = count > 0 && decoded[count - 1].ends;
        if (!ends) {
            offsets[count] = (short) (at - start);
            decoded[count++] = BranchInstructions.fallThrough(linearPage + at);
        }
        Block b = new Block(
                address,
                physical,
                page + low,
                page + Math.min(high, PAGE),
                secondPage,
                Arrays.copyOf(decoded, count),
                Arrays.copyOf(offsets, count),
                extended);
        blocksDecoded++;
        others = secondPage >= 0 ? null : sharedWith(physical);
        if (others != null) {
            others.keep(b);
        }
        enter(b);
        return b;
    }

    private void enter(Block b) {
        if (blocks >= MOST_BLOCKS) {
            dropAll();
        }
        b.generation = mmu.codeGeneration;
        int bucket = bucket(b.address);
        b.nextInBucket = buckets[bucket];
        buckets[bucket] = b;
        CodePage home = page(b.physical);
        b.nextInPage = home.first;
        home.first = b;
        home.pieces |= pieces(b.low, b.high);
        if (b.secondPage >= 0) {
            CodePage second = page(b.secondPage);
            second.reachingIn.put(b, true);
            second.pieces |= 1;
        }
        blocks++;
    }

    /** Where code of a page is shared; null if the page is this guest's own. */
    private @Nullable SharedCode sharedWith(long physical) {
        if (shared == null) {
            return null;
        }
        long offset = memory.offset(physical);
        return offset >= 0 && memory.source(offset) != 0 ? shared : null;
    }

    /** Shares, from now on, code of pages that lie in the files that back memory. */
    public void share(SharedCode code) {
        shared = code;
    }

    /** An undefined instruction outside the cache: what is no memory holds no code. */
    private static Block single(long address, long physical) {
        Insn[] code = {new SystemForms.Fault(CpuException.UD)};
        Block b = new Block(address, physical, physical, physical + 1, -1, code, new short[1], true);
        b.generation = Block.DROPPED;
        return b;
    }

    private boolean copy(long physical, int to, int length) {
        long offset = memory.offset(physical);
        if (offset < 0) {
            return false;
        }
        memory.buffer(offset).get(memory.index(offset), bytes, to, length);
        return true;
    }

    private CodePage page(long physical) {
        long number = physical >>> 12;
        CodePage page = pages.get(number);
        if (page == null) {
            page = new CodePage();
            pages.put(number, page);
            mmu.protectCode(physical);
        }
        return page;
    }

    private static long pieces(long from, long to) {
        int first = (int) (from & PAGE - 1) >> 6;
        int last = (int) (to - 1 & PAGE - 1) >> 6;
        return -1L << first & -1L >>> 63 - last;
    }

    @Override
    public void codeWritten(long physical, int length) {
        CodePage page = pages.get(physical >>> 12);
        if (page == null) {
            mmu.unprotectCode(physical);
            return;
        }
        if ((page.pieces & pieces(physical, physical + length)) != 0) {
            dropOverlapping(page, physical, length);
        }
    }

    /** A device, or ring-3 code running directly, has changed memory. Call it on the vCPU's thread. */
    public void codeChangedByDevice(long physical, int length) {
        for (long at = physical; at < physical + length; at = (at | PAGE - 1) + 1) {
            codeWritten(at, (int) Math.min(physical + length - at, PAGE - (at & PAGE - 1)));
        }
    }

    /** Drops all code of a physical page, which from now on may change unnoticed. */
    public void dropPage(long physical) {
        CodePage page = pages.get(physical >>> 12);
        if (page != null) {
            dropOverlapping(page, physical & -PAGE, PAGE);
        }
    }

    private void dropOverlapping(CodePage page, long physical, int length) {
        long end = physical + length;
        Block kept = null;
        Block next;
        page.pieces = 0;
        for (Block b = page.first; b != null; b = next) {
            next = b.nextInPage;
            if (b.overlaps(physical, end)) {
                drop(b);
                if (b.secondPage >= 0) {
                    forget(b.secondPage, b);
                }
            } else {
                b.nextInPage = kept;
                kept = b;
                page.pieces |= pieces(b.low, b.high);
            }
        }
        page.first = kept;
        if ((physical & PAGE - 1) < Decoder.MAX_LENGTH) {
            dropReachingIn(page);
        } else if (!page.reachingIn.isEmpty()) {
            page.pieces |= 1;
        }
        if (kept == null && page.reachingIn.isEmpty()) {
            pages.remove(physical >>> 12);
            mmu.unprotectCode(physical);
        }
    }

    private void dropReachingIn(CodePage page) {
        for (Block b : page.reachingIn.keySet()) {
            drop(b);
            CodePage home = pages.get(b.physical >>> 12);
            if (home != null) {
                unlink(home, b);
            }
        }
        page.reachingIn.clear();
    }

    private static void unlink(CodePage page, Block gone) {
        Block kept = null;
        Block next;
        for (Block b = page.first; b != null; b = next) {
            next = b.nextInPage;
            if (b != gone) {
                b.nextInPage = kept;
                kept = b;
            }
        }
        page.first = kept;
    }

    private void forget(long secondPage, Block b) {
        CodePage page = pages.get(secondPage >>> 12);
        if (page != null) {
            page.reachingIn.remove(b);
        }
    }

    private void drop(Block gone) {
        int bucket = bucket(gone.address);
        Block before = null;
        for (Block b = buckets[bucket]; b != null; before = b, b = b.nextInBucket) {
            if (b == gone) {
                if (before == null) {
                    buckets[bucket] = b.nextInBucket;
                } else {
                    before.nextInBucket = b.nextInBucket;
                }
                break;
            }
        }
        gone.drop();
        blocks--;
        blocksDropped++;
    }

    /** Drops everything, for instance when memory was replaced by a snapshot's. */
    public void dropAll() {
        for (int i = 0; i < BUCKETS; i++) {
            for (Block b = buckets[i]; b != null; b = b.nextInBucket) {
                b.drop();
            }
            buckets[i] = null;
        }
        for (long number : pages.keySet()) {
            mmu.unprotectCode(number << 12);
        }
        pages.clear();
        blocks = 0;
    }
}
