package dev.runinvm.engine.para;

import dev.runinvm.engine.x86.Cpu;
import java.util.List;

/** memory_op(command, argument) (xen/include/public/memory.h): a fixed amount of memory. */
final class MemoryOps {
    private static final int DECREASE_RESERVATION = 1;
    private static final int MAXIMUM_RAM_PAGE = 2;
    private static final int CURRENT_RESERVATION = 3;
    private static final int MAXIMUM_RESERVATION = 4;
    private static final int POPULATE_PHYSMAP = 6;
    private static final int MEMORY_MAP = 9;
    private static final int MACHINE_MEMORY_MAP = 10;
    private static final int MACHPHYS_MAPPING = 12;

    private static final int E820_SIZE = 20;

    private final MachineLayout layout;

    MemoryOps(MachineLayout layout) {
        this.layout = layout;
    }

    void register(Hypercalls calls) {
        calls.register(Hypercalls.MEMORY_OP, "memory_op", this::memoryOp);
    }

    private long memoryOp(Cpu cpu, long[] a) {
        long at = a[1];
        switch ((int) a[0]) {
            case MAXIMUM_RAM_PAGE -> {
                return (layout.end() >>> 12) - 1;
            }
            case CURRENT_RESERVATION, MAXIMUM_RESERVATION -> {
                return layout.pages();
            }
            case MEMORY_MAP -> memoryMap(cpu, at);
            case MACHINE_MEMORY_MAP -> throw new XenError(XenError.EPERM);
            case MACHPHYS_MAPPING -> {
                cpu.mmu.probe(at, 24, true);
                cpu.mmu.write64(at, ReservedSlots.MACHINE_TO_PHYS);
                cpu.mmu.write64(at + 8, ReservedSlots.MACHINE_TO_PHYS + layout.m2pSize());
                cpu.mmu.write64(at + 16, layout.m2pSize() / 8 - 1);
            }
            // the guest keeps what it has: nothing is taken, nothing is given
            case DECREASE_RESERVATION, POPULATE_PHYSMAP -> cpu.mmu.read64(at + 8);
            default -> throw XenError.notImplemented();
        }
        return 0;
    }

    /** {entries, buffer}. */
    private void memoryMap(Cpu cpu, long at) {
        long room = cpu.mmu.read32(at);
        long buffer = cpu.mmu.read64(at + 8);
        List<long[]> map = layout.memoryMap();
        int count = (int) Math.min(room, map.size());
        for (int i = 0; i < count; i++) {
            long to = buffer + (long) i * E820_SIZE;
            cpu.mmu.write64(to, map.get(i)[0]);
            cpu.mmu.write64(to + 8, map.get(i)[1]);
            cpu.mmu.write32(to + 16, map.get(i)[2]);
        }
        cpu.mmu.write32(at, count);
    }
}
