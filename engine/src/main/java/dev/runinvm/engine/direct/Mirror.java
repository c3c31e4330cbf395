package dev.runinvm.engine.direct;

import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.x86.PageWalker;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A guest address space as far as it is mapped in a stub process. Mappings are made by faults and taken back lazily:
 * an invalidation only marks, and before guest code runs again what is marked is compared with the guest's tables.
 */
final class Mirror {
    /** Marked addresses beyond which all are taken to be marked. */
    private static final int MAX_MARKED = 64;

    private final GuestMemory memory;
    private final Tables tables;
    private final DirectOptions options;
    private final DirectCounters counters;
    private final WritableListener writable;
    private final @Nullable TableVersions versions;
    private final Placed placed;

    /** Is told where a page that a file backs is mapped. */
    interface Placed {
        /** @param offset of the page, as of {@link GuestMemory#offset} */
        void at(Mirror mirror, long offset, long va);
    }

    private final @Nullable HiddenCpuid hidden;

    /** Physical address of the top-level table. */
    final long root;

    int pcid;

    /** Different for each mirror of an engine. */
    int number;

    @Nullable
    Stub stub;

    /** What is to be mapped ahead has been. */
    boolean mappedAhead;

    final Batch batch = new Batch();
    /** For the least recently used to go first. */
    long lastUse;

    private long[] keys = new long[16];
    private Region[] regions = new Region[16];
    private int count;
    private int mappings;

    private boolean allMarked;
    /** {@link TableVersions#changes} when everything was last compared; -1 if it was not. */
    private long compared = -1;

    private final long[] marked = new long[MAX_MARKED];
    private int markedCount;

    Mirror(
            GuestMemory memory,
            Tables tables,
            DirectOptions options,
            DirectCounters counters,
            WritableListener writable,
            @Nullable TableVersions versions,
            Placed placed,
            @Nullable HiddenCpuid hidden,
            long root) {
        this.memory = memory;
        this.tables = tables;
        this.options = options;
        this.counters = counters;
        this.writable = writable;
        this.versions = versions;
        this.placed = placed;
        this.hidden = hidden;
        this.root = root;
    }

    /** Upper bound of the host's mappings (VMAs) this address space uses. */
    int mappings() {
        return mappings;
    }

    void markAll() {
        allMarked = true;
        markedCount = 0;
    }

    void mark(long va) {
        if (allMarked) {
            return;
        }
        if (markedCount == MAX_MARKED) {
            markAll();
        } else {
            marked[markedCount++] = va;
        }
    }

    /** Forgets everything; for a fresh process. */
    void forget() {
        Arrays.fill(regions, 0, count, null);
        count = 0;
        mappings = 0;
        allMarked = false;
        markedCount = 0;
        batch.clear();
    }

    /** Unmaps everything, for want of mappings. */
    void evict(Stub s) {
        forget();
        unmap(s, 0, StubCode.TASK_END);
        counters.evictions++;
    }

    /** Brings the mirror up to what has been invalidated since the last time. */
    void revalidate(Stub s, boolean nxe) {
        if (allMarked && versions != null && versions.changes() == compared && markedCount == 0) {
            counters.revalidationsSpared++;
        } else if (allMarked) {
            compared = versions == null ? -1 : versions.changes();
            counters.revalidations++;
            Sweep sweep = new Sweep(s);
            for (int i = 0; i < count; i++) {
                check(regions[i], sweep, nxe);
            }
            sweep.finish();
            dropEmpty();
        } else if (markedCount > 0) {
            Sweep sweep = new Sweep(s);
            for (int i = 0; i < markedCount; i++) {
                Region r = get(marked[i] >>> Region.SHIFT);
                if (r != null) {
                    // A region's other pages are compared as well: cheap, and always right.
                    check(r, sweep, nxe);
                    sweep.finish();
                }
            }
        }
        allMarked = false;
        markedCount = 0;
    }

