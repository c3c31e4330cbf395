package dev.runinvm.engine.x86;

import java.util.Arrays;

/**
 * Loops that only count: each turn adds constants to registers, compares, and takes the same branches. How many turns
 * are all alike follows from the distances compared, and those are made in one step. (A Xen guest's Linux asks 134
 * million frame numbers, one by one, whether they are beyond the end of a list.)
 *
 * <p>One turn is executed and looked at, instruction by instruction; whatever is not known to be harmless ends the
 * attempt, and what has been executed until then was plain execution.
 */
final class CountedLoop {
    /** Longest turn. */
    private static final int MOST = 32;

    private static final int NONE = -1;

    private final Interpreter interpreter;
    private final CpuState s;
    private final Decoder d;

    /** What a turn adds to each register, and how wide the register is used. */
    private final long[] added = new long[16];
    /** 0: not written; 4, 8: constants were added; 1: set to a constant at its first write. */
    private final int[] written = new int[16];

    private final long[] before = new long[16];

    /** Comparisons that decide branches: both sides' values and what a turn adds to them. */
    private final long[] difference = new long[MOST];

    private final int[] size = new int[MOST];
    private final int[] left = new int[MOST];
    private final int[] right = new int[MOST];
    private int comparisons;

    /** The last comparison, not yet used by a branch: its operands, as registers or NONE, and their difference. */
    private boolean compared;

    private int lastLeft;
    private int lastRight;
    private long lastDifference;
    private boolean onlyEquality;
    private int compareSize;

    /** Turns saved so far. */
    long turns;

    CountedLoop(Interpreter interpreter, CpuState s, Decoder decoder) {
        this.interpreter = interpreter;
        this.s = s;
        this.d = decoder;
    }

    /** Executes at least one instruction; if they turn out to be such a loop's, all of its turns but the last. */
    void attempt() {
        long top = s.rip;
        Arrays.fill(added, 0);
        Arrays.fill(written, 0);
        System.arraycopy(s.gpr, 0, before, 0, 16);
        comparisons = 0;
        compared = false;
        int executed = 0;
        do {
            Insn insn = interpreter.fetch(s.rip);
            boolean known = d.length > 0 && note();
            interpreter.execute(insn);
            executed++;
            if (!known || executed == MOST) {
                return;
            }
        } while (s.rip != top);
        long n = alike();
        if (n <= 1) {
            return;
        }
        for (int r = 0; r < 16; r++) {
            if (written[r] == 8) {
                s.gpr[r] += n * added[r];
            } else if (written[r] == 4) {
                s.gpr[r] = s.gpr[r] + n * added[r] & 0xffff_ffffL;
            }
        }
        turns += n;
    }

    /** Takes note of the instruction just decoded, before it is executed. Answers false if it is not a known one. */
    private boolean note() {
        if (d.lock || d.rep != 0 || d.vex != 0 || d.operand16 || d.size < 4) {
            return false;
        }
        int op = d.op;
        if (op == 0x90 || op == 0xeb || op == 0xe9) {
            return true;
        }
        if (op >= 0x70 && op <= 0x7f || op >= 0x180 && op <= 0x18f) {
            return branch(op & 15);
        }
        if (!d.hasModrm || !d.isRegister()) {
            return false;
        }
        switch (op) {
            case 0x39:
                return compare(d.rm, d.reg, s.gpr[d.reg]);
            case 0x3b:
                return compare(d.reg, d.rm, s.gpr[d.rm]);
            case 0x85:
                boolean allowed = d.rm == d.reg && compare(d.rm, NONE, 0);
                onlyEquality = true;
                return allowed;
            case 0x31:
            case 0x33:
                compared = false;
                return d.rm == d.reg && constant(d.rm);
            case 0x81:
            case 0x83:
                return switch (d.group()) {
                    case 0 -> add(d.rm, d.immediate);
                    case 5 -> add(d.rm, -d.immediate);
                    case 7 -> compare(d.rm, NONE, d.immediate);
                    default -> false;
                };
            case 0xff:
                return switch (d.group()) {
                    case 0 -> add(d.rm, 1);
                    case 1 -> add(d.rm, -1);
                    default -> false;
                };
            default:
                return false;
        }
    }

