package dev.runinvm.engine.direct;

import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import dev.runinvm.engine.x86.CpuidScan;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Keeps guest code from asking the host's CPU what it is, where CPUID cannot be made to fault. A page of code that
 * probably has a CPUID instruction is not mapped executable: what is executed there is interpreted, until it is proven
 * which of the bytes are that instruction. From then on a copy of the page is executed in which they are UD2.
 *
 * <p>Nothing is ever patched on a guess, for the bytes could be data, or part of another instruction. What is never
 * proven is given up after a while, and so is a page that can be written, which cannot be executed as a copy: that CPUID
 * then shows the host's CPU.
 *
 * <p>A page that is both writable and executable is mapped executable only when it, or a neighbour, is first executed, so
 * that code made at run time is seen once before it runs.
 *
 * <p>What is proven is part of a snapshot: the guests that go on from there have the same pages, and need not prove it again.
 */
final class HiddenCpuid implements Stateful {
    private static final int PAGE = GuestMemory.PAGE_SIZE;
    /** Instructions interpreted on a page before what is not proven is given up. */
    private static final int BUDGET = 20_000;
    /** What one visit of the page costs on top of its instructions, in the same unit. */
    private static final int VISIT = 400;

    private static final byte UD2 = 0x0b;

    private final GuestMemory memory;
    private final CpuidScan scan = new CpuidScan();
    private final DirectCounters counters;
    private final Map<Long, Suspect> suspects = new HashMap<>();
    /** Numbers of the pages that were ever looked at. */
    private final BitSet seen = new BitSet();
    /** Those that had nothing of the kind when the snapshot was taken which the guest goes on from. */
    private BitSet harmless = new BitSet();

    private final byte[] bytes = new byte[PAGE];
    private int copies;

    /** A page that probably has a CPUID instruction. */
    private static final class Suspect {
        final int[] likely;
        final BitSet proven = new BitSet();
        int budget = BUDGET;
        /** Which of the spare pages holds its copy, -1 none. */
        int copy = -1;

        Suspect(int[] likely) {
            this.likely = likely;
        }

        boolean settled() {
            return budget <= 0 || proven.cardinality() == likely.length;
        }
    }

    HiddenCpuid(GuestMemory memory, DirectCounters counters) {
        this.memory = memory;
        this.counters = counters;
    }

    /**
     * How a page is to be mapped.
     *
     * @param protection what the guest's tables allow
     * @param fetched whether code on it, or close by, is about to be executed
     * @param executable whether it is mapped executable already
     * @return the same, or without PROT_EXEC
     */
    int protection(long physical, int protection, boolean fetched, boolean executable) {
        if ((protection & Batch.PROT_EXEC) == 0) {
            return protection;
        }
        boolean writable = (protection & Batch.PROT_WRITE) != 0;
        if (writable && executable) {
            return protection;
        }
        if (writable && !fetched) {
            return protection & ~Batch.PROT_EXEC;
        }
        Suspect s = look(physical);
        if (s == null || s.settled()) {
            return protection;
        }
        return protection & ~Batch.PROT_EXEC;
    }

    /** The spare page to be executed instead of a page, -1 if it may be executed itself. */
    int copy(long physical, int protection) {
        if (suspects.isEmpty() || (protection & (Batch.PROT_EXEC | Batch.PROT_WRITE)) != Batch.PROT_EXEC) {
            return -1;
        }
        Suspect s = suspects.get(physical >>> 12);
        if (s == null || s.proven.isEmpty()) {
            return -1;
        }
        if (s.copy < 0) {
            if (copies == GuestMemory.SPARE_PAGES) {
                return -1;
            }
            s.copy = copies++;
        }
        read(physical);
        s.proven.stream().forEach(at -> bytes[at + 1] = UD2);
        memory.spare(s.copy).put(0, bytes);
        counters.cpuidPages = copies;
        return s.copy;
    }

    /** A page with suspects on it, as it is now; null if it has none. */
    private @Nullable Suspect look(long physical) {
        long number = physical >>> 12;
        if (harmless.get((int) number) && memory.source(memory.offset(physical)) != 0) {
            return null; // as it was
        }
        seen.set((int) number);
        Suspect known = suspects.get(number);
        if (!hasCandidate(physical)) {
            if (known != null && known.copy < 0) {
                suspects.remove(number);
            }
            return known != null && known.copy >= 0 ? renew(number, known, new int[0]) : null;
        }
        read(physical);
        int[] likely = scan.likely(bytes);
        if (known != null && Arrays.equals(known.likely, likely)) {
            return known;
        }
        if (likely.length == 0 && known == null) {
            return null;
        }
        return renew(number, known, likely);
    }