    private void dropEmpty() {
        int to = 0;
        for (int i = 0; i < count; i++) {
            if (regions[i].mapped > 0) {
                keys[to] = keys[i];
                regions[to++] = regions[i];
            }
        }
        Arrays.fill(regions, to, count, null);
        count = to;
    }

    private void check(Region r, Sweep sweep, boolean nxe) {
        boolean found = tables.find(root, r.address, nxe) && (tables.rights & Tables.USER) != 0;
        boolean same = found && r.large == tables.large && r.rights == tables.rights && r.table == tables.table;
        if (same && r.large) {
            if (r.largeEntry == tables.largeEntry) {
                sweep.keepAll();
                return;
            }
            same = false;
        }
        int version = versions == null || !found ? TableVersions.UNKNOWN : versions.of(tables.table);
        if (same && version != TableVersions.UNKNOWN && version == r.version) {
            counters.regionsUnchanged++;
            sweep.keepAll();
            return;
        }
        r.version = version;
        counters.pagesRevalidated += r.mapped;
        for (int i = 0; i < Region.PAGES && r.mapped > 0; i++) {
            long old = r.entry[i];
            if (old == 0) {
                continue;
            }
            long now = found && !tables.large ? memory.getLong(tables.table + 8L * i) : 0;
            if (same && now == old) {
                sweep.keep(r, i, r.protection[i]);
            } else if (!r.large && stillMaps(old, now)) {
                r.entry[i] = now;
                sweep.keep(r, i, (byte) (r.protection[i] & protection(now, tables.rights)));
            } else {
                sweep.drop(r, i);
            }
        }
        r.table = tables.table;
        r.rights = tables.rights;
        r.large = tables.large;
        r.largeEntry = tables.largeEntry;
    }

    /** Whether an entry still maps what it did, perhaps with other rights. If A has been cleared, we must set it anew. */
    private static boolean stillMaps(long old, long now) {
        long needed = PageWalker.PRESENT | PageWalker.USER | PageWalker.ACCESSED;
        return (now & needed) == needed && (old & PageWalker.ADDRESS) == (now & PageWalker.ADDRESS);
    }

    /** PROT_* for a page: written only where D is set, so that the first write is noticed. */
    private static int protection(long entry, int rights) {
        int p = Batch.PROT_READ;
        if ((rights & Tables.WRITABLE) != 0
                && (entry & (PageWalker.WRITABLE | PageWalker.DIRTY)) == (PageWalker.WRITABLE | PageWalker.DIRTY)) {
            p |= Batch.PROT_WRITE;
        }
        if ((rights & Tables.EXECUTABLE) != 0 && (entry & PageWalker.NO_EXECUTE) == 0) {
            p |= Batch.PROT_EXEC;
        }
        return p;
    }

    /**
     * Maps the page of an access that the tables have just been found to allow (A, and for a write D, are set), and
     * neighbours with it.
     *
     * @param write whether the access is a write: the page then becomes the guest's own, if a file backs it
     * @param fetch whether the access is that of an instruction; the page may yet not be mapped executable, see
     *     {@link HiddenCpuid} and {@link #isExecutable}
     */
    void map(Stub s, long va, boolean write, boolean fetch, boolean nxe) {
        if (!tables.find(root, va, nxe)) {
            return; // changed under us by a device; the next fault tells
        }
        Region r = getOrAdd(va >>> Region.SHIFT);
        boolean same = r.large == tables.large && r.rights == tables.rights && r.table == tables.table;
        if (r.mapped > 0 && (!same || r.large && r.largeEntry != tables.largeEntry)) {
            // Changed without an invalidation, which is allowed where rights are only added.
            Sweep sweep = new Sweep(s);
            check(r, sweep, nxe);
            sweep.finish();
            tables.find(root, va, nxe);
        }
        if (r.mapped == 0) {
            r.version = versions == null ? TableVersions.UNKNOWN : versions.of(tables.table);
        }
        r.table = tables.table;
        r.rights = tables.rights;
        r.large = tables.large;
        r.largeEntry = tables.largeEntry;
        int page = (int) (va >>> 12) & Region.PAGES - 1;
        if (write && memory.isBacked()) {
            makePrivate(r, page);
        }
        mapWindow(s, r, page, page, fetch);
    }

