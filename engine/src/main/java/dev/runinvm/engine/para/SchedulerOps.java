package dev.runinvm.engine.para;

import dev.runinvm.engine.x86.Cpu;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** sched_op(command, argument): blocking, and how the guest ends (xen/include/public/sched.h). */
final class SchedulerOps {
    private static final Logger LOG = LoggerFactory.getLogger("vm.para");

    private static final int YIELD = 0;
    private static final int BLOCK = 1;
    private static final int SHUTDOWN = 2;
    private static final int POLL = 3;
    private static final int SHUTDOWN_CODE = 5;
    private static final int PORTS_MOST = 128;

    /** Why a guest shut down. */
    enum Reason {
        POWEROFF,
        REBOOT,
        SUSPEND,
        CRASH,
        WATCHDOG,
        SOFT_RESET
    }

    private final SharedInfo shared;
    private volatile Optional<Reason> ended = Optional.empty();

    SchedulerOps(SharedInfo shared) {
        this.shared = shared;
    }

    void register(Hypercalls calls) {
        calls.register(Hypercalls.SCHED_OP, "sched_op", this::schedOp);
    }

    /** How the guest ended, if it has. */
    Optional<Reason> ended() {
        return ended;
    }

    private long schedOp(Cpu cpu, long[] a) {
        switch ((int) a[0]) {
            case YIELD -> {}
            case BLOCK -> {
                shared.setUpcallMask(0);
                cpu.s.halted = !shared.upcallPending();
            }
            case SHUTDOWN -> {
                return shutdown(cpu, (int) cpu.mmu.read32(a[1]));
            }
            case POLL -> poll(cpu, a[1]);
            case SHUTDOWN_CODE -> cpu.mmu.read32(a[1]); // noted for later by Xen, of no use here
            default -> throw XenError.notImplemented();
        }
        return 0;
    }

    private long shutdown(Cpu cpu, int reason) {
        if (reason < 0 || reason >= Reason.values().length) {
            throw XenError.invalid();
        }
        Reason why = Reason.values()[reason];
        if (why == Reason.SUSPEND) {
            LOG.warn("the guest wants to be suspended; a guest of technique PARA is saved from outside, as a snapshot,"
                    + " not by itself: refused");
            int cancelled = 1;
            return cancelled;
        }
        ended = Optional.of(why);
        cpu.s.halted = true;
        cpu.requestAttention();
        return 0;
    }

    /** {ports, count, timeout}: it may return early, and does unless nothing at all is pending. */
    private void poll(Cpu cpu, long at) {
        long ports = cpu.mmu.read64(at);
        long count = cpu.mmu.read32(at + 8);
        if (count > PORTS_MOST) {
            throw XenError.invalid();
        }
        for (long i = 0; i < count; i++) {
            long port = cpu.mmu.read32(ports + 4 * i);
            if (port >= SharedInfo.PORTS) {
                throw XenError.invalid();
            }
        }
    }
}
