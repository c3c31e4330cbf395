package dev.runinvm.engine.x86;

/** Near jumps, calls and returns, conditional jumps, LOOP, JRCXZ, SETcc. 66 does not shorten a near branch, as on Intel's. */
final class BranchInstructions {
    private BranchInstructions() {}

    /** E9 and EB. */
    static Insn jump(Decoder d) {
        return new Jump(d.target());
    }

    /** What ends a block that no branch ends. */
    static Insn fallThrough(long next) {
        return new Jump(next);
    }

    /** E8. */
    static Insn call(Decoder d) {
        return new Call(d.target(), d.next);
    }

    /** FF /4. */
    static Insn jumpRm(Decoder d) {
        return new JumpRm(d);
    }

    /** FF /2. */
    static Insn callRm(Decoder d) {
        return new CallRm(d);
    }

    /** C3 and C2. */
    static Insn ret(Decoder d) {
        return new Return(d.op == 0xc2 ? (int) d.immediate : 0);
    }

    /** 70 to 7F and 0F 80 to 8F. */
    static Insn conditional(Decoder d) {
        long target = d.target();
        long next = d.next;
        boolean negate = (d.op & 1) != 0;
        long taken = negate ? next : target;
        long other = negate ? target : next;
        switch (d.op >> 1 & 7) {
            case 1:
                return new IfBelow(taken, other);
            case 2:
                return new IfZero(taken, other);
            case 3:
                return new IfBelowOrEqual(taken, other);
            case 4:
                return new IfSign(taken, other);
            case 6:
                return new IfLess(taken, other);
            case 7:
                return new IfLessOrEqual(taken, other);
            default:
                return new IfOther(d.op & 14, taken, other);
        }
    }

    /** 0F 90 to 9F. */
    static Insn set(Decoder d) {
        return new Set(d);
    }

    /** E0 LOOPNE, E1 LOOPE, E2 LOOP, E3 JRCXZ. */
    static Insn loop(Decoder d) {
        return new Loop(d);
    }

    static boolean canonical(long address) {
        return address << 16 >> 16 == address;
    }

    private abstract static class Branch extends Insn {
        Branch() {
            ends = true;
        }
    }

    private static final class Jump extends Branch {
        private final long target;

        Jump(long target) {
            this.target = target;
        }

        @Override
        void exec(Cpu cpu) {
            cpu.s.rip = target;
        }
    }

    private static final class Call extends Branch {
        private final long target;
        private final long next;

        Call(long target, long next) {
            this.target = target;
            this.next = next;
        }

        @Override
        void exec(Cpu cpu) {
            StackInstructions.push64(cpu, next);
            cpu.s.rip = target;
        }
    }

    private static final class JumpRm extends RmInsn {
        JumpRm(Decoder d) {
            super(d, 8);
            ends = true;
        }

        @Override
        void exec(Cpu cpu) {
            long target = get(cpu);
            check(target);
            cpu.s.rip = target;
        }
    }

    private static void check(long target) {
        if (!canonical(target)) {
            throw CpuException.of(CpuException.GP, 0);
        }
    }

    private static final class CallRm extends RmInsn {
        private final long next;

        CallRm(Decoder d) {
            super(d, 8);
            next = d.next;
            ends = true;
        }

        @Override
        void exec(Cpu cpu) {
            long target = get(cpu);
            check(target);
            StackInstructions.push64(cpu, next);
            cpu.s.rip = target;
        }
    }

    private static final class Return extends Branch {
        private final int extra;

        Return(int extra) {
            this.extra = extra + 8;
        }

        @Override
        void exec(Cpu cpu) {
            CpuState s = cpu.s;
            long top = s.gpr[CpuState.RSP];
            long target = cpu.mmu.read64(top);
            check(target);
            s.gpr[CpuState.RSP] = top + extra;
            s.rip = target;
        }
    }

    private abstract static class Conditional extends Branch {
        final long taken;
        final long other;

        Conditional(long taken, long other) {
            this.taken = taken;
            this.other = other;
        }
    }

    private static final class IfZero extends Conditional {
        IfZero(long taken, long other) {
            super(taken, other);
        }

        @Override
        void exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.rip = s.zf() ? taken : other;
        }
    }

    private static final class IfBelow extends Conditional {
        IfBelow(long taken, long other) {
            super(taken, other);
        }

        @Override
        void exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.rip = s.cf() ? taken : other;
        }
    }

    private static final class IfBelowOrEqual extends Conditional {
        IfBelowOrEqual(long taken, long other) {
            super(taken, other);
        }

        @Override
        void exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.rip = s.belowOrEqual() ? taken : other;
        }
    }

    private static final class IfSign extends Conditional {
        IfSign(long taken, long other) {
            super(taken, other);
        }

        @Override
        void exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.rip = s.sf() ? taken : other;
        }
    }

    private static final class IfLess extends Conditional {
        IfLess(long taken, long other) {
            super(taken, other);
        }

        @Override
        void exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.rip = s.less() ? taken : other;
        }
    }

    private static final class IfLessOrEqual extends Conditional {
        IfLessOrEqual(long taken, long other) {
            super(taken, other);
        }

        @Override
        void exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.rip = s.lessOrEqual() ? taken : other;
        }
    }

    private static final class IfOther extends Conditional {
        private final int condition;

        IfOther(int condition, long taken, long other) {
            super(taken, other);
            this.condition = condition;
        }

        @Override
        void exec(Cpu cpu) {
            CpuState s = cpu.s;
            s.rip = s.condition(condition) ? taken : other;
        }
    }

    private static final class Set extends RmInsn {
        private final int condition;

        Set(Decoder d) {
            super(d, 1);
            condition = d.op & 15;
        }

        @Override
        void exec(Cpu cpu) {
            put(cpu, where(cpu.s), cpu.s.condition(condition) ? 1 : 0);
        }
    }

    private static final class Loop extends Branch {
        private final int kind;
        private final long target;
        private final long next;
        private final boolean address32;

        Loop(Decoder d) {
            kind = d.op & 3;
            target = d.target();
            next = d.next;
            address32 = d.address32;
        }

        @Override
        void exec(Cpu cpu) {
            CpuState s = cpu.s;
            long count = s.gpr[CpuState.RCX] - (kind == 3 ? 0 : 1);
            if (address32) {
                count &= 0xffff_ffffL;
            }
            if (kind == 3) {
                s.rip = count == 0 ? target : next;
                return;
            }
            s.gpr[CpuState.RCX] = count;
            s.rip = count != 0 && (kind == 2 || s.zf() == (kind == 1)) ? target : next;
        }
    }
}