    /**
     * Maps pages that are likely to be touched soon, each with the neighbours that it would be mapped with when it is; as far
     * as the tables allow it.
     *
     * @param addresses in ascending order
     * @param mostMappings not to be exceeded
     */
    void mapAhead(Stub s, long[] addresses, boolean nxe, int mostMappings) {
        long done = -1;
        for (long va : addresses) {
            long window = va >>> 12 & -options.faultAround();
            if (window == done || mappings > mostMappings || !tables.find(root, va, nxe)) {
                continue;
            }
            done = window;
            Region r = getOrAdd(va >>> Region.SHIFT);
            if (r.mapped == 0) {
                adopt(r);
            }
            if (r.large == tables.large && r.rights == tables.rights && r.table == tables.table) {
                mapWindow(s, r, (int) (va >>> 12) & Region.PAGES - 1, -1, false);
            }
        }
    }

    private void adopt(Region r) {
        r.version = versions == null ? TableVersions.UNKNOWN : versions.of(tables.table);
        r.table = tables.table;
        r.rights = tables.rights;
        r.large = tables.large;
        r.largeEntry = tables.largeEntry;
    }

    /** @param wanted a page to be mapped even if it seems to be so already; -1 for none */
    private void mapWindow(Stub s, Region r, int page, int wanted, boolean fetch) {
        int window = r.large ? Math.max(options.faultAround(), 64) : options.faultAround();
        int first = page & -window;
        Run run = new Run(r);
        for (int i = first; i < first + window; i++) {
            if (r.large) {
                offerLarge(s, run, r, i, fetch);
            } else {
                offer(s, run, r, i, i == wanted, fetch);
            }
        }
        run.finish();
    }

    private void makePrivate(Region r, int page) {
        long offset = memory.offset(physical(r, page));
        if (offset >= 0 && memory.source(offset) != 0) {
            if (r.entry[page] != 0) {
                // It is about to be mapped anew in the same place.
                r.entry[page] = 0;
                r.protection[page] = 0;
                r.mapped--;
            }
            memory.makePrivate(offset);
        }
    }

    private long physical(Region r, int page) {
        return r.large ? r.table + ((long) page << 12) : memory.getLong(r.table + 8L * page) & PageWalker.ADDRESS;
    }

    /** What a page was mapped from. */
    private static long mappedPhysical(Region r, int page) {
        return r.large ? r.entry[page] & ~PageWalker.PRESENT : r.entry[page] & PageWalker.ADDRESS;
    }

    /** Takes a page's mapping back, since its place in a file has changed. */
    void dropPhysical(long physicalPage, long va) {
        Region r = get(va >>> Region.SHIFT);
        if (r != null) {
            dropPhysical(physicalPage, r, (int) (va >>> 12) & Region.PAGES - 1);
        }
    }

    /** The same wherever it is mapped. */
    void dropPhysical(long physicalPage) {
        for (int n = 0; n < count; n++) {
            Region r = regions[n];
            for (int i = 0, left = r.mapped; left > 0 && i < Region.PAGES; i++) {
                if (r.entry[i] != 0) {
                    left--;
                    dropPhysical(physicalPage, r, i);
                }
            }
        }
    }

    private void dropPhysical(long physicalPage, Region r, int i) {
        Stub s = stub;
        if (s != null && r.entry[i] != 0 && mappedPhysical(r, i) == physicalPage) {
            r.entry[i] = 0;
            r.protection[i] = 0;
            r.mapped--;
            counters.pagesDropped++;
            long va = r.address + ((long) i << 12);
            unmap(s, va, va + 4096);
            mappings++;
        }
    }

