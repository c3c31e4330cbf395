package dev.runinvm.engine.x86;

import static dev.runinvm.engine.x86.CpuState.CS;
import static dev.runinvm.engine.x86.CpuState.FLAG_AC;
import static dev.runinvm.engine.x86.CpuState.FLAG_IF;
import static dev.runinvm.engine.x86.CpuState.FLAG_IOPL;
import static dev.runinvm.engine.x86.CpuState.FLAG_NT;
import static dev.runinvm.engine.x86.CpuState.FLAG_RF;
import static dev.runinvm.engine.x86.CpuState.RSP;
import static dev.runinvm.engine.x86.CpuState.SS;

/**
 * Far transfers of control in 64-bit mode. They set RIP themselves, and change registers only once nothing can fault
 * any more; {@code s.rip} is not read, the address of the next instruction is passed where it is needed.
 */
public final class FarControl {
    private static final int R11 = 11;

    /** CF PF AF ZF SF TF DF OF NT: what any return loads. */
    private static final long ALWAYS = 0x4dd5;

    private static final long EXTENDED = FLAG_AC | CpuState.FLAG_ID;
    private static final long SYSRET_FLAGS = 0x3c7fd7;

    private static final System.Logger LOG = System.getLogger(FarControl.class.getName());

    private FarControl() {}

    /**
     * IRET, IRETD, IRETQ.
     *
     * @param operandSize 2, 4 or 8 bytes
     */
    public static void iret(Cpu cpu, int operandSize) {
        CpuState s = cpu.s;
        if (cpu.hypervisor != null && s.cpl == 0) {
            cpu.hypervisor.iret(cpu, operandSize);
            return;
        }
        long flags = s.rflags();
        if ((flags & FLAG_NT) != 0) {
            throw CpuException.of(CpuException.GP, 0);
        }
        long rsp = s.gpr[RSP];
        long rip = pop(cpu, rsp, operandSize);
        int selector = (int) pop(cpu, rsp + operandSize, operandSize) & 0xffff;
        long popped = pop(cpu, rsp + 2L * operandSize, operandSize);
        long newRsp = pop(cpu, rsp + 3L * operandSize, operandSize);
        int stack = (int) pop(cpu, rsp + 4L * operandSize, operandSize) & 0xffff;

        int oldLevel = s.cpl;
        long mask = ALWAYS;
        if (operandSize != 2) {
            mask |= EXTENDED;
        }
        if (oldLevel <= (flags & FLAG_IOPL) >>> 12) {
            mask |= FLAG_IF;
        }
        if (oldLevel == 0) {
            mask |= FLAG_IOPL;
        }
        returnTo(cpu, selector, rip, stack, newRsp);
        s.setRflags(flags & ~mask & ~FLAG_RF | popped & mask);
        cpu.mmu.rightsChanged();
        interruptsMayBeOpen(cpu);
    }

    /** RET far. {@code popBytes} are the parameters' bytes to release. */
    static void farReturn(Cpu cpu, int operandSize, int popBytes) {
        CpuState s = cpu.s;
        long rsp = s.gpr[RSP];
        long rip = pop(cpu, rsp, operandSize);
        int selector = (int) pop(cpu, rsp + operandSize, operandSize) & 0xffff;
        long after = rsp + 2L * operandSize + popBytes;
        if ((selector & 3) > s.cpl) {
            long newRsp = pop(cpu, after, operandSize);
            int stack = (int) pop(cpu, after + operandSize, operandSize) & 0xffff;
            returnTo(cpu, selector, rip, stack, newRsp + popBytes);
            cpu.mmu.rightsChanged();
            return;
        }
        long raw = codeForReturn(cpu, selector);
        requireCanonical(rip);
        Segments.set(cpu, CS, selector, raw);
        s.gpr[RSP] = after;
        s.rip = rip;
    }

    private static long pop(Cpu cpu, long linear, int size) {
        return switch (size) {
            case 2 -> cpu.mmu.read16(linear);
            case 4 -> cpu.mmu.read32(linear);
            default -> cpu.mmu.read64(linear);
        };
    }

    /** The part IRET and an outward far RET share: CS:RIP and SS:RSP. */
    private static void returnTo(Cpu cpu, int selector, long rip, int stack, long rsp) {
        CpuState s = cpu.s;
        long raw = codeForReturn(cpu, selector);
        int level = selector & 3;
        long rawStack = 0;
        if (Segments.isNull(stack)) {
            if (level == 3 || (stack & 3) != level) {
                throw CpuException.of(CpuException.GP, 0);
            }
        } else {
            rawStack = Segments.descriptor(cpu, stack, 0);
            Segments.checkStack(stack, rawStack, level);
        }
        requireCanonical(rip);

        Segments.set(cpu, CS, selector, raw);
        if (Segments.isNull(stack)) {
            Segments.setNullStack(s, level);
        } else {
            Segments.set(cpu, SS, stack, rawStack);
        }
        boolean outward = level > s.cpl;
        s.cpl = level;
        s.gpr[RSP] = rsp;
        s.rip = rip;
        if (outward) {
            Segments.dropPrivileged(s);
        }
    }

