package dev.runinvm.engine.x86;

import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.MmioBus;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Memory as the processor sees it: linear addresses, translated through a software TLB, with the rights of the current
 * privilege level. Values are little-endian and zero-extended. Every method that takes a linear address may throw
 * {@link CpuException}: #GP(0) where it is not canonical, #PF where the page tables do not allow the access; nothing
 * has been read or written then.
 *
 * <p>The fast path is one compare: three TLBs for three sets of rights (user; supervisor; supervisor with EFLAGS.AC,
 * which SMAP asks for), of which the current one's arrays are held in fields. Adding an access's last byte to the
 * address before the compare makes page-crossing accesses miss.
 */
public final class Mmu {
    private static final long PAGE = -4096L;
    private static final int USER = 0;
    private static final int SUPERVISOR = 1;
    private static final int SUPERVISOR_AC = 2;
    private static final short SEEN_AT_MANY = -1;

    private final CpuState s;
    private final GuestMemory memory;
    private final MmioBus mmio;
    private final PageWalker walker;
    private final Tlb[] data = {new Tlb(), new Tlb(), new Tlb()};
    private final Tlb[] code = {new Tlb(), new Tlb()};
    /** Bulk access for string instructions. */
    final StringMemory strings = new StringMemory(this);

    private final LargePages largePages = new LargePages();
    /** One bit for each page of the memory file: decoded code was taken from it. */
    private final long[] codePages;

    private @Nullable CodeListener codeListener;
    private @Nullable AddressSpaceListener listener;
    private @Nullable TableGuard guard;
    /** The upper half of all address spaces is the same: its translations outlive a change of CR3. */
    private boolean commonUpperHalf;

    private int rights;
    private long[] readTag;
    private long[] writeTag;
    private @Nullable ByteBuffer[] buffer;
    private int[] delta;

    /**
     * For each page of RAM that a file backs, one more than the TLB slot it was entered in, or {@link #SEEN_AT_MANY}, or 0; see
     * {@link #pageMoved}.
     */
    private short @Nullable [] seen;

    /** Physical address of the last slow access. */
    private long physical;

    /**
     * Changes whenever a translation that a fetch relied on may have changed: what is known about code at linear
     * addresses holds for one generation. Not negative.
     */
    int codeGeneration;
    /** Supervisor code was fetched through a page that is not global, since those were last dropped. */
    private boolean localFetched;
    /** Regions of 2 MiB, hashed, from which supervisor code was fetched since everything was last dropped. */
    private final long[] fetchedRegions = new long[64];
    /** Supervisor code was fetched through a page larger than that. */
    private boolean hugeFetched;

    /** Walks done since the start: TLB misses, and accesses to devices. */
    public long walks;

    public Mmu(CpuState s, GuestMemory memory, MmioBus mmio) {
        this.s = s;
        this.memory = memory;
        this.mmio = mmio;
        this.walker = new PageWalker(memory);
        long pages = (memory.ramSize() + GuestMemory.WINDOW_SIZE) / GuestMemory.PAGE_SIZE;
        this.codePages = new long[(int) (pages + 63 >>> 6)];
        Tlb tlb = data[SUPERVISOR];
        this.rights = SUPERVISOR;
        this.readTag = tlb.read;
        this.writeTag = tlb.write;
        this.buffer = tlb.buffer;
        this.delta = tlb.delta;
        rightsChanged();
        memory.addPageListener(this::pageMoved);
    }

    // ------------------------------------------------------------------------------------------- loads and stores

    public long read8(long linear) {
        int i = (int) (linear >>> 12) & Tlb.MASK;
        return readTag[i] == (linear & PAGE) ? buffer[i].get(delta[i] + (int) linear) & 0xffL : readSlow(linear, 1);
    }

    public long read16(long linear) {
        int i = (int) (linear >>> 12) & Tlb.MASK;
        return readTag[i] == (linear + 1 & PAGE)
                ? buffer[i].getShort(delta[i] + (int) linear) & 0xffffL
                : readSlow(linear, 2);
    }

