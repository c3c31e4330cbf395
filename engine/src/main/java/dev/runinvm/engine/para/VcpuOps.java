package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.PageWalker;

/** vcpu_op and set_timer_op, of a domain with one virtual CPU (xen/include/public/vcpu.h). */
final class VcpuOps implements Stateful {
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
    private static final int TIME_SIZE = 32;

    private final MachineLayout layout;
    private final SharedInfo shared;
    private final Timers timers;
    private final PageTypes types;
    private final Runstate runstate;
    private final PageWalker walker;
    private boolean infoMoved;

    VcpuOps(
            GuestMemory memory,
            MachineLayout layout,
            SharedInfo shared,
            Timers timers,
            PageTypes types,
            Runstate runstate) {
        this.runstate = runstate;
        this.walker = new PageWalker(memory);
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
            case GET_RUNSTATE_INFO -> runstate.write(cpu, argument);
            case REGISTER_RUNSTATE -> runstate.register(cpu, cpu.mmu.read64(argument));
            case SET_PERIODIC -> timers.setPeriod(cpu.mmu.read64(argument));
            case STOP_PERIODIC -> timers.setPeriod(0);
            case SET_SINGLESHOT -> setSingleshot(cpu, argument);
            case STOP_SINGLESHOT -> timers.disarm();
            case REGISTER_VCPU_INFO -> registerInfo(cpu, argument);
            case REGISTER_TIME -> registerTime(cpu, cpu.mmu.read64(argument));
            default -> throw XenError.notImplemented();
        }
        return 0;
    }

    /** Where it is is looked up once: within a page of RAM, which the guest leaves where it is. */
    private void registerTime(Cpu cpu, long at) {
        if (at == 0) {
            shared.setTimeArea(0);
            return;
        }
        if ((at & 4095) > 4096 - TIME_SIZE) {
            throw XenError.invalid();
        }
        byte[] info = shared.timeInfo();
        cpu.mmu.write(at, info, 0, info.length);
        if (!walker.find(cpu.s.cr3, at, true) || !layout.isRam(walker.physical)) {
            throw XenError.invalid();
        }
        shared.setTimeArea(walker.physical);
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

    @Override
    public void save(StateWriter out) {
        out.section("vcpu-ops", 1);
        out.putBoolean("infoMoved", infoMoved);
    }

    @Override
    public void load(StateReader in) {
        in.section("vcpu-ops", 1);
        infoMoved = in.getBoolean("infoMoved");
    }
}