    /** Reads and checks the code descriptor a return names (SDM vol. 2, RET and IRET). */
    private static long codeForReturn(Cpu cpu, int selector) {
        if (Segments.isNull(selector)) {
            throw CpuException.of(CpuException.GP, 0);
        }
        long raw = Segments.descriptor(cpu, selector, 0);
        int access = Segments.access(raw);
        int rpl = selector & 3;
        int dpl = Segments.dpl(access);
        boolean conforming = (access & Segments.CONFORMING) != 0;
        if ((access & (Segments.NORMAL | Segments.CODE)) != (Segments.NORMAL | Segments.CODE)
                || rpl < cpu.s.cpl
                || (conforming ? dpl > rpl : dpl != rpl)) {
            throw CpuException.of(CpuException.GP, selector & 0xfffc);
        }
        if ((access & Segments.PRESENT) == 0) {
            throw CpuException.of(CpuException.NP, selector & 0xfffc);
        }
        requireLong(cpu, access, selector);
        return raw;
    }

    /** Code segments other than 64-bit ones are refused. */
    private static void requireLong(Cpu cpu, int access, int selector) {
        if ((access & (Segments.LONG | Segments.DEFAULT_32)) != Segments.LONG) {
            refuse32(cpu);
            throw CpuException.of(CpuException.GP, selector & 0xfffc);
        }
    }

    private static void refuse32(Cpu cpu) {
        if (!cpu.refused32) {
            cpu.refused32 = true;
            LOG.log(
                    System.Logger.Level.WARNING,
                    "the guest wants to run 32-bit code, which this engine does not"
                            + " support: it gets a general-protection fault instead (said once)");
        }
    }

    private static void requireCanonical(long rip) {
        if (!Mmu.canonical(rip)) {
            throw CpuException.of(CpuException.GP, 0);
        }
    }

    /** Interrupts just became possible: have the run loop look whether one waits. */
    static void interruptsMayBeOpen(Cpu cpu) {
        if (cpu.s.interruptsEnabled() && cpu.intc.pending()) {
            cpu.requestAttention();
        }
    }

    /** JMP m16:64, with a code segment as its target. */
    static void farJump(Cpu cpu, int selector, long offset) {
        long raw = codeForJump(cpu, selector);
        requireCanonical(offset);
        Segments.set(cpu, CS, selector & 0xfffc | cpu.s.cpl, raw);
        cpu.s.rip = offset;
    }

    /** CALL m16:64, with a code segment as its target. */
    static void farCall(Cpu cpu, int selector, long offset, int operandSize, long nextRip) {
        CpuState s = cpu.s;
        long raw = codeForJump(cpu, selector);
        requireCanonical(offset);
        long rsp = s.gpr[RSP];
        push(cpu, rsp - operandSize, operandSize, s.selector[CS]);
        push(cpu, rsp - 2L * operandSize, operandSize, nextRip);
        Segments.set(cpu, CS, selector & 0xfffc | s.cpl, raw);
        s.gpr[RSP] = rsp - 2L * operandSize;
        s.rip = offset;
    }

    private static void push(Cpu cpu, long linear, int size, long value) {
        switch (size) {
            case 2 -> cpu.mmu.write16(linear, value);
            case 4 -> cpu.mmu.write32(linear, value);
            default -> cpu.mmu.write64(linear, value);
        }
    }

    private static long codeForJump(Cpu cpu, int selector) {
        if (Segments.isNull(selector)) {
            throw CpuException.of(CpuException.GP, 0);
        }
        long raw = Segments.descriptor(cpu, selector, 0);
        int access = Segments.access(raw);
        int dpl = Segments.dpl(access);
        boolean conforming = (access & Segments.CONFORMING) != 0;
        if ((access & (Segments.NORMAL | Segments.CODE)) != (Segments.NORMAL | Segments.CODE)
                || (conforming ? dpl > cpu.s.cpl : (selector & 3) > cpu.s.cpl || dpl != cpu.s.cpl)) {
            throw CpuException.of(CpuException.GP, selector & 0xfffc);
        }
        if ((access & Segments.PRESENT) == 0) {
            throw CpuException.of(CpuException.NP, selector & 0xfffc);
        }
        requireLong(cpu, access, selector);
        return raw;
    }

