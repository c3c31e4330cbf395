package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.CpuState;
import java.util.Arrays;

/** What stands for the instructions on tables and registers of the system: traps, GDT, stacks, segment bases, debug. */
final class DescriptorOps {
    private static final int SEGBASE_FS = 0;
    private static final int SEGBASE_GS_USER = 1;
    private static final int SEGBASE_GS_KERNEL = 2;
    private static final int SEGBASE_GS_USER_SELECTOR = 3;

    private static final int CALLBACK_EVENT = 0;
    private static final int CALLBACK_FAILSAFE = 1;
    private static final int CALLBACK_SYSCALL = 2;
    private static final int CALLBACK_NMI = 4;
    private static final int CALLBACK_SYSENTER = 5;
    private static final int CALLBACK_SYSCALL32 = 7;

    private final GuestMemory memory;
    private final MachineLayout layout;
    private final PvCpu pv;

    DescriptorOps(GuestMemory memory, MachineLayout layout, PvCpu pv) {
        this.memory = memory;
        this.layout = layout;
        this.pv = pv;
    }

    void register(Hypercalls calls) {
        calls.register(Hypercalls.SET_TRAP_TABLE, "set_trap_table", this::setTrapTable);
        calls.register(Hypercalls.SET_GDT, "set_gdt", this::setGdt);
        calls.register(Hypercalls.UPDATE_DESCRIPTOR, "update_descriptor", this::updateDescriptor);
        calls.register(Hypercalls.STACK_SWITCH, "stack_switch", (cpu, a) -> {
            pv.kernelStack = canonical(a[1]);
            return 0;
        });
        calls.register(Hypercalls.FPU_TASKSWITCH, "fpu_taskswitch", (cpu, a) -> {
            cpu.s.cr0 = a[0] != 0 ? cpu.s.cr0 | CpuState.CR0_TS : cpu.s.cr0 & ~CpuState.CR0_TS;
            return 0;
        });
        calls.register(Hypercalls.SET_SEGMENT_BASE, "set_segment_base", this::setSegmentBase);
        calls.register(Hypercalls.SET_DEBUGREG, "set_debugreg", DescriptorOps::setDebugRegister);
        calls.register(
                Hypercalls.GET_DEBUGREG,
                "get_debugreg",
                (cpu, a) -> a[0] >= 0 && a[0] < 8 && a[0] != 4 && a[0] != 5 ? cpu.s.dr[(int) a[0]] : -XenError.EINVAL);
        calls.register(Hypercalls.CALLBACK_OP, "callback_op", this::callbackOp);
    }

    private static long canonical(long address) {
        if (address << 16 >> 16 != address) {
            throw XenError.invalid();
        }
        return address;
    }

    /** set_trap_table(traps): vector, flags, selector and address of each, up to one with address 0. */
    private long setTrapTable(Cpu cpu, long[] a) {
        if (a[0] == 0) {
            Arrays.fill(pv.trapEntry, 0);
            return 0;
        }
        for (long at = a[0], n = 0; n <= 256; at += 16, n++) {
            int vector = (int) cpu.mmu.read8(at);
            int flags = (int) cpu.mmu.read8(at + 1);
            long address = cpu.mmu.read64(at + 8);
            if (address == 0) {
                return 0;
            }
            pv.trapEntry[vector] = canonical(address);
            pv.trapDpl[vector] = (byte) (flags & 3);
            pv.trapMasks[vector] = (flags & 4) != 0;
        }
        throw XenError.invalid();
    }

    /** set_gdt(frames, entries). */
    private long setGdt(Cpu cpu, long[] a) {
        long entries = a[1] & 0xffff_ffffL;
        if (entries > ReservedSlots.GDT_ENTRIES) {
            throw XenError.invalid();
        }
        int pages = (int) (entries + 511) / 512;
        long[] frames = new long[ReservedSlots.GDT_PAGES];
        for (int i = 0; i < pages; i++) {
            frames[i] = cpu.mmu.read64(a[0] + 8L * i);
            if (frames[i] <= 0 || frames[i] >= layout.pages()) {
                throw XenError.invalid();
            }
        }
        for (int i = 0; i < frames.length; i++) {
            ReservedSlots.mapGdt(memory, layout, i, frames[i]);
            cpu.mmu.invalidatePage(ReservedSlots.GDT + 4096L * i);
        }
        return 0;
    }

    /** update_descriptor(machine address, descriptor). */
    private long updateDescriptor(Cpu cpu, long[] a) {
        if (!layout.isRam(a[0]) || (a[0] & 7) != 0) {
            throw XenError.invalid();
        }
        memory.putLong(a[0], a[1]);
        return 0;
    }

    private long setSegmentBase(Cpu cpu, long[] a) {
        CpuState s = cpu.s;
        switch ((int) a[0]) {
            case SEGBASE_FS -> s.base[CpuState.FS] = canonical(a[1]);
            case SEGBASE_GS_USER -> s.kernelGsBase = canonical(a[1]);
            case SEGBASE_GS_KERNEL -> s.base[CpuState.GS] = canonical(a[1]);
            case SEGBASE_GS_USER_SELECTOR -> {
                int selector = (int) a[1] & 0xffff;
                s.kernelGsBase = descriptorBase(cpu, selector);
                s.selector[CpuState.GS] = selector;
            }
            default -> throw XenError.invalid();
        }
        return 0;
    }

    private static long descriptorBase(Cpu cpu, int selector) {
        CpuState s = cpu.s;
        int offset = selector & 0xfff8;
        boolean local = (selector & 4) != 0;
        if (offset == 0 && !local || offset + 7 > (local ? s.ldtrLimit : s.gdtrLimit)) {
            return 0;
        }
        long raw = cpu.mmu.read64((local ? s.ldtrBase : s.gdtrBase) + offset);
        return raw >>> 16 & 0xff_ffffL | raw >>> 32 & 0xff00_0000L;
    }

    /** Kept, never hit, like those of technique FULL. */
    private static long setDebugRegister(Cpu cpu, long[] a) {
        if (a[0] < 0 || a[0] > 7 || a[0] == 4 || a[0] == 5) {
            throw XenError.invalid();
        }
        cpu.s.dr[(int) a[0]] = a[1];
        return 0;
    }

    /** callback_op(command, {type, flags, address}). */
    private long callbackOp(Cpu cpu, long[] a) {
        int register = 0;
        if (a[0] != register) {
            throw XenError.notImplemented();
        }
        int type = (int) cpu.mmu.read16(a[1]);
        int flags = (int) cpu.mmu.read16(a[1] + 2);
        long address = canonical(cpu.mmu.read64(a[1] + 8));
        switch (type) {
            case CALLBACK_EVENT -> pv.eventEntry = address;
            case CALLBACK_FAILSAFE -> pv.failsafeEntry = address;
            case CALLBACK_SYSCALL -> {
                pv.syscallEntry = address;
                pv.syscallMasksEvents = (flags & PvCpu.MASK_EVENTS) != 0;
            }
            case CALLBACK_NMI, CALLBACK_SYSENTER, CALLBACK_SYSCALL32 -> {} // there are none of these
            default -> throw XenError.notImplemented();
        }
        return 0;
    }
}