    public long read32(long linear) {
        int i = (int) (linear >>> 12) & Tlb.MASK;
        return readTag[i] == (linear + 3 & PAGE)
                ? buffer[i].getInt(delta[i] + (int) linear) & 0xffff_ffffL
                : readSlow(linear, 4);
    }

    public long read64(long linear) {
        int i = (int) (linear >>> 12) & Tlb.MASK;
        return readTag[i] == (linear + 7 & PAGE) ? buffer[i].getLong(delta[i] + (int) linear) : readSlow(linear, 8);
    }

    public void write8(long linear, long value) {
        int i = (int) (linear >>> 12) & Tlb.MASK;
        if (writeTag[i] == (linear & PAGE)) {
            buffer[i].put(delta[i] + (int) linear, (byte) value);
        } else {
            writeSlow(linear, 1, value);
        }
    }

    public void write16(long linear, long value) {
        int i = (int) (linear >>> 12) & Tlb.MASK;
        if (writeTag[i] == (linear + 1 & PAGE)) {
            buffer[i].putShort(delta[i] + (int) linear, (short) value);
        } else {
            writeSlow(linear, 2, value);
        }
    }

    public void write32(long linear, long value) {
        int i = (int) (linear >>> 12) & Tlb.MASK;
        if (writeTag[i] == (linear + 3 & PAGE)) {
            buffer[i].putInt(delta[i] + (int) linear, (int) value);
        } else {
            writeSlow(linear, 4, value);
        }
    }

    public void write64(long linear, long value) {
        int i = (int) (linear >>> 12) & Tlb.MASK;
        if (writeTag[i] == (linear + 7 & PAGE)) {
            buffer[i].putLong(delta[i] + (int) linear, value);
        } else {
            writeSlow(linear, 8, value);
        }
    }

    /** A load that a store to the same address will follow: needs the right to write, sets the dirty bit. */
    public long readRmw8(long linear) {
        int i = (int) (linear >>> 12) & Tlb.MASK;
        return writeTag[i] == (linear & PAGE) ? buffer[i].get(delta[i] + (int) linear) & 0xffL : rmwSlow(linear, 1);
    }

    /** See {@link #readRmw8}. */
    public long readRmw16(long linear) {
        int i = (int) (linear >>> 12) & Tlb.MASK;
        return writeTag[i] == (linear + 1 & PAGE)
                ? buffer[i].getShort(delta[i] + (int) linear) & 0xffffL
                : rmwSlow(linear, 2);
    }

    /** See {@link #readRmw8}. */
    public long readRmw32(long linear) {
        int i = (int) (linear >>> 12) & Tlb.MASK;
        return writeTag[i] == (linear + 3 & PAGE)
                ? buffer[i].getInt(delta[i] + (int) linear) & 0xffff_ffffL
                : rmwSlow(linear, 4);
    }

    /** See {@link #readRmw8}. */
    public long readRmw64(long linear) {
        int i = (int) (linear >>> 12) & Tlb.MASK;
        return writeTag[i] == (linear + 7 & PAGE) ? buffer[i].getLong(delta[i] + (int) linear) : rmwSlow(linear, 8);
    }

    /**
     * Translates for an instruction fetch.
     *
     * @return physical address of the byte, which need not be memory
     */
    public long fetch(long linear) {
        Tlb tlb = code[rights == USER ? USER : SUPERVISOR];
        int i = Tlb.slot(linear);
        if (tlb.read[i] == (linear & PAGE)) {
            return tlb.physical[i] | linear & 4095;
        }
        walk(linear, false, true, rights);
        if (rights != USER) {
            noteFetch(linear);
        }
        long page = walker.physical & PAGE;
        tlb.enter(linear, page, false, null, 0, walker.pageShift, global(linear));
        return walker.physical;
    }

    // ------------------------------------------------------------------------------------------------- slow paths

    /** Whether bits 63 to 47 are all equal, as 4-level paging demands. */
    static boolean canonical(long linear) {
        return linear << 16 >> 16 == linear;
    }

