package dev.runinvm.engine.para;

import dev.runinvm.engine.direct.DirectEngine;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.PageWalker;
import org.jspecify.annotations.Nullable;

/** mmu_update, update_va_mapping and mmuext_op: the guest's page tables and what is cached of them. */
final class MmuOps {
    private static final int NORMAL_PT_UPDATE = 0;
    private static final int MACHPHYS_UPDATE = 1;
    private static final int PT_UPDATE_PRESERVE_AD = 2;
    private static final int PT_UPDATE_NO_TRANSLATE = 3;

    private static final int UVMF_FLUSH_MASK = 3;
    private static final int UVMF_TLB_FLUSH = 1;

    private static final int PIN_L1 = 0;
    private static final int PIN_L4 = 3;
    private static final int UNPIN = 4;
    private static final int NEW_BASEPTR = 5;
    private static final int TLB_FLUSH_LOCAL = 6;
    private static final int INVLPG_LOCAL = 7;
    private static final int TLB_FLUSH_MULTI = 8;
    private static final int INVLPG_MULTI = 9;
    private static final int TLB_FLUSH_ALL = 10;
    private static final int INVLPG_ALL = 11;
    private static final int FLUSH_CACHE = 12;
    private static final int SET_LDT = 13;
    private static final int NEW_USER_BASEPTR = 15;
    private static final int CLEAR_PAGE = 16;
    private static final int COPY_PAGE = 17;
    private static final int FLUSH_CACHE_GLOBAL = 18;

    private static final int DOMID_SELF = EventChannels.DOMID_SELF;
    private static final int LDT_MOST = 8192;
    /** Bit of a count: an earlier call was interrupted. We never interrupt one. */
    private static final long PREEMPTED = 1L << 31;

    private static final int UPPER_HALF = ReservedSlots.LAST + 1;

    private final GuestMemory memory;
    private final MachineLayout layout;
    private final PageTypes types;
    private final PvCpu pv;
    private @Nullable DirectEngine direct;

    /** By what was done: entries, pins, base pointers, flushes. */
    long pins;

    long unpins;
    long baseChanges;
    long flushes;
    long kernelFlushes;
    long pageFlushes;
    /** As of when the upper half's translations were last dropped. */
    private long kernelChangesFlushed = -1;

    MmuOps(GuestMemory memory, MachineLayout layout, PageTypes types, PvCpu pv) {
        this.memory = memory;
        this.layout = layout;
        this.types = types;
        this.pv = pv;
    }

    /** Sets who mirrors the address spaces of programs. */
    void setDirect(DirectEngine engine) {
        direct = engine;
    }

    void register(Hypercalls calls) {
        calls.register(Hypercalls.MMU_UPDATE, "mmu_update", this::mmuUpdate);
        calls.register(Hypercalls.UPDATE_VA_MAPPING, "update_va_mapping", this::updateVaMapping);
        calls.register(Hypercalls.MMUEXT_OP, "mmuext_op", this::mmuextOp);
    }

    private static void requireSelf(long domain) {
        if ((domain & 0xffff) != DOMID_SELF || domain >>> 16 != 0) {
            throw new XenError(XenError.EPERM);
        }
    }

    private static long count(long raw) {
        long count = raw & 0xffff_ffffL & ~PREEMPTED;
        if (count > 1 << 24) {
            throw XenError.invalid();
        }
        return count;
    }

    /** mmu_update(requests, count, done, domain): entries of page tables, by their machine addresses. */
    private long mmuUpdate(Cpu cpu, long[] a) {
        long list = a[0];
        long count = count(a[1]);
        long doneAt = a[2];
        requireSelf(a[3]);
        long done = 0;
        try {
            for (; done < count; done++) {
                long at = list + 16 * done;
                update(cpu.mmu.read64(at), cpu.mmu.read64(at + 8));
            }
        } finally {
            if (doneAt != 0) {
                cpu.mmu.write32(doneAt, done);
            }
        }
        return 0;
    }

    private void update(long pointer, long value) {
        switch ((int) pointer & 3) {
            case NORMAL_PT_UPDATE, PT_UPDATE_NO_TRANSLATE -> types.update(aligned(pointer), value, false);
            case PT_UPDATE_PRESERVE_AD -> types.update(aligned(pointer), value, true);
            case MACHPHYS_UPDATE -> {
                long frame = pointer >>> 12;
                if (frame < 0 || frame >= layout.pages()) {
                    throw XenError.invalid();
                }
                memory.putLong(layout.m2p() + 8 * frame, value);
            }
            default -> throw XenError.notImplemented();
        }
    }

    private static long aligned(long pointer) {
        if ((pointer & 4) != 0) {
            throw XenError.invalid();
        }
        return pointer & ~7L;
    }

    /** update_va_mapping(va, entry, flags): the entry that maps an address in the current address space. */
    private long updateVaMapping(Cpu cpu, long[] a) {
        long va = a[0];
        long flags = a[2];
        if (va << 16 >> 16 != va) {
            throw XenError.invalid();
        }
        long at = pv.kernelRoot;
        for (int shift = 39; shift > 12; shift -= 9) {
            long entry = memory.getLong(at + 8 * (va >>> shift & 511));
            if ((entry & PageWalker.PRESENT) == 0 || (entry & PageWalker.LARGE) != 0 && shift < 39) {
                throw XenError.invalid();
            }
            at = entry & PageWalker.ADDRESS;
            if (!layout.isRam(at)) {
                throw XenError.invalid();
            }
        }
        types.update(at + 8 * (va >>> 12 & 511), a[1], false);
        if ((flags & UVMF_FLUSH_MASK) == UVMF_TLB_FLUSH) {
            flushAll(cpu);
        } else {
            // also where the guest asks for nothing: a page may have become read-only, as a page table does
            flushPage(cpu, va);
        }
        return 0;
    }