    /** The page has other content now. Its copy stays its own: another process may still have it mapped. */
    private Suspect renew(long number, @Nullable Suspect known, int[] likely) {
        Suspect s = new Suspect(likely);
        if (known != null) {
            s.copy = known.copy;
        }
        suspects.put(number, s);
        return s;
    }

    private boolean hasCandidate(long physical) {
        long offset = memory.offset(physical);
        ByteBuffer buffer = memory.buffer(offset);
        int start = memory.index(offset);
        long pattern = 0xa2a2_a2a2_a2a2_a2a2L;
        for (int at = start; at < start + PAGE; at += 8) {
            long x = buffer.getLong(at) ^ pattern;
            // A byte of x is 0 where there was A2 (the highest set bit of each is exact enough to look closer).
            if ((x - 0x0101_0101_0101_0101L & ~x & 0x8080_8080_8080_8080L) != 0) {
                for (int i = Math.max(at, start + 1); i < at + 8; i++) {
                    if (buffer.get(i) == (byte) 0xa2 && buffer.get(i - 1) == 0x0f) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    private void read(long physical) {
        memory.read(physical & -PAGE, bytes, 0, PAGE);
    }

    /**
     * Code is about to be executed on a page that is not mapped executable.
     *
     * @param from offset of the instruction, -1 if it starts on the page before
     * @return whether everything on it is settled now, so that it can be mapped
     */
    boolean visited(long physical, int from, boolean writable) {
        Suspect s = suspects.get(physical >>> 12);
        if (s == null) {
            return false;
        }
        counters.cpuidVisits++;
        s.budget -= VISIT;
        if (!writable && from >= 0) {
            read(physical);
            BitSet reached = scan.reached(bytes, from);
            for (int at : s.likely) {
                if (reached.get(at)) {
                    s.proven.set(at);
                }
            }
        }
        return s.settled();
    }

    /** Instructions were interpreted on a page. */
    void interpreted(long physical, int instructions) {
        Suspect s = suspects.get(physical >>> 12);
        if (s != null) {
            s.budget -= instructions;
        }
    }

    /** Whether an address executed in a copy is one of the UD2 that stand for CPUID. */
    boolean isPatched(long physical) {
        Suspect s = suspects.get(physical >>> 12);
        if (s == null || s.copy < 0) {
            return false;
        }
        int at = (int) physical & PAGE - 1;
        int opcode = s.proven.nextSetBit(at);
        return opcode >= 0 && opcode - at < 14 && isPrefixes(physical, opcode - at);
    }

    /** Whether nothing but prefixes stands in front of the opcode. */
    private boolean isPrefixes(long physical, int count) {
        for (int i = 0; i < count; i++) {
            int b = memory.getByte(physical + i) & 0xff;
            boolean prefix = b >= 0x40 && b <= 0x4f
                    || b == 0x66
                    || b == 0x67
                    || b == 0xf2
                    || b == 0xf3
                    || b == 0x2e
                    || b == 0x36
                    || b == 0x3e
                    || b == 0x26
                    || b == 0x64
                    || b == 0x65;
            if (!prefix) {
                return false;
            }
        }
        return true;
    }

    /** Writes what is known of each page, but for the copies, which are made again where one is executed. */
    @Override
    public void save(StateWriter out) {
        out.section("hidden-cpuid", 1);
        out.putInt("pages", suspects.size());
        new TreeMap<>(suspects).forEach((number, s) -> {
            out.putLong("page", number);
            out.putInt("budget", s.budget);
            ByteBuffer likely = ByteBuffer.allocate(s.likely.length * Integer.BYTES);
            likely.asIntBuffer().put(s.likely);
            out.putBytes("likely", likely.array());
            out.putBytes("proven", s.proven.toByteArray());
        });
        BitSet now = new BitSet();
        seen.stream().filter(number -> !hasCandidate((long) number << 12)).forEach(now::set);
        out.putBytes("harmless", now.toByteArray());
    }

    @Override
    public void load(StateReader in) {
        in.section("hidden-cpuid", 1);
        suspects.clear();
        int pages = in.getInt("pages");
        for (int i = 0; i < pages; i++) {
            long number = in.getLong("page");
            int budget = in.getInt("budget");
            ByteBuffer offsets = ByteBuffer.wrap(in.getBytes("likely"));
            int[] likely = new int[offsets.remaining() / Integer.BYTES];
            offsets.asIntBuffer().get(likely);
            Suspect s = new Suspect(likely);
            s.budget = budget;
            s.proven.or(BitSet.valueOf(in.getBytes("proven")));
            s.proven.clear(PAGE - 1, Math.max(PAGE, s.proven.length()));
            suspects.put(number, s);
        }
        harmless = BitSet.valueOf(in.getBytes("harmless"));
        seen.clear();
        seen.or(harmless);
    }
}
