package dev.runinvm.engine.para;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.direct.TableVersions;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import dev.runinvm.engine.x86.PageWalker;
import dev.runinvm.engine.x86.TableGuard;
import java.nio.ByteBuffer;
import java.util.BitSet;

/**
 * Which frames of the guest are page tables, of which level, and how often they are referred to: by being pinned, by
 * being a base, by an entry of a table above (Xen's get_page_type, xen/arch/x86/mm.c). Every change of a table that the
 * guest announces comes through here, and changes the table's version.
 *
 * <p>Xen does this to be safe from the guest. Here nothing depends on it: a guest's tables can name no memory that is not
 * the guest's machine's. It says which pages the kernel may write through read-only mappings, and which have not changed.
 */
final class PageTypes implements TableVersions, TableGuard, Stateful {
    private static final int ENTRIES = 512;
    /** Software bits, which an entry may always have, are among these; PCD, PWT, PAT, PS, G too. */
    private static final long ACCESSED_DIRTY = PageWalker.ACCESSED | PageWalker.DIRTY;

    private final GuestMemory memory;
    private final MachineLayout layout;
    /** 1 to 4 for a page table in use, 0 for any other frame. */
    private final byte[] level;

    private final int[] references;
    private final int[] version;
    private final BitSet pinned = new BitSet();
    /** Tables through which the upper half of an address space, the kernel's, is reached. */
    private final BitSet kernel = new BitSet();

    /** Entries written by hypercalls; stores to tables in use that came without. */
    long updates;

    long directWrites;
    /** Changes of any table. */
    private long changes;

    private long kernelChanges;

    PageTypes(GuestMemory memory, MachineLayout layout) {
        this.memory = memory;
        this.layout = layout;
        int frames = (int) layout.pages();
        this.level = new byte[frames];
        this.references = new int[frames];
        this.version = new int[frames];
    }

    private boolean isRam(long frame) {
        return frame >= 0 && frame < level.length;
    }

    /** The level of a frame that is a page table in use, else 0. */
    int level(long frame) {
        return isRam(frame) ? level[(int) frame] : 0;
    }

    @Override
    public int of(long table) {
        long frame = table >>> 12;
        return level(frame) == 1 ? version[(int) frame] : UNKNOWN;
    }

    @Override
    public boolean mayWrite(long physicalAddress) {
        return level(physicalAddress >>> 12) == 1;
    }

    @Override
    public void written(long physicalAddress, int length) {
        directWrites++;
        touch((int) (physicalAddress >>> 12));
    }

    @Override
    public long changes() {
        return changes;
    }

    /** A number that is another one after each change of the tables that map the upper half. */
    long kernelChanges() {
        return kernelChanges;
    }

    private void touch(int frame) {
        changes++;
        if (kernel.get(frame)) {
            kernelChanges++;
        }
        version[frame] = version[frame] + 1 & Integer.MAX_VALUE;
    }

    /**
     * Refers to a frame as a page table of a level; the first reference makes it one.
     *
     * @throws XenError EINVAL if it cannot be one: no RAM, a table of another level, an entry that is none
     */
    void get(long frame, int wanted) {
        if (!isRam(frame)) {
            throw XenError.invalid();
        }
        int f = (int) frame;
        if (references[f] > 0) {
            if (level[f] != wanted) {
                throw XenError.invalid();
            }
            references[f]++;
            return;
        }
        level[f] = (byte) wanted;
        references[f] = 1;
        touch(f);
        if (wanted == 4) {
            ReservedSlots.enter(memory, layout, frame << 12);
        }
        for (int i = 0; i < ENTRIES; i++) {
            if (wanted == 4 && i >= ReservedSlots.FIRST && i <= ReservedSlots.LAST) {
                continue;
            }
            try {
                reference(f, i, memory.getLong((frame << 12) + 8L * i));
            } catch (XenError e) {
                forget(f, i);
                throw e;
            }
        }
    }

    /** Gives a reference back. */
    void put(long frame) {
        int f = (int) frame;
        if (!isRam(frame) || references[f] == 0) {
            return;
        }
        if (--references[f] == 0) {
            references[f] = 1;
            forget(f, ENTRIES);
        }
    }

    /** Ends a table's life: drops the references of its first entries. */
    private void forget(int f, int entries) {
        int was = level[f];
        references[f] = 0;
        level[f] = 0;
        kernel.clear(f);
        for (int i = 0; i < entries && was > 1; i++) {
            if (was != 4 || i < ReservedSlots.FIRST || i > ReservedSlots.LAST) {
                drop(memory.getLong(((long) f << 12) + 8L * i), was);
            }
        }
    }