    private static boolean crosses(long linear, int size) {
        return (int) (linear & 4095) > 4096 - size;
    }

    private long readSlow(long linear, int size) {
        if (crosses(linear, size)) {
            long value = 0;
            for (int n = 0; n < size; n++) {
                value |= read8(linear + n) << 8 * n;
            }
            return value;
        }
        int i = translate(linear, false);
        return i < 0 ? mmio.read(physical, size) : get(i, linear, size);
    }

    private long rmwSlow(long linear, int size) {
        if (crosses(linear, size)) {
            probe(linear, size, true);
            return readSlow(linear, size);
        }
        int i = translate(linear, true);
        return i < 0 ? mmio.read(physical, size) : get(i, linear, size);
    }

    private void writeSlow(long linear, int size, long value) {
        if (crosses(linear, size)) {
            probe(linear, size, true);
            for (int n = 0; n < size; n++) {
                write8(linear + n, value >>> 8 * n);
            }
            return;
        }
        int i = translate(linear, true);
        if (i < 0) {
            mmio.write(physical, size, value);
            return;
        }
        ByteBuffer target = buffer[i];
        int at = delta[i] + (int) linear;
        switch (size) {
            case 1 -> target.put(at, (byte) value);
            case 2 -> target.putShort(at, (short) value);
            case 4 -> target.putInt(at, (int) value);
            default -> target.putLong(at, value);
        }
        written(physical, size);
    }

    ByteBuffer buffer(int slot) {
        return buffer[slot];
    }

    int delta(int slot) {
        return delta[slot];
    }

    long get(int i, long linear, int size) {
        ByteBuffer source = buffer[i];
        int at = delta[i] + (int) linear;
        return switch (size) {
            case 1 -> source.get(at) & 0xffL;
            case 2 -> source.getShort(at) & 0xffffL;
            case 4 -> source.getInt(at) & 0xffff_ffffL;
            default -> source.getLong(at);
        };
    }

    private boolean global(long linear) {
        return walker.global && (s.cr4 & CpuState.CR4_PGE) != 0 || commonUpperHalf && linear < 0;
    }

    /** After a walk that refused: whether it was a store of the kernel to a page table that it may write nevertheless. */
    private boolean isTableWrite(int as) {
        int refusedStore = PageWalker.PF_PRESENT | PageWalker.PF_WRITE;
        return guard != null && as != USER && walker.errorCode == refusedStore && guard.mayWrite(walker.physical);
    }

    private void walk(long linear, boolean write, boolean fetch, int as) {
        if (!canonical(linear)) {
            throw CpuException.of(CpuException.GP, 0);
        }
        walks++;
        if (!walker.walk(
                s.cr3,
                linear,
                write,
                fetch,
                as == USER,
                s.cr4,
                as == SUPERVISOR_AC,
                s.cr0,
                (s.efer & CpuState.EFER_NXE) != 0)) {
            throw CpuException.pageFault(linear, walker.errorCode);
        }
    }

