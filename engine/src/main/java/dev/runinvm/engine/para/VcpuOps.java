package dev.runinvm.engine.para;

import dev.runinvm.engine.x86.Cpu;

/** vcpu_op and set_timer_op, of a domain with one virtual CPU (xen/include/public/vcpu.h). */
final class VcpuOps {
    private static final int IS_UP = 3;
    private static final int GET_RUNSTATE_INFO = 4;
    private static final int REGISTER_RUNSTATE = 5;
    private static final int SET_PERIODIC = 6;
    private static final int STOP_PERIODIC = 7;
    private static final int SET_SINGLESHOT = 8;
    private static final int STOP_SINGLESHOT = 9;
    private static final int REGISTER_VCPU_INFO = 10;
    private static final int REGISTER_TIME = 13;

    private static final int SSHOTTMR_FUTURE = 1;
    private static final int ETIME = 62;
    private static final int RUNSTATE_SIZE = 48;
    private static final int RUNSTATE_RUNNING = 0;

    private final MachineLayout layout;
    private final SharedInfo shared;
    private final Timers timers;
    private final PageTypes types;
    private boolean infoMoved;

    /** Nanoseconds blocked so far. */
    long blockedNanos;

    VcpuOps(MachineLayout layout, SharedInfo shared, Timers timers, PageTypes types) {
        this.layout = layout;
        this.shared = shared;
        this.timers = timers;
        this.types = types;
    }

    void register(Hypercalls calls) {
        calls.register(Hypercalls.VCPU_OP, "vcpu_op", this::vcpuOp);
        calls.register(Hypercalls.SET_TIMER_OP, "set_timer_op", (cpu, a) -> {
            if (a[0] == 0) {
                timers.disarm();
            } else {
                timers.arm(a[0]);
            }
            return 0;
        });
    }

    /** vcpu_op(command, vcpu, argument). */
    private long vcpuOp(Cpu cpu, long[] a) {
        if ((int) a[1] != 0) {
            throw new XenError(XenError.ENOENT);
        }
        long argument = a[2];
        switch ((int) a[0]) {
            case IS_UP -> {
                return 1;
            }
            case GET_RUNSTATE_INFO, REGISTER_RUNSTATE -> {
                long at = argument;
                if ((int) a[0] == REGISTER_RUNSTATE) {
                    at = cpu.mmu.read64(argument);
                }
                writeRunstate(cpu, at);
            }
            case SET_PERIODIC -> timers.setPeriod(cpu.mmu.read64(argument));
            case STOP_PERIODIC -> timers.setPeriod(0);
            case SET_SINGLESHOT -> setSingleshot(cpu, argument);
            case STOP_SINGLESHOT -> timers.disarm();
            case REGISTER_VCPU_INFO -> registerInfo(cpu, argument);
            case REGISTER_TIME -> {
                long at = cpu.mmu.read64(argument);
                if (at != 0) {
                    byte[] info = shared.timeInfo();
                    cpu.mmu.write(at, info, 0, info.length);
                }
            }
            default -> throw XenError.notImplemented();
        }
        return 0;
    }

    /** Always running: a guest that can look is not blocked, and nobody takes the CPU away from it. */
    private void writeRunstate(Cpu cpu, long at) {
        long now = shared.systemTime();
        cpu.mmu.probe(at, RUNSTATE_SIZE, true);
        cpu.mmu.write32(at, RUNSTATE_RUNNING);
        cpu.mmu.write64(at + 8, now);
        cpu.mmu.write64(at + 16, Math.max(0, now - blockedNanos));
        cpu.mmu.write64(at + 24, 0);
        cpu.mmu.write64(at + 32, blockedNanos);
        cpu.mmu.write64(at + 40, 0);
    }

    private void setSingleshot(Cpu cpu, long argument) {
        long timeout = cpu.mmu.read64(argument);
        int flags = (int) cpu.mmu.read32(argument + 8);
        if ((flags & SSHOTTMR_FUTURE) != 0 && timeout < shared.systemTime()) {
            throw new XenError(ETIME);
        }
        timers.arm(timeout);
    }

    /** {frame, offset}: once, 64 bytes within a page that is no page table. */
    private void registerInfo(Cpu cpu, long argument) {
        long frame = cpu.mmu.read64(argument);
        long offset = cpu.mmu.read32(argument + 8);
        if (infoMoved || offset > 4096 - 64 || (offset & 7) != 0) {
            throw XenError.invalid();
        }
        if (frame < 0 || frame >= layout.pages() || types.level(frame) != 0) {
            throw XenError.invalid();
        }
        infoMoved = true;
        shared.moveVcpuInfo((frame << 12) + offset);
    }
}