    private void reference(int table, int slot, long entry) {
        if ((entry & PageWalker.PRESENT) == 0) {
            return;
        }
        long physical = entry & PageWalker.ADDRESS;
        if (level[table] > 1) {
            if ((entry & PageWalker.LARGE) != 0) {
                throw XenError.invalid();
            }
            get(physical >>> 12, level[table] - 1);
            if (isKernels(table, slot)) {
                becomesKernels((int) (physical >>> 12));
            }
        } else if (!layout.mayMap(physical)) {
            throw XenError.invalid();
        }
    }

    private boolean isKernels(int table, int slot) {
        return level[table] == 4 ? slot > ReservedSlots.LAST : kernel.get(table);
    }

    private void becomesKernels(int table) {
        if (kernel.get(table)) {
            return;
        }
        kernel.set(table);
        for (int i = 0; i < ENTRIES && level[table] > 1; i++) {
            long entry = memory.getLong(((long) table << 12) + 8L * i);
            if ((entry & PageWalker.PRESENT) != 0) {
                becomesKernels((int) ((entry & PageWalker.ADDRESS) >>> 12));
            }
        }
    }

    private void drop(long entry, int level) {
        if (level > 1 && (entry & PageWalker.PRESENT) != 0) {
            put((entry & PageWalker.ADDRESS) >>> 12);
        }
    }

    /** MMUEXT_PIN_L1_TABLE to L4. */
    void pin(long frame, int wanted) {
        if (isRam(frame) && pinned.get((int) frame)) {
            throw XenError.invalid();
        }
        get(frame, wanted);
        pinned.set((int) frame);
    }

    /** MMUEXT_UNPIN_TABLE. */
    void unpin(long frame) {
        if (!isRam(frame) || !pinned.get((int) frame)) {
            throw XenError.invalid();
        }
        pinned.clear((int) frame);
        put(frame);
    }

    /**
     * Writes an entry of a table, or 8 bytes of any other page.
     *
     * @param address physical, a multiple of 8
     * @param preserve accessed and dirty bits stay as they are
     * @return the entry that was there
     * @throws XenError EINVAL if the new entry is none that may be there
     */
    long update(long address, long entry, boolean preserve) {
        if (!layout.isRam(address)) {
            throw XenError.invalid();
        }
        updates++;
        int frame = (int) (address >>> 12);
        int of = level[frame];
        int slot = (int) (address >>> 3) & ENTRIES - 1;
        long old = memory.getLong(address);
        if (of == 4 && slot >= ReservedSlots.FIRST && slot <= ReservedSlots.LAST) {
            throw XenError.invalid();
        }
        if (of == 0) {
            memory.putLong(address, entry);
            return old;
        }
        reference(frame, slot, entry);
        memory.putLong(address, preserve ? entry & ~ACCESSED_DIRTY | old & ACCESSED_DIRTY : entry);
        touch(frame);
        if (of == 4 && isKernels(frame, slot)) {
            kernelChanges++;
        }
        drop(old, of);
        return old;
    }

    /** Bytes of a table in what is saved: its frame, level, flags, references. */
    private static final int SAVED_TABLE = 10;

    private static final int SAVED_PINNED = 1;
    private static final int SAVED_KERNEL = 2;

    /** The tables; versions are for those who compare with what they have seen, and who has come back has seen nothing. */
    @Override
    public void save(StateWriter out) {
        ByteBuffer tables = ByteBuffer.allocate(SAVED_TABLE * used());
        for (int f = 0; f < level.length; f++) {
            if (isUsed(f)) {
                tables.putInt(f)
                        .put(level[f])
                        .put((byte) ((pinned.get(f) ? SAVED_PINNED : 0) | (kernel.get(f) ? SAVED_KERNEL : 0)))
                        .putInt(references[f]);
            }
        }
        out.section("page-types", 1);
        out.putBytes("tables", tables.array());
    }

    private boolean isUsed(int frame) {
        return level[frame] != 0 || references[frame] != 0 || pinned.get(frame) || kernel.get(frame);
    }

    private int used() {
        int n = 0;
        for (int f = 0; f < level.length; f++) {
            n += isUsed(f) ? 1 : 0;
        }
        return n;
    }

    @Override
    public void load(StateReader in) {
        in.section("page-types", 1);
        ByteBuffer tables = ByteBuffer.wrap(in.getBytes("tables"));
        while (tables.remaining() >= SAVED_TABLE) {
            int f = tables.getInt();
            if (!isRam(f)) {
                throw new HostLacks("the saved state speaks of a page table outside the guest's memory: frame " + f);
            }
            level[f] = tables.get();
            int flags = tables.get();
            pinned.set(f, (flags & SAVED_PINNED) != 0);
            kernel.set(f, (flags & SAVED_KERNEL) != 0);
            references[f] = tables.getInt();
        }
    }
}
