package dev.runinvm.engine.hw;

import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.os.kvm.KvmVm;

/** Gives a machine of KVM's the pages that files back, by private mappings of them: they are read when the guest touches them. */
final class BackedPages {
    private static final int PAGE = GuestMemory.PAGE_SIZE;

    private final GuestMemory memory;
    private final KvmVm vm;
    private final int[] fds;
    private long dataStart;
    private long dataEnd;

    private BackedPages(GuestMemory memory, KvmVm vm) {
        this.memory = memory;
        this.vm = vm;
        this.fds = memory.fds();
    }

    /** Maps all of them; the machine's memory is mapped already, and its guest does not run yet. */
    static void map(GuestMemory memory, KvmVm vm) {
        if (memory.isBacked()) {
            new BackedPages(memory, vm).map(0, memory.lowSize());
            new BackedPages(memory, vm).map(memory.lowSize(), memory.ramSize());
        }
    }

    private void map(long from, long to) {
        long at = from;
        while (at < to) {
            int source = memory.source(at);
            if (source == 0) {
                at += PAGE;
                continue;
            }
            long start = at;
            long file = memory.fileOffset(at);
            long end = at + PAGE;
            for (at = end; at < to; at += PAGE) {
                int next = memory.source(at);
                if (next == source && memory.fileOffset(at) - file == at - start) {
                    end = at + PAGE;
                } else if (next != 0 || touched(at)) {
                    break;
                }
                // Neither has it: a snapshot has a hole where a page was zero, so one mapping can reach across.
            }
            vm.overlay(memory.physical(start), fds[source], file, end - start);
            at = end;
        }
    }

    /** Whether the memory file has a page; asked in rising order. */
    private boolean touched(long offset) {
        if (offset >= dataEnd) {
            dataStart = memory.nextData(offset) & -PAGE;
            dataEnd = memory.nextHole(dataStart);
        }
        return offset >= dataStart;
    }
}