    /** A page that a file backs is never mapped for writing: the first write is to be noticed. */
    private int effective(int protection, long physical) {
        return memory.source(memory.offset(physical)) == 0 ? protection : protection & ~Batch.PROT_WRITE;
    }

    /** Whether an address is mapped for execution. */
    boolean isExecutable(long va) {
        return isMapped(va, Batch.PROT_EXEC);
    }

    /** Whether an address is mapped for writing. */
    boolean isWritable(long va) {
        return isMapped(va, Batch.PROT_WRITE);
    }

    private boolean isMapped(long va, int protection) {
        Region r = get(va >>> Region.SHIFT);
        return r != null && (r.protection[(int) (va >>> 12) & Region.PAGES - 1] & protection) != 0;
    }

    /** What a page is mapped with of what the guest's tables allow. */
    private int hiding(Region r, int i, long physical, int protection, boolean fetched) {
        if (hidden == null) {
            return protection;
        }
        boolean executable = r.entry[i] != 0
                && (r.entry[i] & PageWalker.ADDRESS) == physical
                && (r.protection[i] & Batch.PROT_EXEC) != 0;
        return hidden.protection(physical, protection, fetched, executable);
    }

    private void offerLarge(Stub s, Run run, Region r, int i, boolean fetched) {
        long physical = r.table + ((long) i << 12);
        if (!usable(s, r, i, physical)) {
            run.finish();
            return;
        }
        int protection = effective(protection(r.largeEntry, r.rights), physical);
        boolean done = r.entry[i] != 0 && r.protection[i] == protection;
        if (!done) {
            protection = hiding(r, i, physical, protection, fetched);
            done = r.entry[i] != 0 && r.protection[i] == protection;
        }
        if (done) {
            run.finish();
            return;
        }
        run.add(i, physical, physical | PageWalker.PRESENT, protection);
    }

    private void offer(Stub s, Run run, Region r, int i, boolean wanted, boolean fetched) {
        long at = r.table + 8L * i;
        long entry = memory.getLong(at);
        long needed = PageWalker.PRESENT | PageWalker.USER;
        boolean present = (entry & needed) == needed && (nxeOk(entry));
        if (!present || !usable(s, r, i, entry & PageWalker.ADDRESS)) {
            run.finish();
            return;
        }
        int protection = effective(protection(entry, r.rights), entry & PageWalker.ADDRESS);
        boolean done = !wanted && r.entry[i] == entry && r.protection[i] == protection;
        if (!done) {
            protection = hiding(r, i, entry & PageWalker.ADDRESS, protection, fetched);
            done = !wanted && r.entry[i] == entry && r.protection[i] == protection;
        }
        if (done) {
            run.finish();
            return;
        }
        if ((entry & PageWalker.ACCESSED) == 0) {
            // A may be set by speculation (SDM vol. 3, 4.8), so it may be set for a page that may be used soon.
            entry |= PageWalker.ACCESSED;
            memory.putLong(at, entry);
        }
        run.add(i, entry & PageWalker.ADDRESS, entry, protection);
    }

    private boolean nxeOk(long entry) {
        return (entry & PageWalker.NO_EXECUTE) == 0 || nxe;
    }

    /** EFER.NXE, as of the current run. */
    boolean nxe;

    private boolean usable(Stub s, Region r, int i, long physical) {
        long va = r.address + ((long) i << 12);
        return memory.isMemory(physical) && !s.owns(va) && va >= DirectEngine.LOWEST && va < StubCode.TASK_END;
    }

    private @Nullable Region get(long key) {
        int i = Arrays.binarySearch(keys, 0, count, key);
        return i < 0 ? null : regions[i];
    }

    private Region getOrAdd(long key) {
        int i = Arrays.binarySearch(keys, 0, count, key);
        if (i >= 0) {
            return regions[i];
        }
        i = ~i;
        if (count == keys.length) {
            keys = Arrays.copyOf(keys, count * 2);
            regions = Arrays.copyOf(regions, count * 2);
        }
        System.arraycopy(keys, i, keys, i + 1, count - i);
        System.arraycopy(regions, i, regions, i + 1, count - i);
        count++;
        keys[i] = key;
        regions[i] = new Region(key << Region.SHIFT);
        return regions[i];
    }

