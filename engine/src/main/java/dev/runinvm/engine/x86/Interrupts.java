package dev.runinvm.engine.x86;

import org.jspecify.annotations.Nullable;
import static dev.runinvm.engine.x86.CpuState.CS;
import static dev.runinvm.engine.x86.CpuState.FLAG_IF;
import static dev.runinvm.engine.x86.CpuState.FLAG_NT;
import static dev.runinvm.engine.x86.CpuState.FLAG_RF;
import static dev.runinvm.engine.x86.CpuState.FLAG_TF;
import static dev.runinvm.engine.x86.CpuState.RSP;
import static dev.runinvm.engine.x86.CpuState.SS;

/** Delivery of exceptions and interrupts through the IDT in 64-bit mode (SDM vol. 3, chapter 6). */
public final class Interrupts {
    private static final int INTERRUPT_GATE = 14;
    private static final int TRAP_GATE = 15;
    private static final int IDT = 2;

    private Interrupts() {}

    /**
     * Raises what an instruction threw: CR2 for #PF, delivery at {@code s.rip} (the faulting instruction, or the next
     * one for a trap), #DF where the delivery faults in turn.
     *
     * @throws TripleFault if #DF cannot be delivered either
     */
    public static void raise(Cpu cpu, CpuException exception) {
        if (cpu.hypervisor != null) {
            cpu.hypervisor.exception(cpu, exception);
            return;
        }
        CpuException now = exception;
        while (true) {
            CpuException next = attempt(cpu, now);
            if (next == null) {
                return;
            }
            if (now.vector() == CpuException.DF) {
                throw new TripleFault("triple fault: " + next.getMessage() + " while delivering #DF; rip 0x"
                        + Long.toHexString(cpu.s.rip) + ", rsp 0x" + Long.toHexString(cpu.s.gpr[RSP]) + ", cr2 0x"
                        + Long.toHexString(cpu.s.cr2) + ", cr3 0x" + Long.toHexString(cpu.s.cr3)
                        + "; first " + exception.getMessage());
            }
            now = doubles(now.vector(), next.vector()) ? CpuException.of(CpuException.DF, 0) : next;
        }
    }

    private static @Nullable CpuException attempt(Cpu cpu, CpuException e) {
        latchAddress(cpu, e);
        try {
            enter(cpu, e.vector(), e.hasErrorCode(), e.errorCode(), false, cpu.s.rip, isFault(e.vector()));
            return null;
        } catch (CpuException nested) {
            latchAddress(cpu, nested); // also where it ends as #DF: that is how a kernel knows a stack overflow
            return nested;
        }
    }

    private static void latchAddress(Cpu cpu, CpuException e) {
        if (e.vector() == CpuException.PF) {
            cpu.s.cr2 = e.address();
        }
    }

    private static boolean isFault(int vector) {
        return vector != CpuException.DB
                && vector != CpuException.NMI
                && vector != CpuException.BP
                && vector != CpuException.OF
                && vector != CpuException.DF
                && vector != CpuException.MC
                && vector < 32;
    }

    private static boolean contributory(int vector) {
        return vector == CpuException.DE || vector >= CpuException.TS && vector <= CpuException.GP;
    }

    /** Whether a second exception during the delivery of a first makes #DF (SDM vol. 3, table 6-5). */
    private static boolean doubles(int first, int second) {
        return contributory(first) && contributory(second)
                || first == CpuException.PF && (second == CpuException.PF || contributory(second));
    }

    /**
     * Delivers an event at {@code s.rip}. Faults of the delivery are themselves delivered, as for {@link #raise}.
     *
     * @param vector 0 to 255
     * @param hasError push {@code error}
     * @param software INT n: the gate's DPL is checked
     * @throws TripleFault if nothing can be delivered any more
     */
    public static void deliver(Cpu cpu, int vector, boolean hasError, int error, boolean software) {
        try {
            enter(cpu, vector, hasError, error, software, cpu.s.rip, false);
        } catch (CpuException e) {
            latchAddress(cpu, e);
            raise(
                    cpu,
                    vector < 32 && !software && doubles(vector, e.vector()) ? CpuException.of(CpuException.DF, 0) : e);
        }
    }

    /**
     * Takes an external interrupt if one is pending, interrupts are enabled and not inhibited by the instruction
     * before; wakes the processor from HLT.
     *
     * @return whether one was delivered
     */
    public static boolean acceptIfPending(Cpu cpu) {
        if (cpu.hypervisor != null) {
            return cpu.hypervisor.acceptEvent(cpu);
        }
        CpuState s = cpu.s;
        if (!cpu.intc.pending() || s.interruptShadow || !s.interruptsEnabled()) {
            return false;
        }
        s.halted = false;
        deliver(cpu, cpu.intc.acknowledge() & 0xff, false, 0, false);
        return true;
    }

