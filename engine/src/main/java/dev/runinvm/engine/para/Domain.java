package dev.runinvm.engine.para;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.direct.DirectEngine;
import dev.runinvm.engine.direct.HostCpu;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.MmioBus;
import dev.runinvm.engine.machine.PortBus;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import dev.runinvm.engine.machine.TimeSource;
import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.CpuState;
import dev.runinvm.engine.x86.CpuidModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A Xen domain with one virtual CPU: its memory, and all that the hypervisor keeps about it. */
final class Domain implements Stateful {
    final GuestMemory memory;
    final PortBus ports = new PortBus();
    final MmioBus mmio = new MmioBus();
    final MachineLayout layout;
    /** Physical addresses of the disks in memory. */
    final List<Long> diskStarts;

    final Cpu cpu;
    final SharedInfo shared;
    final EventChannels events;
    final Timers timers;
    final PageTypes types;
    final PvCpu pv;
    final Hypercalls hypercalls;
    final SchedulerOps scheduler;
    final Runstate runstate;
    final VcpuOps vcpuOps;
    final MmuOps mmuOps;
    final GrantTables grants;
    final ConsoleRing console;
    final XenStore store = new XenStore();
    final XenBus bus = new XenBus(store);
    private final List<BlockBackend> disks = new ArrayList<>();
    private final List<ConsoleBackend> consoles = new ArrayList<>();
    private final StoreRing storeRing;
    private OtherOps.Output consoleOutput = (bytes, from, count) -> {};
    /** Called when the next deadline may have changed. */
    volatile Runnable timersChanged = () -> {};

    /**
     * Builds a domain with a kernel in it, ready to run.
     *
     * @param memory fresh guest memory: all zeroes
     * @param builder fills it
     */
    static Domain build(GuestMemory memory, DomainBuilder builder, TimeSource time, HostCpu host) {
        CpuState state = new CpuState();
        DomainBuilder.Domain built = builder.build(state, STORE_PORT, CONSOLE_PORT);
        Domain domain = new Domain(memory, built.layout(), built.diskStarts(), state, time, host);
        domain.begin(built);
        return domain;
    }

    /**
     * Makes a domain whose state is to be {@linkplain #load loaded}, once it has all its devices.
     *
     * @param memory as it was
     * @param layout who owns what of it
     * @param diskStarts physical address of each disk in memory
     */
    static Domain writtenDown(
            GuestMemory memory, MachineLayout layout, List<Long> diskStarts, TimeSource time, HostCpu host) {
        return new Domain(memory, layout, diskStarts, new CpuState(), time, host);
    }

    private Domain(
            GuestMemory memory,
            MachineLayout layout,
            List<Long> diskStarts,
            CpuState state,
            TimeSource time,
            HostCpu host) {
        this.memory = memory;
        this.layout = layout;
        this.diskStarts = diskStarts;
        shared = new SharedInfo(memory, layout.sharedInfo(), time);
        events = new EventChannels(shared);
        pv = new PvCpu(shared);
        cpu = new Cpu(state, memory, mmio, ports, pv, time, CpuidModel.forXenGuest(host, host.xcr0(), time.tscHz()));
        types = new PageTypes(memory, layout);
        timers = new Timers(time, shared, events, () -> timersChanged.run());
        scheduler = new SchedulerOps(shared);
        runstate = new Runstate(shared);
        vcpuOps = new VcpuOps(memory, layout, shared, timers, types, runstate);
        mmuOps = new MmuOps(memory, layout, types, pv);
        grants = new GrantTables(memory, layout);
        console = new ConsoleRing(memory, events, this::consoleOutput);
        storeRing = new StoreRing(memory, store, events);
        describe();
        hypercalls = new Hypercalls(pv);
        register();
        pv.setHypercalls(hypercalls);
        cpu.hypervisor = pv;
        cpu.mmu.setTableGuard(types);
        cpu.mmu.setCommonUpperHalf(true);
    }

    private void begin(DomainBuilder.Domain built) {
        cpu.s.cr4 |= cpu.cpuid.xcr0Supported() != 1 ? CpuState.CR4_OSXSAVE : 0;
        shared.begin();
        types.pin(built.root() >>> 12, 4);
        types.get(built.root() >>> 12, 4);
        pv.kernelRoot = built.root();
        console.begin(built.console());
        storeRing.begin(built.store());
    }

    /** Sets what runs the guest's programs, to be told of changes of their address spaces. */
    void setDirect(DirectEngine direct) {
        direct.setTableVersions(types);
        mmuOps.setDirect(direct);
    }

