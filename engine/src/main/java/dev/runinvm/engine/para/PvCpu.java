package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.InterruptController;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.CpuException;
import dev.runinvm.engine.x86.CpuState;
import dev.runinvm.engine.x86.Hypervisor;

/**
 * The ways between guest and hypervisor: system calls, exceptions and events bounce to entry points the kernel has
 * registered, with a frame on its stack (Xen's create_bounce_frame); the kernel returns by hypercall.
 *
 * <p>The kernel runs at CPL 0 of our processor, though the selectors it sees say 3 as on Xen; programs run at CPL 3. Each
 * mode has a base table and a GS base of its own.
 */
final class PvCpu implements Hypervisor, InterruptController, Stateful {
    /** Flags of a registered callback: events are masked on entry. */
    static final int MASK_EVENTS = 1;

    private static final int R11 = 11;
    private static final long CLEARED =
            CpuState.FLAG_AC | CpuState.FLAG_VM | CpuState.FLAG_RF | CpuState.FLAG_NT | CpuState.FLAG_TF;
    /** The instruction that asks for an emulated one: UD2, "xen". */
    private static final byte[] FORCED = {0x0f, 0x0b, 'x', 'e', 'n'};

    private static final int VGCF_IN_SYSCALL = 1 << 8;

    private final SharedInfo shared;
    private HypercallHandler hypercalls = (cpu, number) -> -XenError.ENOSYS;

    /** Base tables of kernel and programs, physical; 0 where there is none. */
    long kernelRoot;

    long userRoot;
    /** Stack for entries from programs. */
    long kernelStack;

    /** Entry points: events, failsafe, system calls; and whether they mask events. */
    long eventEntry;

    long failsafeEntry;
    long syscallEntry;
    boolean syscallMasksEvents;

    /** By vector: entry point, 0 if none; the least privileged level that may use INT n; whether events get masked. */
    final long[] trapEntry = new long[256];

    final byte[] trapDpl = new byte[256];
    final boolean[] trapMasks = new boolean[256];

    /** Entries into the kernel, by kind. */
    long events;

    long exceptions;
    long systemCalls;
    long returns;

    /** Executes a hypercall; its arguments are in the registers. */
    interface HypercallHandler {
        long call(Cpu cpu, int number);
    }

    PvCpu(SharedInfo shared) {
        this.shared = shared;
    }

    void setHypercalls(HypercallHandler handler) {
        hypercalls = handler;
    }

    // ------------------------------------------------------------------------------------------------------- events

    @Override
    public boolean pending() {
        return shared.deliverable();
    }

    @Override
    public int acknowledge() {
        throw new IllegalStateException("a Xen PV guest has no interrupt vectors");
    }

    @Override
    public boolean acceptEvent(Cpu cpu) {
        if (!shared.deliverable()) {
            return false;
        }
        cpu.s.halted = false;
        if (eventEntry == 0) {
            throw new GuestCrash("an event came before the kernel registered a callback for events");
        }
        events++;
        bounce(cpu, eventEntry, true, false, 0);
        return true;
    }

    // --------------------------------------------------------------------------------------------------- entries

    @Override
    public void syscall(Cpu cpu, long nextRip) {
        CpuState s = cpu.s;
        long flags = s.rflags() & ~CpuState.FLAG_RF;
        s.rip = nextRip;
        s.gpr[CpuState.RCX] = nextRip;
        s.gpr[R11] = flags;
        if (s.cpl == 3) {
            systemCalls++;
            if (syscallEntry == 0) {
                throw new GuestCrash("a system call came before the kernel registered a callback for them");
            }
            Selectors.setFlat(s, CpuState.CS, Selectors.KERNEL_CS);
            Selectors.setFlat(s, CpuState.SS, Selectors.KERNEL_SS);
            bounce(cpu, syscallEntry, syscallMasksEvents, false, 0);
            return;
        }
        int number = (int) s.gpr[CpuState.RAX];
        if (number == Hypercalls.IRET) {
            hypercalls.call(cpu, number);
        } else {
            s.gpr[CpuState.RAX] = hypercalls.call(cpu, number);
        }
        acceptEvent(cpu);
    }

