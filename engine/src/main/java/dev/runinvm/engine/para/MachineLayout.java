package dev.runinvm.engine.para;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.boot.MemoryDisks;
import dev.runinvm.engine.machine.GuestMemory;
import java.util.ArrayList;
import java.util.List;

/**
 * Who owns which machine frames. Machine and pseudo-physical frame numbers are the same. From 0 the guest's RAM, then its
 * disks (persistent memory of its own), then the hypervisor's area; the channel's window lies where it does in every
 * machine.
 *
 * <pre>
 *   hypervisor's area, from a multiple of 2 MiB:
 *     machine-to-phys table, 8 bytes a frame, in whole units of 2 MiB
 *     shared_info, grant table frames
 *     page tables of the reserved top-level slots, the reserved page of the GDT
 * </pre>
 *
 * @param ramEnd first address behind the guest's RAM
 * @param disks how its disks lie behind it
 * @param disksEnd first address behind its disks
 * @param end first address behind the machine's memory
 */
record MachineLayout(long ramEnd, MemoryDisks disks, long disksEnd, long end, long m2pSize) {
    /** What is shared without copying is aligned to this. */
    static final long LARGE_PAGE = 2 << 20;

    static final int GRANT_FRAMES = 32;
    /** Frames of the hypervisor's area behind the machine-to-phys table. */
    private static final int HYPERVISOR_FRAMES = 64;

    /** Beyond lie the devices' windows. */
    private static final long MOST = GuestMemory.LOW_LIMIT;

    /** Lays out the memory. */
    static MachineLayout of(GuestMemory memory, MemoryDisks disks) {
        long end = memory.ramSize() & -LARGE_PAGE;
        if (end > MOST) {
            throw new HostLacks("a guest of technique PARA can have at most " + (MOST >> 20) + " MiB of memory, not "
                    + (end >> 20) + " MiB");
        }
        long m2pSize = (end >>> 12) * 8 + LARGE_PAGE - 1 & -LARGE_PAGE;
        long hypervisor = end - m2pSize - HYPERVISOR_FRAMES * 4096L & -LARGE_PAGE;
        return new MachineLayout(hypervisor - disks.size(), disks, hypervisor, end, m2pSize);
    }

    /** Frames of the guest's RAM. */
    long pages() {
        return ramEnd >>> 12;
    }

    long m2p() {
        return disksEnd;
    }

    private long frame(int number) {
        return disksEnd + m2pSize + 4096L * number;
    }

    long sharedInfo() {
        return frame(0);
    }

    long grantFrame(int i) {
        return frame(1 + i);
    }

    /** The top-level entry of the slot of the machine-to-phys table, and of the GDT's, each with its tables. */
    long m2pL3() {
        return frame(40);
    }

    long m2pL2() {
        return frame(41);
    }

    long gdtL3() {
        return frame(42);
    }

    long gdtL2() {
        return frame(43);
    }

    long gdtL1() {
        return frame(44);
    }

    long reservedGdtPage() {
        return frame(45);
    }

    /** Whether the guest may map a frame, and write it. */
    boolean mayMap(long physical) {
        return physical >= 0 && physical < disksEnd
                || physical >= sharedInfo() && physical < grantFrame(GRANT_FRAMES)
                || physical >= GuestMemory.WINDOW_BASE && physical < GuestMemory.WINDOW_BASE + WINDOW_MAPPED
                || physical >= LEGACY_START && physical < 1L << 32;
    }

    /** The window, the doorbell page, and what the PCI function claims besides. */
    private static final long WINDOW_MAPPED = 2 << 20;
    /** Where a PC has its APICs: nothing is there, and mapping nothing hurts nobody. */
    private static final long LEGACY_START = 0xfec0_0000L;

    /** Whether a frame is the guest's own RAM. */
    boolean isRam(long physical) {
        return physical >= 0 && physical < ramEnd;
    }

    /** Lines of the memory map for the guest: start, size, type. */
    List<long[]> memoryMap() {
        List<long[]> map = new ArrayList<>();
        map.add(new long[] {0, ramEnd, 1});
        for (MemoryDisks.Place disk : disks.places()) {
            if (disk.start() > 0) {
                map.add(new long[] {ramEnd + disk.start() - MemoryDisks.UNIT, MemoryDisks.UNIT, 2});
            }
            map.add(new long[] {ramEnd + disk.start(), disk.size(), 12});
        }
        map.add(new long[] {disksEnd, end - disksEnd, 2});
        map.add(new long[] {GuestMemory.WINDOW_BASE, WINDOW_MAPPED, 2});
        return map;
    }
}
