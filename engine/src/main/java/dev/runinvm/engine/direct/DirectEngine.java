package dev.runinvm.engine.direct;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.machine.FirstTouches;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import dev.runinvm.engine.os.Host;
import dev.runinvm.engine.x86.AddressSpaceListener;
import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.CpuException;
import dev.runinvm.engine.x86.CpuState;
import dev.runinvm.engine.x86.PageWalker;
import dev.runinvm.engine.x86.VectorUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Runs guest ring-3 code directly on the host's CPU, in jailed processes that mirror the guest's address spaces.
 *
 * <p>It follows the guest's translations as an {@link AddressSpaceListener}: invalidations are noted at once and worked
 * off before the address space runs again. All methods belong to the thread of the one virtual CPU, except {@link #preempt} (any thread) and {@link #close}
 * (when that thread is done). Page faults that the guest's own tables allow are dealt with inside {@link #run}.
 */
public final class DirectEngine implements AddressSpaceListener, Stateful, AutoCloseable {
    /** Pages below can't be mapped by an ordinary process of the host; accesses there are interpreted. */
    static final long LOWEST = Math.max(4096, Host.sysctl("vm/mmap_min_addr", 65536) + 4095 & -4096);

    private static final long USER_END = 1L << 47;
    private static final int AUDIT_ARCH_X86_64 = 0xc000_003e;
    private static final long VSYSCALL = 0xffff_ffff_ff60_0000L;
    static final int USER_CS = 0x33;
    static final int USER_SS = 0x2b;
    private static final int ENOMEM = 12;
    private static final int URETPROBE = 335;
    /** Repetitions of one and the same fault before we believe that mapping does not help. */
    private static final int STUCK = 64;
    /** A place is a mirror's number above the number of a page of user space. */
    private static final int PLACE_SHIFT = 36;

    private static final long PLACED_AT_MANY = -1;

    private final GuestMemory memory;
    private final DirectOptions options;
    private final DirectCounters counters = new DirectCounters();
    private final PageWalker walker;
    private final @Nullable HiddenCpuid hidden;
    private long interpretedPage;
    private final Tables tables;
    private final List<Mirror> mirrors = new ArrayList<>();
    private final Trap trap = new Trap();
    private int mappingLimit;
    private final @Nullable CpuPlacement placement;
    private final StayTimer timer = new StayTimer(this::preempt, this::killStuck);

    private @Nullable Mirror current;
    private long uses;
    private long lastFault;
    private long lastFaultRip;
    private int sameFaults;
    private boolean closed;

    /** The access of the page fault last delivered: once the guest has seen to it, it will be tried again. */
    private boolean retryExpected;

    private long retryRoot;
    private long retryAddress;
    private boolean retryWrite;
    private boolean retryFetch;

    private boolean preemptNext;
    private volatile @Nullable Stub running;
    private volatile boolean preemptRequested;

    private @Nullable TableVersions tableVersions;
    private WritableListener writableListener = page -> {};
    private int currentPcid;
    private int mirrorNumber;
    /** For each page of RAM that a file backs, where it is mapped: mirror's number and virtual page; see {@link #pageMoved}. */
    private long @Nullable [] placed;

    private @Nullable FirstTouches known;
    private @Nullable FirstTouches noted;

    private @Nullable NativeVectorUnit vectorUnit;

    private DirectEngine(GuestMemory memory, DirectOptions options, boolean cpuidFaults) {
        this.memory = memory;
        this.options = options;
        this.walker = new PageWalker(memory);
        this.hidden = cpuidFaults ? null : new HiddenCpuid(memory, counters);
        this.tables = new Tables(memory);
        this.mappingLimit = (int) Math.min(Integer.MAX_VALUE, Host.sysctl("vm/max_map_count", 65530)) * 3 / 4;
        this.placement = options.pinToCpu() ? new CpuPlacement() : null;
        memory.addPageListener(this::pageMoved);
    }

    /**
     * Prepares direct execution of a guest; processes are started when needed.
     *
     * @throws HostLacks if this machine can't do it, with all reasons
     */
    public static DirectEngine open(GuestMemory memory, HostCpu host, DirectOptions options) {
        List<String> reasons = DirectExecution.check();
        if (!reasons.isEmpty()) {
            throw new HostLacks("guest code cannot run directly on this machine: " + String.join("; ", reasons));
        }
        return new DirectEngine(memory, options, options.cpuidFaulting() && host.cpuidFaulting());
    }

    /** As {@link #open(GuestMemory, HostCpu, DirectOptions)} with the standard options. */
    public static DirectEngine open(GuestMemory memory, HostCpu host) {
        return open(memory, host, DirectOptions.standard());
    }

    /** What was done so far, by name. From any thread; for reports. */
    public Map<String, Long> counters() {
        return counters.asMap();
    }

    DirectCounters rawCounters() {
        return counters;
    }

    /** Maps what another guest from the same snapshot has touched first, once for each address space. */
    public void mapAhead(FirstTouches touches) {
        known = touches;
    }

    /** Notes from now on what the guest's programs touch that is not mapped for them. */
    public void note(FirstTouches touches) {
        noted = touches;
    }

    /** Lowers the number of mappings an address space may have, for tests. */
    void limitMappings(int limit) {
        mappingLimit = limit;
    }

    /** Makes a request arrive just before guest code is entered, for tests. */
    void preemptAtResume() {
        preemptNext = true;
    }

    /** The process of the address space that ran last, -1 if there is none. */
    int stubPid() {
        Mirror m = current;
        Stub s = m == null ? null : m.stub;
        return s == null ? -1 : s.pid();
    }

    /** Where its stub lives. */
    long stubBase() {
        Mirror m = current;
        Stub s = m == null ? null : m.stub;
        return s == null ? -1 : s.base;
    }

    /** Sets who hears of pages that guest code can write. */
    public void setWritableListener(WritableListener listener) {
        writableListener = listener;
    }

    /**
     * Sets who knows which page tables have changed; what has not changed need not be compared. Before any guest code
     * runs.
     */
    public void setTableVersions(TableVersions versions) {
        tableVersions = versions;
    }

    /**
     * One address of one address space may be translated differently from now on.
     *
     * @param root physical address of the top-level table
     */
    public void invalidate(long root, long linear) {
        Mirror m = find(root);
        if (m != null && linear >= 0 && linear < USER_END) {
            m.mark(linear);
        }
    }

    /** Everything in one address space may be translated differently from now on. */
    public void invalidateAll(long root) {
        Mirror m = find(root);
        if (m != null) {
            m.markAll();
        }
    }

    private void becameWritable(long physicalPage) {
        writableListener.pageBecameWritable(physicalPage);
    }

    /** Executes vector instructions of ring 0 on the host's CPU; belongs to this engine and is closed with it. */
    public VectorUnit vectorUnit() {
        if (vectorUnit == null) {
            vectorUnit = new NativeVectorUnit();
        }
        return vectorUnit;
    }

    /** Whether the state is one that can run directly: 64-bit ring-3 code with Linux' selectors. */
    public static boolean canRun(CpuState s) {
        return s.cpl == 3 && s.selector[CpuState.CS] == USER_CS && s.selector[CpuState.SS] == USER_SS;
    }

    /** Makes {@link #run} return {@link Trap.Kind#PREEMPTED} soon, or at once if it is not under way. From any thread. */
    public void preempt() {
        preemptRequested = true;
        Stub s = running;
        if (s != null) {
            s.signalPreempt();
        }
    }

    private void killStuck() {
        Stub s = running;
        if (s != null) {
            s.killStuck();
        }
    }

    @Override
    public void invlpg(long linear) {
        flush(Flush.ADDRESS, currentPcid, linear);
    }

    @Override
    public void flush(Flush kind, int pcid, long linear) {
        for (Mirror m : mirrors) {
            switch (kind) {
                case ADDRESS -> {
                    if (m.pcid == pcid && linear >= 0 && linear < USER_END) {
                        m.mark(linear);
                    }
                }
                case PCID -> {
                    if (m.pcid == pcid) {
                        m.markAll();
                    }
                }
                case ALL, ALL_BUT_GLOBAL -> m.markAll();
            }
        }
    }

    @Override
    public void cr3Loaded(long oldCr3, long newCr3, boolean noFlush) {
        currentPcid = (int) newCr3 & 0xfff;
        if (!noFlush) {
            flush(Flush.PCID, currentPcid, 0);
        }
        Mirror m = find(newCr3 & PageWalker.ADDRESS);
        if (m != null && m.pcid != currentPcid) {
            // What another PCID had cached says nothing of this one.
            m.pcid = currentPcid;
            m.markAll();
        }
    }

    /** As {@link #run(CpuState, long)}. */
    public Trap run(Cpu cpu, long stayNanos) {
        return run(cpu.s, stayNanos);
    }

    /**
     * Runs guest code from {@code s} until something happens that is not ours to deal with.
     *
     * @param s the CPU, with CPL 3 ({@link #canRun}); on return it holds the registers at the trap. Its
     *     {@link CpuState#xstate} may from now on be memory of a process, valid until this engine is closed.
     * @param stayNanos how long it may run, in nanoseconds; it is then preempted, a little later perhaps
     * @return why it stopped; the object is reused by the next call
     * @throws HostLacks if the host refuses what is needed (processes, memory)
     */
    public Trap run(CpuState s, long stayNanos) {
        counters.runs++;
        if (preemptRequested || stayNanos <= 0) {
            preemptRequested = false;
            counters.preemptions++;
            return trap.set(Trap.Kind.PREEMPTED);
        }
        if (!canRun(s)) {
            throw new EngineBug("direct execution of CPL " + s.cpl + ", CS 0x"
                    + Integer.toHexString(s.selector[CpuState.CS]) + ", SS 0x"
                    + Integer.toHexString(s.selector[CpuState.SS]) + ", RIP 0x" + Long.toHexString(s.rip));
        }
        boolean nxe = (s.efer & CpuState.EFER_NXE) != 0;
        Mirror m = mirror(s.cr3);
        Stub stub = stub(m, s, nxe);
        m.revalidate(stub, nxe);
        if (known != null && !m.mappedAhead) {
            m.mappedAhead = true;
            m.mapAhead(stub, known.mapped(m.root), nxe, mappingLimit / 2);
        }
        if (retryExpected) {
            mapRetried(s, m, stub, nxe);
        }
        if (s.rip < 0 || s.rip >= USER_END) {
            // The host would refuse to return there; the guest's tables decide.
            return walker.walk(s.cr3, s.rip, false, true, true, s.cr4, false, s.cr0, nxe)
                    ? trap.because(Trap.Kind.EMULATE, "code in the upper half", s.rip)
                    : trap.exception(CpuException.PF, walker.errorCode, s.rip);
        }
        stub.load(s);
        if (placement != null) {
            placement.place(stub);
        }
        running = stub;
        if (preemptNext) {
            preemptNext = false;
            preemptRequested = true;
        }
        sameFaults = 0;
        timer.start(stayNanos);
        try {
            return loop(s, m, stub, nxe);
        } finally {
            timer.stop();
            running = null;
        }
    }

    /** Maps what a delivered page fault was about, if it is allowed now: that saves the trap of the second attempt. */
    private void mapRetried(CpuState s, Mirror m, Stub stub, boolean nxe) {
        if (m.root != retryRoot) {
            return; // another process is first
        }
        retryExpected = false;
        if (usable(retryAddress, stub)
                && walker.walk(s.cr3, retryAddress, retryWrite, retryFetch, true, s.cr4, false, s.cr0, nxe)
                && memory.isMemory(walker.physical)) {
            counters.faultsForeseen++;
            m.map(stub, retryAddress, retryWrite, retryFetch, nxe);
        }
    }

    private static boolean usable(long va, Stub stub) {
        return va >= LOWEST && va < StubCode.TASK_END && !stub.owns(va);
    }

    private Trap loop(CpuState s, Mirror m, Stub stub, boolean nxe) {
        while (true) {
            if (preemptRequested) {
                return preempted(s, stub);
            }
            if (!resume(m, stub)) {
                return died(m, stub, s);
            }
            if (stub.signalWasSent()) {
                continue; // by us, which the top of the loop sees, or somebody outside: no business of the guest's
            }
            if (stub.signal() == StubCode.SIGSYS) {
                return systemCall(s, stub);
            }
            Trap t = fault(s, m, stub, nxe);
            if (t != null) {
                stub.save(s);
                return t;
            }
        }
    }

    private Trap preempted(CpuState s, Stub stub) {
        preemptRequested = false;
        counters.preemptions++;
        stub.save(s);
        return trap.set(Trap.Kind.PREEMPTED);
    }

    /** Answers false if the process is dead. */
    private boolean resume(Mirror m, Stub stub) {
        for (int attempt = 0; ; attempt++) {
            counters.resumes++;
            long start = System.nanoTime();
            try {
                return stub.resume(m.batch, 0);
            } catch (Stub.BatchFailed e) {
                if (e.errno != ENOMEM || attempt > 0) {
                    throw new HostLacks("the host refused a mapping of guest memory: errno " + e.errno);
                }
                m.evict(stub); // too many mappings
            } finally {
                counters.nanosInGuest += System.nanoTime() - start;
            }
        }
    }

    private Trap died(Mirror m, Stub stub, CpuState s) {
        counters.stubDeaths++;
        preemptRequested = false; // coming back is what it asked for
        String cause = stub.cause();
        stub.save(s); // as of the last resume, like the xstate
        stub.close();
        m.stub = null;
        m.forget();
        return trap.because(Trap.Kind.LOST, cause, 0);
    }

    private Trap systemCall(CpuState s, Stub stub) {
        if ((stub.callAddress() & -4096) == VSYSCALL) {
            // The host's vsyscall page was called, and its kernel has returned from it already: undo that.
            stub.setRsp(stub.rsp() - 8);
            stub.setRip(stub.callAddress());
            stub.save(s);
            counters.exceptions++;
            return walker.walk(s.cr3, s.rip, false, true, true, s.cr4, false, s.cr0, true)
                    ? trap.because(Trap.Kind.EMULATE, "code in the upper half", s.rip)
                    : trap.exception(CpuException.PF, walker.errorCode, s.rip);
        }
        stub.save(s);
        if (stub.callArchitecture() == AUDIT_ARCH_X86_64) {
            counters.syscalls++;
            return trap.set(Trap.Kind.SYSCALL);
        }
        counters.int80++;
        return trap.set(Trap.Kind.INT80);
    }

    /** A signal for something the guest's code did. Answers null when it has been dealt with. */
    private @Nullable Trap fault(CpuState s, Mirror m, Stub stub, boolean nxe) {
        int vector = stub.trapNumber();
        if (stub.signal() == StubCode.SIGILL && stub.isUprobeCall() && !stub.owns(stub.rip())) {
            counters.syscalls++;
            stub.setRax(
                    URETPROBE); // the kernel has put its result there; the number next to it means no more to a guest
            return trap.set(Trap.Kind.SYSCALL);
        }
        if (stub.signal() == StubCode.SIGILL && stub.owns(stub.rip())) {
            return forGuest(s, stub.rip(), false, true, nxe); // nothing is there as far as the guest knows
        }
        if (vector == CpuException.UD && hidden != null && isHiddenCpuid(s, stub.rip(), nxe, hidden)) {
            counters.cpuidTraps++;
            return trap.because(Trap.Kind.EMULATE, "CPUID", stub.rip());
        }
        switch (vector) {
            case CpuException.PF -> {
                if (stub.signal() == StubCode.SIGBUS) {
                    throw new HostLacks("the host has no memory left for the guest's RAM");
                }
                return pageFault(s, m, stub, nxe);
            }
            case CpuException.DE,
                    CpuException.DB,
                    CpuException.BP,
                    CpuException.OF,
                    CpuException.BR,
                    CpuException.UD,
                    CpuException.MF,
                    CpuException.XM -> {
                counters.exceptions++;
                return trap.exception(vector);
            }
            case CpuException.AC -> {
                counters.exceptions++;
                return trap.exception(vector, 0, 0);
            }
            default -> {
                counters.interpreted++;
                return trap.because(Trap.Kind.EMULATE, "host exception " + vector, 0);
            }
        }
    }

    private @Nullable Trap pageFault(CpuState s, Mirror m, Stub stub, boolean nxe) {
        long va = stub.cr2();
        int error = stub.errorCode();
        boolean write = (error & PageWalker.PF_WRITE) != 0;
        boolean fetch = (error & PageWalker.PF_FETCH) != 0;
        if (!walker.walk(s.cr3, va, write, fetch, true, s.cr4, false, s.cr0, nxe)) {
            counters.faultsForGuest++;
            counters.exceptions++;
            retryExpected = true;
            retryRoot = m.root;
            retryAddress = va;
            retryWrite = write;
            retryFetch = fetch;
            return trap.exception(CpuException.PF, walker.errorCode, va);
        }
        if (!memory.isMemory(walker.physical)) {
            counters.faultsNotMemory++;
            counters.interpreted++;
            return trap.because(Trap.Kind.EMULATE, "no RAM at physical 0x" + Long.toHexString(walker.physical), va);
        }
        if (!usable(va, stub)) {
            counters.interpreted++;
            return trap.because(Trap.Kind.EMULATE, "address not available in a process of the host", va);
        }
        if (sameFaults > 0 && va == lastFault && stub.rip() == lastFaultRip) {
            if (++sameFaults > STUCK) {
                throw new EngineBug(
                        "page fault at 0x" + Long.toHexString(va) + ", RIP 0x" + Long.toHexString(stub.rip())
                                + ", error " + error + " again after it was mapped, " + STUCK + " times");
            }
        } else {
            lastFault = va;
            lastFaultRip = stub.rip();
            sameFaults = 1;
        }
        counters.faultsMapped++;
        if (write) {
            counters.faultsDirty++;
        }
        if (m.mappings() > mappingLimit) {
            m.evict(stub);
        }
        if (noted != null) {
            noted.mapped(m.root, va);
        }
        m.map(stub, va, write, fetch, nxe);
        return fetch && hidden != null && !m.isExecutable(va) ? hiddenPage(m, stub, va, nxe, hidden) : null;
    }

    /** Code is fetched from a page that may hold a CPUID instruction; the walker has just been there. */
    private @Nullable Trap hiddenPage(Mirror m, Stub stub, long va, boolean nxe, HiddenCpuid pages) {
        interpretedPage = walker.physical & -GuestMemory.PAGE_SIZE;
        // An instruction that only reaches into the page says nothing of where others start on it.
        boolean starts = va == stub.rip();
        if (pages.visited(interpretedPage, starts ? (int) va & 4095 : -1, m.isWritable(va))) {
            m.map(stub, va, false, true, nxe);
            if (m.isExecutable(va)) {
                return null;
            }
        }
        counters.interpreted++;
        trap.because(Trap.Kind.EMULATE, "code that may ask for the CPU's identity", va);
        trap.wholePage = true;
        return trap;
    }

    /** After {@link Trap#wholePage()}: how many instructions were interpreted. */
    public void interpreted(int instructions) {
        if (hidden != null) {
            hidden.interpreted(interpretedPage, instructions);
        }
    }

    private boolean isHiddenCpuid(CpuState s, long rip, boolean nxe, HiddenCpuid pages) {
        return walker.walk(s.cr3, rip, false, true, true, s.cr4, false, s.cr0, nxe)
                && memory.isMemory(walker.physical)
                && pages.isPatched(walker.physical);
    }

    private Trap forGuest(CpuState s, long va, boolean write, boolean fetch, boolean nxe) {
        counters.exceptions++;
        counters.faultsForGuest++;
        if (walker.walk(s.cr3, va, write, fetch, true, s.cr4, false, s.cr0, nxe)) {
            return trap.because(Trap.Kind.EMULATE, "address not available in a process of the host", va);
        }
        return trap.exception(CpuException.PF, walker.errorCode, va);
    }

    private void placed(Mirror m, long offset, long va) {
        long[] all = placed;
        if (all == null) {
            all = new long[(int) (memory.ramSize() / GuestMemory.PAGE_SIZE)];
            placed = all;
        }
        int page = (int) (offset >>> 12);
        long place = (long) m.number << PLACE_SHIFT | va >>> 12;
        all[page] = all[page] == 0 || all[page] == place ? place : PLACED_AT_MANY;
    }

    /** Takes back the mappings of a page that is no longer where it was; nearly always it is known where they are. */
    private void pageMoved(long offset) {
        long[] all = placed;
        long place = all == null ? 0 : all[(int) (offset >>> 12)];
        if (all == null || place == 0) {
            return;
        }
        all[(int) (offset >>> 12)] = 0;
        long page = memory.physical(offset);
        for (Mirror m : mirrors) {
            if (place == PLACED_AT_MANY) {
                m.dropPhysical(page);
            } else if (m.number == place >>> PLACE_SHIFT) {
                m.dropPhysical(page, (place & (1L << PLACE_SHIFT) - 1) << 12);
            }
        }
    }

    private @Nullable Mirror find(long root) {
        for (Mirror m : mirrors) {
            if (m.root == root) {
                return m;
            }
        }
        return null;
    }

    private Mirror mirror(long cr3) {
        long root = cr3 & PageWalker.ADDRESS;
        Mirror m = current;
        if (m == null || m.root != root) {
            m = find(root);
            if (m == null) {
                m = new Mirror(
                        memory,
                        tables,
                        options,
                        counters,
                        this::becameWritable,
                        tableVersions,
                        this::placed,
                        hidden,
                        root);
                m.number = ++mirrorNumber;
                m.pcid = (int) cr3 & 0xfff;
                if (mirrors.size() >= options.maxMirrors()) {
                    recycle(m);
                }
                mirrors.add(m);
            }
            current = m;
        }
        m.lastUse = ++uses;
        return m;
    }

    /** Gives the least recently used mirror's process to a new one. */
    private void recycle(Mirror to) {
        Mirror oldest = mirrors.get(0);
        for (Mirror m : mirrors) {
            if (m.lastUse < oldest.lastUse) {
                oldest = m;
            }
        }
        mirrors.remove(oldest);
        Stub stub = oldest.stub;
        oldest.stub = null;
        if (stub != null) {
            to.stub = stub;
            to.evict(stub);
        }
    }

    private Stub stub(Mirror m, CpuState s, boolean nxe) {
        m.nxe = nxe;
        Stub stub = m.stub;
        if (stub != null && overlaps(stub, s.cr3, nxe)) {
            stub.close(); // its memory, and with it the xstate, stays mapped here
            stub = null;
        }
        while (stub == null) {
            m.forget();
            stub = new Stub(memory.fds(), options.cpuidFaulting());
            counters.stubSpawns++;
            if (overlaps(stub, s.cr3, nxe)) {
                stub.close();
                stub = null;
            }
        }
        m.stub = stub;
        return stub;
    }

    private boolean overlaps(Stub stub, long cr3, boolean nxe) {
        // Nearly always decided by one absent entry of the top-level table.
        for (long va = stub.base; va < stub.base + Stub.FOOTPRINT; va += 4096) {
            if (tables.present(cr3, va, nxe)) {
                return true;
            }
            if (!tables.find(cr3, va, nxe)) {
                long end = (va >>> Region.SHIFT) + 1 << Region.SHIFT;
                if (stub.base + Stub.FOOTPRINT <= end) {
                    return false;
                }
            }
        }
        return false;
    }

    /** Writes what has been proven of the guest's code; processes and mappings are made anew. */
    @Override
    public void save(StateWriter out) {
        out.section("direct", 1);
        out.putBoolean("hidesCpuid", hidden != null);
        if (hidden != null) {
            hidden.save(out);
        }
    }

    /** Before any guest code runs. */
    @Override
    public void load(StateReader in) {
        in.section("direct", 1);
        if (in.getBoolean("hidesCpuid") != (hidden != null)) {
            throw new HostLacks("it was made on a CPU that " + (hidden == null ? "cannot" : "can")
                    + " have CPUID fault, unlike this one");
        }
        if (hidden != null) {
            hidden.load(in);
        }
    }

    /** Ends all processes. The last CPU state's floating-point registers stay readable. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            timer.close();
            if (vectorUnit != null) {
                vectorUnit.close();
            }
            for (Mirror m : mirrors) {
                if (m.stub != null) {
                    m.stub.close();
                    m.stub = null;
                }
            }
            mirrors.clear();
        }
    }
}