    /** Sets what takes the console's output; none until then. */
    void setConsoleOutput(OtherOps.Output output) {
        consoleOutput = output;
    }

    private void consoleOutput(byte[] bytes, int from, int count) {
        consoleOutput.accept(bytes, from, count);
    }

    /** The event channels that are connected first. */
    private static final int CONSOLE_PORT = 1;

    private static final int STORE_PORT = 2;

    /** Adds a disk, /dev/xvda the first, before the guest runs. It is closed with {@link #closeDisks}. */
    void addDisk(Path image, boolean readOnly) {
        int device = BlockBackend.XVDA + BlockBackend.DISK_STEP * disks.size();
        BlockBackend disk = new BlockBackend(memory, store, grants, events, cpu.mmu::memoryChanged, image, readOnly);
        disks.add(disk);
        disk.describe(device);
        bus.add("vbd", device, disk);
    }

    /** Closes the files of the disks. */
    void closeDisks() {
        disks.forEach(BlockBackend::close);
    }

    /** What a guest finds about itself in its xenstore. */
    private void describe() {
        store.write(XenStore.HOME + "/domid", Integer.toString(XenStore.GUEST));
        store.write(XenStore.HOME + "/name", "runinvm");
        store.write(XenStore.HOME + "/control/platform-feature-multiprocessor-suspend", "0");
        store.write(XenStore.HOME + "/cpu/0/availability", "online");
    }

    /** Adds a console, /dev/hvc1 for 1, before the guest runs. */
    void addConsole(int number, OtherOps.Output output) {
        ConsoleBackend backend = new ConsoleBackend(memory, store, grants, events, output);
        consoles.add(backend);
        bus.add("console", number, backend);
    }

    private void register() {
        mmuOps.register(hypercalls);
        new DescriptorOps(memory, layout, pv).register(hypercalls);
        new EventOps(events).register(hypercalls);
        scheduler.register(hypercalls);
        vcpuOps.register(hypercalls);
        VersionOps.register(hypercalls);
        new MemoryOps(layout).register(hypercalls);
        grants.register(hypercalls);
        OtherOps.register(hypercalls, this::consoleOutput);
    }

    /** Physical address of the kernel's console ring. */
    long consolePage() {
        return console.page();
    }

    /** Hands over what came from outside. The vCPU's thread. */
    void pollInput() {
        console.poll();
    }

    /** All of the guest's but its processor and memory: in an order in which each finds what it needs. */
    private List<Stateful> parts() {
        List<Stateful> all = new ArrayList<>(
                List.of(shared, events, timers, types, pv, runstate, vcpuOps, grants, store, console, storeRing));
        all.addAll(consoles);
        all.addAll(disks);
        return all;
    }

    @Override
    public void save(StateWriter out) {
        out.section("domain", 1);
        out.putInt("consoles", consoles.size());
        out.putInt("disks", disks.size());
        parts().forEach(part -> part.save(out));
    }

    @Override
    public void load(StateReader in) {
        in.section("domain", 1);
        if (in.getInt("consoles") != consoles.size() || in.getInt("disks") != disks.size()) {
            throw new HostLacks("the guest was written down with other consoles and disks than this one has");
        }
        parts().forEach(part -> part.load(in));
    }

    Map<String, Long> counters() {
        Map<String, Long> all = new TreeMap<>(hypercalls.counters());
        all.put("para.events", pv.events);
        all.put("para.exceptions", pv.exceptions);
        all.put("para.systemCalls", pv.systemCalls);
        all.put("para.returns", pv.returns);
        all.put("para.tableUpdates", types.updates);
        all.put("para.tableDirectWrites", types.directWrites);
        all.put("para.pins", mmuOps.pins);
        all.put("para.unpins", mmuOps.unpins);
        all.put("para.baseChanges", mmuOps.baseChanges);
        all.put("para.flushes", mmuOps.flushes);
        all.put("para.kernelFlushes", mmuOps.kernelFlushes);
        all.put("para.pageFlushes", mmuOps.pageFlushes);
        all.put("para.eventsSent", events.sent);
        all.put("para.timerEvents", timers.expired);
        all.put("para.storeRequests", store.requests);
        all.put("para.diskRequests", disks.stream().mapToLong(d -> d.requests).sum());
        all.put(
                "para.diskSectors",
                disks.stream().mapToLong(d -> d.sectorsMoved).sum());
        return all;
    }
}