    private boolean add(int register, long constant) {
        compared = false;
        if (written[register] == 1) {
            return true; // from a constant to a constant
        }
        if (written[register] != 0 && (written[register] != d.size || added[register] < 0 != constant < 0)) {
            return false; // there and back: in between it may be anywhere
        }
        written[register] = d.size;
        added[register] += constant;
        return true;
    }

    private boolean constant(int register) {
        if (written[register] > 1) {
            return false;
        }
        written[register] = 1;
        return true;
    }

    private long extend(long value) {
        return d.size == 4 ? (int) value : value;
    }

    private boolean compare(int a, int b, long other) {
        compared = true;
        onlyEquality = false;
        lastLeft = a;
        lastRight = b;
        compareSize = d.size;
        long x = extend(s.gpr[a]);
        long y = extend(other);
        lastDifference = x - y;
        // of one sign, so that signed and unsigned order agree and the difference is what it seems
        return (x ^ y) >= 0;
    }

    /** A branch on E, NE, B, AE, BE, A, L, GE, LE or G of the last comparison. */
    private boolean branch(int condition) {
        int pair = condition >> 1;
        boolean order = pair == 1 || pair == 3 || pair == 6 || pair == 7;
        if (!compared || pair != 2 && !(order && !onlyEquality)) {
            return false;
        }
        size[comparisons] = compareSize;
        difference[comparisons] = lastDifference;
        left[comparisons] = lastLeft;
        right[comparisons++] = lastRight;
        return true;
    }

    /** A register must be compared as wide as it is counted. */
    private boolean width(int register, int compared) {
        return register == NONE || written[register] <= 1 || written[register] == compared;
    }

    private long step(int register) {
        return register == NONE || written[register] <= 1 ? 0 : added[register];
    }

    /** How many turns after the one executed are sure to be like it. */
    private long alike() {
        long n = Long.MAX_VALUE;
        for (int r = 0; r < 16; r++) {
            if (written[r] == 4 || written[r] == 8) {
                n = Math.min(n, room(r));
            }
        }
        for (int i = 0; i < comparisons; i++) {
            if (mixed(left[i]) || mixed(right[i]) || !width(left[i], size[i]) || !width(right[i], size[i])) {
                return 0;
            }
            long change = step(left[i]) - step(right[i]);
            long now = difference[i];
            if (change == 0) {
                continue;
            }
            if (now == 0) {
                return 0;
            }
            if (now > 0 != change > 0) {
                n = Math.min(n, (Math.abs(now) - 1) / Math.abs(change));
            }
        }
        return comparisons == 0 ? 0 : n;
    }

    /** Whether a register was compared before it was set to a constant in the same turn. */
    private boolean mixed(int register) {
        return register != NONE && written[register] == 1 && s.gpr[register] != before[register];
    }

    /** Turns until a register would change its sign. */
    private long room(int r) {
        long step = added[r];
        if (step == 0) {
            return Long.MAX_VALUE;
        }
        long value = written[r] == 4 ? (int) s.gpr[r] : s.gpr[r];
        if (value < 0 != before(r) < 0) {
            return 0;
        }
        long least = written[r] == 4 ? Integer.MIN_VALUE : Long.MIN_VALUE;
        long most = written[r] == 4 ? Integer.MAX_VALUE : Long.MAX_VALUE;
        if (Math.abs(step) > Integer.MAX_VALUE) {
            return 0;
        }
        if (value >= 0) {
            return step > 0 ? (most - value) / step : value / -step;
        }
        return step > 0 ? (-1 - value) / step : (least - value) / step;
    }

    private long before(int r) {
        return written[r] == 4 ? (int) before[r] : before[r];
    }
}