    @Override
    public void exception(Cpu cpu, CpuException e) {
        if (e.vector() == CpuException.UD && forcedInstruction(cpu)) {
            return;
        }
        exceptions++;
        if (e.vector() == CpuException.PF) {
            shared.setCr2(e.address());
        } else if (e.vector() == CpuException.NM) {
            cpu.s.cr0 &= ~CpuState.CR0_TS;
        }
        trap(cpu, e.vector(), e.hasErrorCode(), e.errorCode());
    }

    private void trap(Cpu cpu, int vector, boolean hasError, int error) {
        if (trapEntry[vector] == 0) {
            throw new GuestCrash("exception " + vector + (hasError ? " error 0x" + Integer.toHexString(error) : "")
                    + " came, for which the kernel has registered no entry");
        }
        bounce(cpu, trapEntry[vector], trapMasks[vector], hasError, error);
    }

    @Override
    public void interrupt(Cpu cpu, int vector, long nextRip) {
        if (trapEntry[vector] == 0 || trapDpl[vector] < cpu.s.cpl) {
            exception(cpu, CpuException.of(CpuException.GP, vector << 3 | 2));
            return;
        }
        cpu.s.rip = nextRip;
        exceptions++;
        trap(cpu, vector, false, 0);
    }

    /** CPUID behind the prefix that asks for Xen's own: the plain instruction need not trap. */
    private static boolean forcedInstruction(Cpu cpu) {
        CpuState s = cpu.s;
        try {
            byte[] code = new byte[FORCED.length + 2];
            cpu.mmu.read(s.rip, code, 0, FORCED.length);
            if (!java.util.Arrays.equals(code, 0, FORCED.length, FORCED, 0, FORCED.length)) {
                return false;
            }
            cpu.mmu.read(s.rip, code, 0, code.length);
            if (code[5] != 0x0f || (code[6] & 0xff) != 0xa2) {
                return false;
            }
            cpu.cpuid.execute(s);
            s.rip += code.length;
            return true;
        } catch (CpuException e) {
            return false;
        }
    }

    /** Enters the kernel: a frame on its stack, events masked if asked for. */
    private void bounce(Cpu cpu, long entry, boolean mask, boolean hasError, int error) {
        CpuState s = cpu.s;
        int cs = s.selector[CpuState.CS];
        int ss = s.selector[CpuState.SS];
        long rsp = s.gpr[CpuState.RSP];
        long top = rsp;
        if (s.cpl == 3) {
            toKernel(cpu);
            top = kernelStack;
        } else {
            cs &= ~3; // says to the guest that it was its kernel
        }
        top &= ~15L;
        int masked = shared.upcallMask();
        long flags = s.rflags() & ~(CpuState.FLAG_IF | CpuState.FLAG_IOPL) | (masked == 0 ? CpuState.FLAG_IF : 0);
        long frame = top - (hasError ? 64 : 56);
        try {
            cpu.mmu.write64(top - 8, ss);
            cpu.mmu.write64(top - 16, rsp);
            cpu.mmu.write64(top - 24, flags);
            cpu.mmu.write64(top - 32, cs | (long) masked << 32);
            cpu.mmu.write64(top - 40, s.rip);
            if (hasError) {
                cpu.mmu.write64(top - 48, error & 0xffff_ffffL);
            }
            cpu.mmu.write64(frame + 8, s.gpr[R11]);
            cpu.mmu.write64(frame, s.gpr[CpuState.RCX]);
        } catch (CpuException e) {
            throw new GuestCrash("the kernel's stack at 0x" + Long.toHexString(top) + " cannot be written ("
                    + e.getMessage() + ") for an entry at 0x" + Long.toHexString(entry));
        }
        if (mask) {
            shared.setUpcallMask(1);
        }
        s.gpr[CpuState.RSP] = frame;
        s.rip = entry;
        s.setRflags(s.rflags() & ~CLEARED | CpuState.FLAG_IF);
        s.interruptShadow = false;
        Selectors.setFlat(s, CpuState.CS, Selectors.KERNEL_CS);
        Selectors.setFlat(s, CpuState.SS, Selectors.KERNEL_SS);
        cpu.mmu.rightsChanged();
    }

    private void toKernel(Cpu cpu) {
        swap(cpu.s);
        cpu.s.cpl = 0;
        cpu.s.cr3 = kernelRoot;
        cpu.mmu.rightsChanged();
    }

    private void toUser(Cpu cpu) {
        swap(cpu.s);
        cpu.s.cpl = 3;
        cpu.s.cr3 = userRoot;
        cpu.mmu.rightsChanged();
    }

