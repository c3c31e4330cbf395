package dev.runinvm.engine.x86;

/** Near jumps, calls and returns, conditional jumps, LOOP, JRCXZ, SETcc. 66 does not shorten a near branch, as on Intel's. */
final class BranchInstructions {
    private BranchInstructions() {}

    /** E9 and EB. */
    static Insn jump(Decoder d) {
        return new Jump(d.target());
    }

    /** Whether what was decoded last does nothing but go elsewhere in the same segment. */
    static boolean isDirectJump(Decoder d) {
        return !d.invalid && !d.lock && (d.op == 0xe9 || d.op == 0xeb) && d.vex == 0;
    }

    /** Whether what was decoded last jumps on a condition. */
    static boolean isConditional(Decoder d) {
        return d.op >= 0x70 && d.op <= 0x7f || d.op >= 0x180 && d.op <= 0x18f;
    }

    /** What ends a block that no branch ends; its length is 0. */
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

    /** 70 to 7F and 0F 80 to 8F. The block goes on behind it: what is not taken costs no more than an instruction. */
    static Insn conditional(Decoder d) {
        long target = d.target();
        boolean wanted = (d.op & 1) == 0;
        switch (d.op >> 1 & 7) {
            case 1:
                return new IfBelow(target, wanted);
            case 2:
                return wanted ? new IfZero(target) : new IfNotZero(target);
            case 3:
                return new IfBelowOrEqual(target, wanted);
            case 4:
                return new IfSign(target, wanted);
            case 6:
                return new IfLess(target, wanted);
            case 7:
                return new IfLessOrEqual(target, wanted);
            default:
                return new IfOther(target, d.op & 15);
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

    /** Control never goes on behind it. */
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
        boolean exec(Cpu cpu) {
            cpu.s.rip = target;
            return false;
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
        boolean exec(Cpu cpu) {
            StackInstructions.push64(cpu, next);
            cpu.s.rip = target;
            return false;
        }
    }

    private static final class JumpRm extends RmInsn {
        JumpRm(Decoder d) {
            super(d, 8);
            ends = true;
        }

        @Override
        boolean exec(Cpu cpu) {
            long target = get(cpu);
            check(target);
            cpu.s.rip = target;
            return false;
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
        boolean exec(Cpu cpu) {
            long target = get(cpu);
            check(target);
            StackInstructions.push64(cpu, next);
            cpu.s.rip = target;
            return false;
        }
    }

    private static final class Return extends Branch {
        private final int extra;

        Return(int extra) {
            this.extra = extra + 8;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long top = s.gpr[CpuState.RSP];
            long target = cpu.mmu.read64(top);
            check(target);
            s.gpr[CpuState.RSP] = top + extra;
            s.rip = target;
            return false;
        }
    }

    private abstract static class Conditional extends Insn {
        final long target;
        /** What the condition must be for the jump. */
        final boolean wanted;

        Conditional(long target, boolean wanted) {
            this.target = target;
            this.wanted = wanted;
        }
    }

    private static final class IfZero extends Insn {
        private final long target;

        IfZero(long target) {
            this.target = target;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            if (s.zf()) {
                s.rip = target;
                return false;
            }
            return true;
        }
    }

    private static final class IfNotZero extends Insn {
        private final long target;

        IfNotZero(long target) {
            this.target = target;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            if (!s.zf()) {
                s.rip = target;
                return false;
            }
            return true;
        }
    }

    private static final class IfBelow extends Conditional {
        IfBelow(long target, boolean wanted) {
            super(target, wanted);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            if (s.cf() == wanted) {
                s.rip = target;
                return false;
            }
            return true;
        }
    }

    private static final class IfBelowOrEqual extends Conditional {
        IfBelowOrEqual(long target, boolean wanted) {
            super(target, wanted);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            if (s.belowOrEqual() == wanted) {
                s.rip = target;
                return false;
            }
            return true;
        }
    }

    private static final class IfSign extends Conditional {
        IfSign(long target, boolean wanted) {
            super(target, wanted);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            if (s.sf() == wanted) {
                s.rip = target;
                return false;
            }
            return true;
        }
    }

    private static final class IfLess extends Conditional {
        IfLess(long target, boolean wanted) {
            super(target, wanted);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            if (s.less() == wanted) {
                s.rip = target;
                return false;
            }
            return true;
        }
    }

    private static final class IfLessOrEqual extends Conditional {
        IfLessOrEqual(long target, boolean wanted) {
            super(target, wanted);
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            if (s.lessOrEqual() == wanted) {
                s.rip = target;
                return false;
            }
            return true;
        }
    }

    private static final class IfOther extends Insn {
        private final long target;
        private final int condition;

        IfOther(long target, int condition) {
            this.target = target;
            this.condition = condition;
        }

        @Override
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            if (s.condition(condition)) {
                s.rip = target;
                return false;
            }
            return true;
        }
    }

    private static final class Set extends RmInsn {
        private final int condition;

        Set(Decoder d) {
            super(d, 1);
            condition = d.op & 15;
        }

        @Override
        boolean exec(Cpu cpu) {
            put(cpu, where(cpu.s), cpu.s.condition(condition) ? 1 : 0);
            return true;
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
        boolean exec(Cpu cpu) {
            CpuState s = cpu.s;
            long count = s.gpr[CpuState.RCX] - (kind == 3 ? 0 : 1);
            if (address32) {
                count &= 0xffff_ffffL;
            }
            if (kind == 3) {
                s.rip = count == 0 ? target : next;
                return false;
            }
            s.gpr[CpuState.RCX] = count;
            s.rip = count != 0 && (kind == 2 || s.zf() == (kind == 1)) ? target : next;
            return false;
        }
    }
}