    /**
     * Translates for a data access within one page and enters the page in the current TLB if it is memory.
     *
     * <p>One method on purpose: beyond 325 bytes HotSpot leaves a call a call. Divided, a kernel's early boot, where
     * every access misses, has the whole walk compiled into each instruction that touches memory.
     *
     * @return the slot, or -1 if {@link #physical} is not memory
     */
    private int translate(long linear, boolean write) {
        if (linear << 16 >> 16 != linear) {
            throw CpuException.of(CpuException.GP, 0);
        }
        int as = rights;
        boolean userPage;
        boolean mayWrite;
        boolean global;
        int shift;
        long large = as == USER ? -1 : largePages.find(linear, write);
        if (large != -1) {
            physical = LargePages.physical(large, linear);
            userPage = false;
            mayWrite = LargePages.writable(large);
            global = LargePages.global(large);
            shift = LargePages.shift(large);
        } else {
            walks++;
            if (!walker.walk(
                            s.cr3,
                            linear,
                            write,
                            false,
                            as == USER,
                            s.cr4,
                            as == SUPERVISOR_AC,
                            s.cr0,
                            (s.efer & CpuState.EFER_NXE) != 0)
                    && !isTableWrite(as)) {
                throw CpuException.pageFault(linear, walker.errorCode);
            }
            physical = walker.physical;
            userPage = walker.user;
            mayWrite = walker.dirty && (walker.writable || as != USER && (s.cr0 & CpuState.CR0_WP) == 0);
            global = global(linear);
            shift = walker.pageShift;
            if (shift > 12 && !userPage) {
                largePages.enter(linear, physical, mayWrite, global, shift);
            }
        }
        long page = physical & PAGE;
        long offset = memory.offset(page);
        if (offset < 0) {
            return -1;
        }
        mayWrite &= (codePages[(int) (offset >>> 18)] & 1L << (offset >>> 12)) == 0;
        if (memory.source(offset) != 0) {
            if (write) {
                memory.makePrivate(offset);
            } else {
                mayWrite = false;
                noteSeen(offset, linear);
            }
        }
        ByteBuffer target = memory.buffer(offset);
        int index = memory.index(offset);
        data[as].enter(linear, page, mayWrite, target, index, shift, global);
        if (!userPage && as != USER) {
            // SMAP does not concern supervisor pages: both TLBs may have it
            Tlb other = data[SUPERVISOR + SUPERVISOR_AC - as];
            other.enter(linear, page, mayWrite, target, index, shift, global);
        }
        return Tlb.slot(linear);
    }

    /**
     * Checks an access without making it: faults as it would, sets the accessed and dirty bits.
     *
     * @param length bytes, at least 1, at most what the address space has
     */
    public void probe(long linear, int length, boolean write) {
        long last = linear + length - 1 & PAGE;
        for (long at = linear; ; at = (at & PAGE) + 4096) {
            long[] tags = write ? writeTag : readTag;
            if (tags[Tlb.slot(at)] != (at & PAGE)) {
                translate(at, write);
            }
            if ((at & PAGE) == last) {
                return;
            }
        }
    }

    /** Loads bytes; all of them are checked first. */
    public void read(long linear, byte[] target, int from, int length) {
        if (length == 0) {
            return;
        }
        probe(linear, length, false);
        for (int done = 0; done < length; ) {
            int n = Math.min(length - done, 4096 - (int) (linear + done & 4095));
            int i = Tlb.slot(linear + done);
            if (readTag[i] == (linear + done & PAGE)) {
                buffer[i].get(delta[i] + (int) (linear + done), target, from + done, n);
            } else {
                for (int k = done; k < done + n; k++) {
                    target[from + k] = (byte) read8(linear + k);
                }
            }
            done += n;
        }
    }

    /** Stores bytes; all of them are checked first. */
    public void write(long linear, byte[] source, int from, int length) {
        if (length == 0) {
            return;
        }
        probe(linear, length, true);
        for (int done = 0; done < length; ) {
            int n = Math.min(length - done, 4096 - (int) (linear + done & 4095));
            int i = Tlb.slot(linear + done);
            if (writeTag[i] == (linear + done & PAGE)) {
                buffer[i].put(delta[i] + (int) (linear + done), source, from + done, n);
            } else {
                for (int k = done; k < done + n; k++) {
                    write8(linear + k, source[from + k]);
                }
            }
            done += n;
        }
    }

    /** The slot of a page, entered if need be; -1 if it is no memory or must not be written unnoticed. */
    int slotFor(long linear, boolean write) {
        int i = Tlb.slot(linear);
        long[] tags = write ? writeTag : readTag;
        if (tags[i] == (linear & PAGE)) {
            return i;
        }
        i = translate(linear, write);
        return i >= 0 && tags[i] == (linear & PAGE) ? i : -1;
    }

    // ---------------------------------------------------------------------------------------- accesses of the system

    /** An implicit supervisor access: descriptor tables, TSS (SDM vol. 3, 4.6.1). Whatever the current rights are. */
    long readSystem(long linear, int size) {
        int saved = rights;
        select(SUPERVISOR);
        try {
            return switch (size) {
                case 1 -> read8(linear);
                case 2 -> read16(linear);
                case 4 -> read32(linear);
                default -> read64(linear);
            };
        } finally {
            select(saved);
        }
    }

