package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.CpuException;

/**
 * For how long the virtual CPU has run and been blocked (vcpu_runstate_info, xen/include/public/vcpu.h). It is always
 * running when the guest looks, and never waits for a CPU that we would know of: what the host's scheduler takes from us
 * counts as run.
 */
final class Runstate implements Stateful {
    private static final int SIZE = 48;
    private static final int RUNNING = 0;

    private final SharedInfo shared;
    /** Where the guest wants it kept up to date, in its kernel's addresses; 0 if nowhere. */
    private long area;
    /** System time at which it last began to run, and what it had run and been blocked by then. */
    private long since;

    private long running;
    private long blocked;

    Runstate(SharedInfo shared) {
        this.shared = shared;
    }

    /** VCPUOP_get_runstate_info: as of now. */
    void write(Cpu cpu, long at) {
        write(cpu, at, running + shared.systemTime() - since);
    }

    /** VCPUOP_register_runstate_memory_area; 0 ends it. */
    void register(Cpu cpu, long at) {
        if (at != 0) {
            write(cpu, at);
        }
        area = at;
    }

    /**
     * It runs again after having been blocked.
     *
     * @param from system time at which it was blocked
     */
    void unblocked(Cpu cpu, long from) {
        long now = shared.systemTime();
        running += from - since;
        blocked += now - from;
        since = now;
        if (area != 0) {
            try {
                write(cpu, area, running);
            } catch (CpuException e) {
                area = 0; // the guest has taken the page away, and can ask again
            }
        }
    }

    private void write(Cpu cpu, long at, long run) {
        cpu.mmu.probe(at, SIZE, true);
        cpu.mmu.write32(at, RUNNING);
        cpu.mmu.write32(at + 4, 0);
        cpu.mmu.write64(at + 8, since);
        cpu.mmu.write64(at + 16, run);
        cpu.mmu.write64(at + 24, 0); // runnable
        cpu.mmu.write64(at + 32, blocked);
        cpu.mmu.write64(at + 40, 0); // offline
    }

    @Override
    public void save(StateWriter out) {
        out.section("runstate", 1);
        out.putLong("area", area);
        out.putLong("since", since);
        out.putLong("running", running);
        out.putLong("blocked", blocked);
    }

    @Override
    public void load(StateReader in) {
        in.section("runstate", 1);
        area = in.getLong("area");
        since = in.getLong("since");
        running = in.getLong("running");
        blocked = in.getLong("blocked");
    }
}