    /** SYSCALL. */
    public static void syscall(Cpu cpu, long nextRip) {
        if (cpu.hypervisor != null) {
            cpu.hypervisor.syscall(cpu, nextRip);
            return;
        }
        CpuState s = cpu.s;
        if ((s.efer & CpuState.EFER_SCE) == 0) {
            throw CpuException.of(CpuException.UD);
        }
        long flags = s.rflags() & ~FLAG_RF;
        s.gpr[CpuState.RCX] = nextRip;
        s.gpr[R11] = flags;
        int selector = (int) (s.star >>> 32) & 0xfffc;
        Segments.setFlat(s, selector, selector + 8 & 0xffff, 0);
        s.cpl = 0;
        s.rip = s.lstar;
        s.setRflags(flags & ~s.sfmask);
        cpu.mmu.rightsChanged();
    }

    /** SYSRET: to 64-bit code with an operand size of 8, else to 32-bit code, which is refused. */
    public static void sysret(Cpu cpu, int operandSize) {
        CpuState s = cpu.s;
        if ((s.efer & CpuState.EFER_SCE) == 0) {
            throw CpuException.of(CpuException.UD);
        }
        SystemInstructions.requireCpl0(cpu);
        if (operandSize != 8) {
            refuse32(cpu);
            throw CpuException.of(CpuException.GP, 0);
        }
        long rip = s.gpr[CpuState.RCX];
        if (cpu.cpuid.intel()) {
            requireCanonical(rip); // AMD faults at CPL 3 instead, on the fetch
        }
        int selector = (int) (s.star >>> 48);
        Segments.setFlat(s, selector + 16 & 0xffff | 3, selector + 8 & 0xffff | 3, 3);
        s.cpl = 3;
        s.rip = rip;
        s.setRflags(s.gpr[R11] & SYSRET_FLAGS);
        cpu.mmu.rightsChanged();
        interruptsMayBeOpen(cpu);
    }

    /** INT n. */
    public static void interrupt(Cpu cpu, int vector, long nextRip) {
        software(cpu, vector, nextRip);
    }

    private static void software(Cpu cpu, int vector, long nextRip) {
        if (cpu.hypervisor != null) {
            cpu.hypervisor.interrupt(cpu, vector, nextRip);
        } else {
            Interrupts.enter(cpu, vector, false, 0, true, nextRip, false);
        }
    }

    /** INT3. */
    static void int3(Cpu cpu, long nextRip) {
        software(cpu, CpuException.BP, nextRip);
    }

    /** INT1, also known as ICEBP: #DB without a check of the gate's DPL. */
    static void int1(Cpu cpu, long nextRip) {
        if (cpu.hypervisor != null) {
            cpu.s.rip = nextRip;
            cpu.hypervisor.exception(cpu, CpuException.of(CpuException.DB));
            return;
        }
        Interrupts.enter(cpu, CpuException.DB, false, 0, false, nextRip, false);
    }

    /** INTO does not exist in 64-bit mode. */
    static void into(Cpu cpu) {
        throw CpuException.of(CpuException.UD);
    }

    /** SYSENTER: to CPL 0 at the address in IA32_SYSENTER_EIP; AMD has none in long mode. */
    static void sysenter(Cpu cpu) {
        CpuState s = cpu.s;
        if (!cpu.cpuid.intel()) {
            throw CpuException.of(CpuException.UD);
        }
        if ((s.sysenterCs & 0xfffc) == 0) {
            throw CpuException.of(CpuException.GP, 0);
        }
        int selector = (int) s.sysenterCs & 0xfffc;
        Segments.setFlat(s, selector, selector + 8 & 0xffff, 0);
        s.cpl = 0;
        s.gpr[RSP] = s.sysenterEsp;
        s.rip = s.sysenterEip;
        s.setRflags(s.rflags() & ~(FLAG_IF | FLAG_RF | CpuState.FLAG_VM));
        cpu.mmu.rightsChanged();
    }

    /** SYSEXIT: to 64-bit code with an operand size of 8, else to 32-bit code, which is refused; not on AMD. */
    static void sysexit(Cpu cpu, int operandSize) {
        CpuState s = cpu.s;
        if (!cpu.cpuid.intel()) {
            throw CpuException.of(CpuException.UD);
        }
        if ((s.sysenterCs & 0xfffc) == 0 || s.cpl != 0) {
            throw CpuException.of(CpuException.GP, 0);
        }
        if (operandSize != 8) {
            refuse32(cpu);
            throw CpuException.of(CpuException.GP, 0);
        }
        requireCanonical(s.gpr[CpuState.RDX]);
        requireCanonical(s.gpr[CpuState.RCX]);
        int selector = (int) s.sysenterCs & 0xfffc;
        Segments.setFlat(s, selector + 32 & 0xffff | 3, selector + 40 & 0xffff | 3, 3);
        s.cpl = 3;
        s.rip = s.gpr[CpuState.RDX];
        s.gpr[RSP] = s.gpr[CpuState.RCX];
        cpu.mmu.rightsChanged();
        interruptsMayBeOpen(cpu);
    }
}
