package dev.runinvm.engine.x86;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;

/**
 * Finds CPUID instructions on a page of code. Its two bytes, 0F A2, also turn up inside other instructions and in data
 * by chance, once in 64 KiB; and where an instruction starts cannot be told from its bytes alone. Not thread-safe.
 */
public final class CpuidScan {
    private static final int PAGE = 4096;
    private static final int CPUID = Decoder.MAP_0F | 0xa2;

    /** Code falls into step with its true instructions within a few of them, wherever one begins to decode. */
    private static final int RUN_UP = 64;

    private static final int RUNS = 16;
    /** So many of the runs must arrive at the candidate for it to count; an instruction is met by nearly all. */
    private static final int ENOUGH = 4;

    private final Decoder decoder = new Decoder();

    /**
     * Where there is probably a CPUID instruction: decoding from several places in front of it arrives at it.
     *
     * @param page 4096 bytes
     * @return offsets of the bytes 0F A2, ascending; one that reaches into the next page is not among them
     */
    public int[] likely(byte[] page) {
        int[] found = new int[0];
        for (int i = 0; i < PAGE - 1; i++) {
            if (page[i] == 0x0f && page[i + 1] == (byte) 0xa2 && isLikely(page, i)) {
                found = Arrays.copyOf(found, found.length + 1);
                found[found.length - 1] = i;
            }
        }
        return found;
    }

    private boolean isLikely(byte[] page, int candidate) {
        int first = Math.max(0, candidate - RUN_UP);
        int runs = Math.min(RUNS, candidate - first + 1);
        int arrived = 0;
        for (int i = 0; i < runs; i++) {
            int at = first + i;
            while (at <= candidate) {
                int length = decoder.decode(page, at, PAGE, at);
                if (length > 0 && !decoder.invalid) {
                    if (decoder.op == CPUID && decoder.vex == 0 && at + length == candidate + 2) {
                        arrived++;
                        break;
                    }
                    at += length;
                } else {
                    at++;
                }
            }
        }
        return arrived >= Math.min(ENOUGH, runs);
    }

    /**
     * Which CPUID instructions an execution may get to without leaving the page, starting at an instruction that is
     * being executed. Jumps and calls are followed both ways, so what is found is an instruction beyond doubt, unless a
     * call is followed by data since it never returns.
     *
     * @param page 4096 bytes
     * @param from offset of an instruction
     * @return offsets of the bytes 0F A2
     */
    public BitSet reached(byte[] page, int from) {
        BitSet result = new BitSet();
        BitSet seen = new BitSet();
        Deque<Integer> starts = new ArrayDeque<>();
        starts.add(from);
        while (!starts.isEmpty()) {
            int at = starts.remove();
            while (at < PAGE && !seen.get(at)) {
                seen.set(at);
                int length = decoder.decode(page, at, PAGE, at);
                if (length <= 0 || decoder.invalid) {
                    break;
                }
                if (decoder.op == CPUID && decoder.vex == 0) {
                    result.set(at + length - 2);
                }
                long target = decoder.vex == 0 && isRelative(decoder.op) ? decoder.target() : -1;
                if (target >= 0 && target < PAGE) {
                    starts.add((int) target);
                }
                if (decoder.vex == 0 && goesElsewhere()) {
                    break;
                }
                at += length;
            }
        }
        return result;
    }

    /** Jcc, LOOP and its kin, CALL, JMP. */
    private static boolean isRelative(int op) {
        return op >= 0x70 && op <= 0x7f
                || op >= 0x180 && op <= 0x18f
                || op >= 0xe0 && op <= 0xe3
                || op == 0xe8
                || op == 0xe9
                || op == 0xeb;
    }

    /** What never goes on with the next instruction: jumps, returns, UD0 to UD2, INT3, HLT. */
    private boolean goesElsewhere() {
        switch (decoder.op) {
            case 0xe9, 0xeb, 0xc2, 0xc3, 0xca, 0xcb, 0xcf, 0xcc, 0xf4, 0x10b, 0x1b9, 0x1ff:
                return true;
            case 0xff:
                return (decoder.reg & 7) == 4 || (decoder.reg & 7) == 5;
            default:
                return false;
        }
    }
}