    /** An implicit supervisor store; see {@link #readSystem}. */
    void writeSystem(long linear, int size, long value) {
        int saved = rights;
        select(SUPERVISOR);
        try {
            switch (size) {
                case 1 -> write8(linear, value);
                case 2 -> write16(linear, value);
                case 4 -> write32(linear, value);
                default -> write64(linear, value);
            }
        } finally {
            select(saved);
        }
    }

    // ------------------------------------------------------------------------------------------------- maintenance

    private void select(int set) {
        rights = set;
        Tlb tlb = data[set];
        readTag = tlb.read;
        writeTag = tlb.write;
        buffer = tlb.buffer;
        delta = tlb.delta;
    }

    /** Call after every change of the CPL or of EFLAGS.AC. */
    public void rightsChanged() {
        int set = s.cpl == 3 ? USER : s.controlFlag(CpuState.FLAG_AC) ? SUPERVISOR_AC : SUPERVISOR;
        if (set != rights) {
            select(set);
        }
    }

    /** Call after a change of EFLAGS.AC: STAC, CLAC, POPF. */
    public void acChanged() {
        rightsChanged();
    }

    /** Like {@link #acChanged()}, for a caller who knows the flag. */
    void acIs(boolean set) {
        if (s.cpl != 3) {
            select(set ? SUPERVISOR_AC : SUPERVISOR);
        }
    }

    /** Sets who is told of TLB maintenance. */
    public void setListener(@Nullable AddressSpaceListener listener) {
        this.listener = listener;
    }

    /** Sets who knows of page tables that the kernel may write through read-only mappings. */
    public void setTableGuard(@Nullable TableGuard guard) {
        this.guard = guard;
    }

    /** Says that all top-level tables agree on the upper half, so that {@link #flushAll} may keep what it maps. */
    public void setCommonUpperHalf(boolean common) {
        commonUpperHalf = common;
    }

    /** Sets who is told of writes to protected pages. */
    public void setCodeListener(@Nullable CodeListener codeListener) {
        this.codeListener = codeListener;
    }

    /** MOV to CR3 with a checked operand; bit 63 is NOFLUSH if CR4.PCIDE is set. */
    void loadCr3(long value) {
        boolean noFlush = value < 0;
        long old = s.cr3;
        s.cr3 = value & Long.MAX_VALUE;
        if (!noFlush || (old ^ s.cr3) != 0) {
            flushAll(true);
        }
        if (listener != null) {
            listener.cr3Loaded(old, s.cr3, noFlush);
        }
    }

    /** Puts a base table in place; what is cached of the one before stays until {@link #flushAll}. No listener is told. */
    public void setRoot(long physical) {
        s.cr3 = physical;
    }

    /** INVLPG. */
    public void invalidatePage(long linear) {
        flushPage(linear);
        if (listener != null) {
            listener.invlpg(linear);
        }
    }

    /** INVPCID, or a change of CR0, CR4 or EFER that empties the TLB. */
    void invalidate(AddressSpaceListener.Flush kind, int pcid, long linear) {
        switch (kind) {
            case ADDRESS -> flushPage(linear);
            case PCID, ALL_BUT_GLOBAL -> flushAll(true);
            case ALL -> flushAll(false);
        }
        if (listener != null) {
            listener.flush(kind, pcid, linear);
        }
    }

    private static int region(long linear) {
        return (int) ((linear >>> 21) * 0x9E37_79B9_7F4A_7C15L >>> 52);
    }

    private void noteFetch(long linear) {
        localFetched |= !global(linear);
        hugeFetched |= walker.pageShift > 21;
        int region = region(linear);
        fetchedRegions[region >> 6] |= 1L << region;
    }

    private boolean mayHoldCode(long linear) {
        int region = region(linear);
        return hugeFetched || (fetchedRegions[region >> 6] & 1L << region) != 0;
    }