    private void flushAll(Cpu cpu) {
        flushes++;
        // A guest has one call for both halves; nearly always it means its programs'.
        boolean kernelUnchanged = types.kernelChanges() == kernelChangesFlushed;
        kernelChangesFlushed = types.kernelChanges();
        cpu.mmu.flushAll(kernelUnchanged);
        if (!kernelUnchanged) {
            kernelFlushes++;
        }
        programsChanged();
    }

    private void programsChanged() {
        if (direct != null) {
            direct.invalidateAll(pv.userRoot);
        }
    }

    private void flushPage(Cpu cpu, long va) {
        pageFlushes++;
        cpu.mmu.invalidatePage(va);
        if (direct != null) {
            direct.invalidate(pv.userRoot, va);
        }
    }

    /** mmuext_op(operations, count, done, domain). */
    private long mmuextOp(Cpu cpu, long[] a) {
        long list = a[0];
        long count = count(a[1]);
        long doneAt = a[2];
        requireSelf(a[3]);
        long done = 0;
        try {
            for (; done < count; done++) {
                long at = list + 24 * done;
                int command = (int) cpu.mmu.read32(at);
                long first = cpu.mmu.read64(at + 8);
                long second = cpu.mmu.read64(at + 16);
                extended(cpu, command, first, second);
            }
        } finally {
            if (doneAt != 0) {
                cpu.mmu.write32(doneAt, done);
            }
        }
        return 0;
    }

    private void extended(Cpu cpu, int command, long first, long second) {
        if (command >= PIN_L1 && command <= PIN_L4) {
            pins++;
            types.pin(first, command + 1);
            return;
        }
        switch (command) {
            case UNPIN -> {
                unpins++;
                types.unpin(first);
            }
            case NEW_BASEPTR -> newBase(cpu, first);
            case NEW_USER_BASEPTR -> newUserBase(first);
            case TLB_FLUSH_LOCAL, TLB_FLUSH_MULTI, TLB_FLUSH_ALL -> flushAll(cpu);
            case INVLPG_LOCAL, INVLPG_MULTI, INVLPG_ALL -> {
                if (first << 16 >> 16 == first) {
                    flushPage(cpu, first);
                }
            }
            case FLUSH_CACHE, FLUSH_CACHE_GLOBAL -> {} // caches are coherent
            case SET_LDT -> setLdt(cpu, first, second);
            case CLEAR_PAGE -> {
                requirePlain(first);
                memory.write(first << 12, new byte[4096], 0, 4096);
                cpu.mmu.memoryChanged(first << 12, 4096);
            }
            case COPY_PAGE -> {
                requirePlain(first);
                requireRam(second);
                byte[] page = new byte[4096];
                memory.read(second << 12, page, 0, page.length);
                memory.write(first << 12, page, 0, page.length);
                cpu.mmu.memoryChanged(first << 12, 4096);
            }
            default -> throw XenError.notImplemented();
        }
    }

    private void requireRam(long frame) {
        if (frame < 0 || frame >= layout.pages()) {
            throw XenError.invalid();
        }
    }

    private void requirePlain(long frame) {
        requireRam(frame);
        if (types.level(frame) != 0) {
            throw XenError.invalid();
        }
    }

    private void newBase(Cpu cpu, long frame) {
        types.get(frame, 4);
        long old = pv.kernelRoot;
        long root = frame << 12;
        pv.kernelRoot = root;
        types.put(old >>> 12);
        baseChanges++;
        cpu.mmu.setRoot(root);
        // Translations of the upper half stay where both tables agree on it, as all of Linux' do.
        cpu.mmu.flushAll(sameUpperHalf(old, root));
    }

    private boolean sameUpperHalf(long a, long b) {
        for (int i = UPPER_HALF; i < 512; i++) {
            long difference = memory.getLong(a + 8L * i) ^ memory.getLong(b + 8L * i);
            if ((difference & ~(PageWalker.ACCESSED | PageWalker.DIRTY)) != 0) {
                return false;
            }
        }
        return true;
    }

    private void newUserBase(long frame) {
        long old = pv.userRoot;
        if (frame != 0) {
            types.get(frame, 4);
        }
        pv.userRoot = frame << 12;
        if (old != 0) {
            types.put(old >>> 12);
        }
        programsChanged();
    }

    private static void setLdt(Cpu cpu, long address, long entries) {
        if (entries < 0 || entries > LDT_MOST || (address & 4095) != 0 || address << 16 >> 16 != address) {
            throw XenError.invalid();
        }
        cpu.s.ldtrSelector = entries == 0 ? 0 : 8; // any but null
        cpu.s.ldtrBase = address;
        cpu.s.ldtrLimit = entries == 0 ? 0 : (int) entries * 8 - 1;
    }
}