    /**
     * One delivery; on success RIP, CPL, CS, SS, RSP and RFLAGS are the handler's, else nothing but stack memory has
     * changed.
     *
     * @param returnRip what to push
     * @param resume push RFLAGS with RF set, as faults do
     * @throws CpuException the fault met
     */
    static void enter(
            Cpu cpu, int vector, boolean hasError, int error, boolean software, long returnRip, boolean resume) {
        CpuState s = cpu.s;
        Mmu mmu = cpu.mmu;
        int external = software ? 0 : 1;
        int gateError = vector << 3 | IDT | external;
        if (vector * 16 + 15 > s.idtrLimit) {
            throw CpuException.of(CpuException.GP, gateError);
        }
        long gate = mmu.readSystem(s.idtrBase + vector * 16L, 8);
        long high = mmu.readSystem(s.idtrBase + vector * 16L + 8, 8);
        int type = (int) (gate >>> 40) & 0x1f;
        if (type != INTERRUPT_GATE && type != TRAP_GATE) {
            throw CpuException.of(CpuException.GP, gateError);
        }
        if (software && (int) (gate >>> 45 & 3) < s.cpl) {
            throw CpuException.of(CpuException.GP, gateError);
        }
        if ((gate >>> 47 & 1) == 0) {
            throw CpuException.of(CpuException.NP, gateError);
        }
        long target = gate & 0xffff | gate >>> 32 & 0xffff_0000L | high << 32;

        int selector = (int) (gate >>> 16) & 0xffff;
        if (Segments.isNull(selector)) {
            throw CpuException.of(CpuException.GP, external);
        }
        long raw = Segments.descriptor(cpu, selector, external);
        int access = Segments.access(raw);
        int dpl = Segments.dpl(access);
        if ((access & (Segments.NORMAL | Segments.CODE)) != (Segments.NORMAL | Segments.CODE)
                || (access & (Segments.LONG | Segments.DEFAULT_32)) != Segments.LONG
                || dpl > s.cpl) {
            throw CpuException.of(CpuException.GP, selector & 0xfffc | external);
        }
        if ((access & Segments.PRESENT) == 0) {
            throw CpuException.of(CpuException.NP, selector & 0xfffc | external);
        }
        int level = (access & Segments.CONFORMING) != 0 ? s.cpl : dpl;

        int ist = (int) (gate >>> 32) & 7;
        long rsp;
        if (ist != 0) {
            rsp = tssStack(cpu, 0x24 + 8 * (ist - 1), external);
        } else if (level < s.cpl) {
            rsp = tssStack(cpu, 4 + 8 * level, external);
        } else {
            rsp = s.gpr[RSP];
        }
        rsp &= ~15L;

        long flags = s.rflags();
        long frame = rsp - (hasError ? 48 : 40);
        if (!Mmu.canonical(frame) || !Mmu.canonical(rsp - 1)) {
            throw CpuException.of(CpuException.SS, external);
        }
        if (!Mmu.canonical(target)) {
            throw CpuException.of(CpuException.GP, external);
        }
        push(mmu, rsp - 8, s.selector[SS], level);
        push(mmu, rsp - 16, s.gpr[RSP], level);
        push(mmu, rsp - 24, resume ? flags | FLAG_RF : flags, level);
        push(mmu, rsp - 32, s.selector[CS], level);
        push(mmu, rsp - 40, returnRip, level);
        if (hasError) {
            push(mmu, rsp - 48, error, level);
        }

        Segments.set(cpu, CS, selector & 0xfffc | level, raw);
        if (level != s.cpl) {
            Segments.setNullStack(s, level);
            s.cpl = level;
        }
        s.gpr[RSP] = frame;
        s.rip = target;
        long cleared = FLAG_TF | FLAG_NT | FLAG_RF | CpuState.FLAG_VM | (type == INTERRUPT_GATE ? FLAG_IF : 0);
        s.setRflags(flags & ~cleared);
        s.interruptShadow = false;
        mmu.rightsChanged();
    }

    private static void push(Mmu mmu, long linear, long value, int level) {
        if (level == 3) {
            mmu.write64(linear, value); // a handler at CPL 3, which no known system has
        } else {
            mmu.writeSystem(linear, 8, value);
        }
    }

    private static long tssStack(Cpu cpu, int offset, int external) {
        CpuState s = cpu.s;
        if (Integer.compareUnsigned(offset + 7, s.trLimit) > 0) {
            throw CpuException.of(CpuException.TS, s.trSelector & 0xfffc | external);
        }
        long rsp = cpu.mmu.readSystem(s.trBase + offset, 8);
        if (!Mmu.canonical(rsp)) {
            throw CpuException.of(CpuException.SS, external);
        }
        return rsp;
    }
}