    private void nextCodeGeneration() {
        codeGeneration = codeGeneration + 1 & Integer.MAX_VALUE;
    }

    private void flushPage(long linear) {
        if (mayHoldCode(linear)) {
            nextCodeGeneration();
        }
        largePages.flushPage(linear);
        for (Tlb tlb : data) {
            tlb.flushPage(linear);
        }
        for (Tlb tlb : code) {
            tlb.flushPage(linear);
        }
    }

    /** Empties the software TLB only, without telling the listener. */
    public void flushAll(boolean keepGlobal) {
        if (keepGlobal) {
            flushLocal();
            return;
        }
        nextCodeGeneration();
        localFetched = false;
        hugeFetched = false;
        Arrays.fill(fetchedRegions, 0);
        largePages.flushAll();
        for (Tlb tlb : data) {
            tlb.flushAll();
        }
        for (Tlb tlb : code) {
            tlb.flushAll();
        }
    }

    private void flushLocal() {
        if (localFetched) {
            nextCodeGeneration();
            localFetched = false;
        }
        largePages.flushLocal();
        for (Tlb tlb : data) {
            tlb.flushLocal();
        }
        for (Tlb tlb : code) {
            tlb.flushLocal();
        }
    }

    // ----------------------------------------------------------------------------------------------- decoded code

    private boolean isCodeOffset(long offset) {
        return (codePages[(int) (offset >>> 18)] & 1L << (offset >>> 12)) != 0;
    }

    /** Whether a page is protected by {@link #protectCode}. */
    public boolean isCode(long physicalAddress) {
        long offset = memory.offset(physicalAddress);
        return offset >= 0 && isCodeOffset(offset);
    }

    /** From now on writes to a page of memory are told to the {@link CodeListener}. */
    public void protectCode(long physicalAddress) {
        long offset = memory.offset(physicalAddress);
        if (offset < 0 || isCodeOffset(offset)) {
            return;
        }
        codePages[(int) (offset >>> 18)] |= 1L << (offset >>> 12);
        for (Tlb tlb : data) {
            tlb.forbidWrites(physicalAddress & PAGE);
        }
    }

    /** Writes to the page are no longer of interest. */
    public void unprotectCode(long physicalAddress) {
        long offset = memory.offset(physicalAddress);
        if (offset >= 0) {
            codePages[(int) (offset >>> 18)] &= ~(1L << (offset >>> 12));
        }
    }

    /** Tells of a write that did not come through this class: DMA, or ring-3 code running directly. */
    public void memoryChanged(long physicalAddress, long length) {
        long end = physicalAddress + length;
        for (long at = physicalAddress; at < end; ) {
            long next = Math.min(end, (at & PAGE) + 4096);
            if (isCode(at)) {
                written(at, (int) (next - at));
            }
            at = next;
        }
    }

    private void noteSeen(long offset, long linear) {
        short[] s = seen;
        if (s == null) {
            s = new short[(int) (memory.ramSize() / GuestMemory.PAGE_SIZE)];
            seen = s;
        }
        int page = (int) (offset >>> 12);
        short entry = (short) (Tlb.slot(linear) + 1);
        s[page] = s[page] == 0 || s[page] == entry ? entry : SEEN_AT_MANY;
    }

    /** Drops what is cached of a page that is no longer where it was; nearly always it is known where that can be. */
    private void pageMoved(long offset) {
        short[] s = seen;
        int number = (int) (offset >>> 12);
        if (s == null || s[number] == 0) {
            return;
        }
        long page = memory.physical(offset);
        for (Tlb tlb : data) {
            if (s[number] == SEEN_AT_MANY) {
                tlb.dropPhysical(page);
            } else {
                tlb.dropPhysical(page, s[number] - 1);
            }
        }
        s[number] = 0;
    }

    private void written(long physicalAddress, int length) {
        if (guard != null && guard.mayWrite(physicalAddress)) {
            guard.written(physicalAddress, length);
        }
        if (codeListener != null && isCode(physicalAddress)) {
            codeListener.codeWritten(physicalAddress, length);
        }
    }
}