    /** Unmaps a range, leaving the stub's own pages alone. */
    private void unmap(Stub s, long start, long end) {
        long stubEnd = s.base + Stub.FOOTPRINT;
        if (start < stubEnd && end > s.base) {
            if (start < s.base) {
                batch.unmap(start, s.base - start);
            }
            if (end > stubEnd) {
                batch.unmap(stubEnd, end - stubEnd);
            }
        } else {
            batch.unmap(start, end - start);
        }
        counters.unmaps++;
    }

    /** Pages to map with one mmap: neighbours in the address space, in one memory file, and of one protection. */
    private final class Run {
        private final Region r;
        private int first = -1;
        private int pages;
        private int file;
        private long offset;
        private int protection;

        Run(Region r) {
            this.r = r;
        }

        void add(int i, long physical, long entry, int protection) {
            long page = memory.offset(physical);
            int source = memory.source(page);
            int from = source;
            long o = memory.fileOffset(page);
            int copy = hidden == null ? -1 : hidden.copy(physical, protection);
            if (copy >= 0) {
                from = 0;
                o = memory.spareOffset(copy);
            }
            if (pages > 0 && (this.protection != protection || from != file || o != offset + ((long) pages << 12))) {
                finish();
            }
            if (pages == 0) {
                first = i;
                file = from;
                offset = o;
                this.protection = protection;
            }
            if (source != 0) {
                placed.at(Mirror.this, page, r.address + ((long) i << 12));
            }
            pages++;
            boolean written = (protection & Batch.PROT_WRITE) != 0;
            if (written && (r.entry[i] == 0 || (r.protection[i] & Batch.PROT_WRITE) == 0)) {
                writable.pageBecameWritable(physical);
            }
            if (r.entry[i] == 0) {
                r.mapped++;
            }
            r.entry[i] = entry;
            r.protection[i] = (byte) protection;
        }

        void finish() {
            if (pages > 0) {
                batch.map(r.address + ((long) first << 12), (long) pages << 12, protection, file, offset, true);
                counters.maps++;
                counters.pagesMapped += pages;
                mappings += 2;
                pages = 0;
            }
        }
    }

    /** Collects what a comparison, in ascending order of addresses, finds: unmaps and protects merged into ranges. */
    private final class Sweep {
        private final Stub s;
        private long dropStart = -1;
        private long dropEnd;
        private long protectStart;
        private long protectEnd;
        private int protection = -1;

        Sweep(Stub s) {
            this.s = s;
        }

        void keepAll() {
            finish();
        }

        void keep(Region r, int i, byte protection) {
            endDrop();
            if (r.protection[i] == protection) {
                endProtect();
                return;
            }
            r.protection[i] = protection;
            long va = r.address + ((long) i << 12);
            if (this.protection != protection || protectEnd != va) {
                endProtect();
                protectStart = va;
                this.protection = protection;
            }
            protectEnd = va + 4096;
        }

        /** What lies between dropped pages is not mapped, so one munmap spans it. */
        void drop(Region r, int i) {
            endProtect();
            r.entry[i] = 0;
            r.protection[i] = 0;
            r.mapped--;
            counters.pagesDropped++;
            long va = r.address + ((long) i << 12);
            if (dropStart < 0) {
                dropStart = va;
            }
            dropEnd = va + 4096;
        }

        void finish() {
            endDrop();
            endProtect();
        }

        private void endDrop() {
            if (dropStart >= 0) {
                unmap(s, dropStart, dropEnd);
                mappings++;
                dropStart = -1;
            }
        }

        private void endProtect() {
            if (protection >= 0) {
                batch.protect(protectStart, protectEnd - protectStart, protection);
                counters.protects++;
                mappings += 2;
                protection = -1;
            }
        }
    }
}