    private static void swap(CpuState s) {
        long base = s.base[CpuState.GS];
        s.base[CpuState.GS] = s.kernelGsBase;
        s.kernelGsBase = base;
    }

    // --------------------------------------------------------------------------------------------------- returns

    /** The hypercall iret: RAX, R11, RCX, flags, RIP, CS, RFLAGS, RSP, SS are on the stack. */
    void iretHypercall(Cpu cpu) {
        CpuState s = cpu.s;
        long at = s.gpr[CpuState.RSP];
        long[] frame = new long[9];
        try {
            for (int i = 0; i < frame.length; i++) {
                frame[i] = cpu.mmu.read64(at + 8L * i);
            }
        } catch (CpuException e) {
            throw new GuestCrash("the frame of an iret hypercall at 0x" + Long.toHexString(at) + " cannot be read");
        }
        returns++;
        int cs = (int) frame[5] & 0xffff;
        if ((cs & 3) == 3) {
            if (userRoot == 0) {
                throw new GuestCrash("an iret hypercall to a program without a base table for programs");
            }
            toUser(cpu);
        }
        s.gpr[CpuState.RAX] = frame[0];
        if ((frame[3] & VGCF_IN_SYSCALL) == 0) {
            s.gpr[R11] = frame[1];
            s.gpr[CpuState.RCX] = frame[2];
        }
        leave(cpu, frame[4], frame[6], frame[7]);
        shared.setUpcallMask((frame[6] & CpuState.FLAG_IF) == 0 ? 1 : 0);
    }

    private static void leave(Cpu cpu, long rip, long flags, long rsp) {
        CpuState s = cpu.s;
        s.rip = rip;
        s.gpr[CpuState.RSP] = rsp;
        // programs run in a flat 64-bit segment, whichever of its selectors they are given
        boolean user = s.cpl == 3;
        Selectors.setFlat(s, CpuState.CS, user ? Selectors.USER_CS : Selectors.KERNEL_CS);
        Selectors.setFlat(s, CpuState.SS, user ? Selectors.USER_SS : Selectors.KERNEL_SS);
        s.setRflags(flags & RETURNED_FLAGS | CpuState.FLAG_IF);
        cpu.mmu.rightsChanged();
    }

    /** CF PF AF ZF SF TF DF OF NT RF AC ID; IOPL and VM are not the guest's to set. */
    private static final long RETURNED_FLAGS = 0x25_4dd5;

    @Override
    public void iret(Cpu cpu, int operandSize) {
        CpuState s = cpu.s;
        if (operandSize != 8) {
            throw CpuException.of(CpuException.GP, 0);
        }
        long at = s.gpr[CpuState.RSP];
        long rip = cpu.mmu.read64(at);
        long flags = cpu.mmu.read64(at + 16);
        long rsp = cpu.mmu.read64(at + 24);
        leave(cpu, rip, flags, rsp);
    }

    // ---------------------------------------------------------------------------------------------------- snapshots

    @Override
    public void save(StateWriter out) {
        out.section("pv-cpu", 1);
        out.putLong("kernelRoot", kernelRoot);
        out.putLong("userRoot", userRoot);
        out.putLong("kernelStack", kernelStack);
        out.putLong("eventEntry", eventEntry);
        out.putLong("failsafeEntry", failsafeEntry);
        out.putLong("syscallEntry", syscallEntry);
        out.putBoolean("syscallMasksEvents", syscallMasksEvents);
        for (int i = 0; i < trapEntry.length; i++) {
            out.putLong("trapEntry", trapEntry[i]);
            out.putBoolean("trapMasks", trapMasks[i]);
        }
        out.putBytes("trapDpl", trapDpl);
    }

    @Override
    public void load(StateReader in) {
        in.section("pv-cpu", 1);
        kernelRoot = in.getLong("kernelRoot");
        userRoot = in.getLong("userRoot");
        kernelStack = in.getLong("kernelStack");
        eventEntry = in.getLong("eventEntry");
        failsafeEntry = in.getLong("failsafeEntry");
        syscallEntry = in.getLong("syscallEntry");
        syscallMasksEvents = in.getBoolean("syscallMasksEvents");
        for (int i = 0; i < trapEntry.length; i++) {
            trapEntry[i] = in.getLong("trapEntry");
            trapMasks[i] = in.getBoolean("trapMasks");
        }
        in.getBytes("trapDpl", trapDpl);
    }
}
