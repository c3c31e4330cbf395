package dev.runinvm.engine.hw;

import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.guest.Stop;
import dev.runinvm.engine.machine.DoorbellHandler;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.TimeSource;
import dev.runinvm.engine.os.kvm.Kvm;
import dev.runinvm.engine.os.kvm.KvmExtension;
import dev.runinvm.engine.os.kvm.KvmVcpu;
import dev.runinvm.engine.os.kvm.KvmVm;
import dev.runinvm.engine.x86.CpuState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A machine of KVM's with its devices and processors, whatever runs on it. Each processor has a thread; the guest ends
 * with the first processor that stops, and when all threads are out of it that is told.
 */
final class HwHardware implements AutoCloseable {
    /** Pages for KVM itself, between the APICs and the top of 4 GiB, where a PC has its firmware. */
    private static final long KVM_IDENTITY_MAP = 0xfffb_c000L;

    private static final long KVM_TSS = 0xfffb_d000L;
    private static final long HIGH_MEMORY = 1L << 32;

    /** How often a processor that does not leave its guest is looked at, for one halted for ever. */
    private static final long LOOK_MILLIS = 1000;
    /** As above, once the kernel has said that it has switched the machine off. */
    private static final long OFF_MILLIS = 20;

    private static final long WATCH_MILLIS = 100;

    /** A machine whose processors do not come out of it for this long is tried again: one may wait in the channel. */
    private static final long GATHER_NANOS = 1_000_000_000L;
    /** Between two looks at processors that were not idle. */
    private static final long IDLE_MILLIS = 5;

    private final KvmVm vm;
    private final GuestMemory memory;
    private final List<Integer> msrs;
    private final TimeSource time;
    private final Board board;
    private final List<HwVcpu> processors = new ArrayList<>();
    private final KvmVcpu boot;
    private volatile Runnable stopping = () -> {};
    private final AtomicInteger running = new AtomicInteger();
    private final AtomicReference<@Nullable Stop> stop = new AtomicReference<>();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    private HwHardware(
            Kvm kvm,
            KvmVm vm,
            GuestMemory memory,
            int cpus,
            boolean hypervisor,
            DoorbellHandler doorbell,
            long startNanos) {
        this.vm = vm;
        this.memory = memory;
        this.msrs = VcpuState.msrNumbers(kvm.msrNumbers());
        vm.reservePages(KVM_IDENTITY_MAP, KVM_TSS);
        vm.createInterruptControllers();
        vm.createTimer();
        long low = memory.lowSize();
        vm.mapMemory(0, memory.fd(), 0, low);
        if (memory.ramSize() > low) {
            vm.mapMemory(HIGH_MEMORY, memory.fd(), low, memory.ramSize() - low);
        }
        vm.mapMemory(GuestMemory.WINDOW_BASE, memory.fd(), memory.ramSize(), GuestMemory.WINDOW_SIZE);
        GuestCpuid cpuid = cpuid(kvm, cpus, hypervisor);
        List<KvmVcpu> made = new ArrayList<>();
        for (int id = 0; id < cpus; id++) {
            KvmVcpu cpu = vm.createProcessor(id);
            cpu.setCpuid(cpuid.of(id));
            BootState.firmware(cpu);
            made.add(cpu);
        }
        boot = made.get(0);
        boot.connectLocalApic();
        time = new HwTime(boot.tscKhz() * 1000, startNanos);
        board = new Board(vm, time, low, doorbell);
        for (int id = 0; id < cpus; id++) {
            processors.add(new HwVcpu(id, made.get(id), board));
        }
    }

    /**
     * Makes a machine.
     *
     * @param memory becomes the guest's; whoever made it closes it, after this
     * @param cpus number of processors
     * @param hypervisor whether the guest may know of KVM
     * @param startNanos the machine's time now
     * @throws dev.runinvm.engine.os.kvm.KvmException if KVM refuses a call
     */
    static HwHardware create(
            GuestMemory memory, int cpus, boolean hypervisor, DoorbellHandler doorbell, long startNanos) {
        try (Kvm kvm = Kvm.open(Kvm.DEVICE)) {
            KvmVm vm = kvm.createVm();
            try {
                return new HwHardware(kvm, vm, memory, cpus, hypervisor, doorbell, startNanos);
            } catch (RuntimeException e) {
                vm.close();
                throw e;
            }
        }
    }

    /** What of this machine a guest comes to know: what CPUID answers on its processors, and the registers these have. */
    static List<String> shapes(int cpus, boolean hypervisor) {
        try (Kvm kvm = Kvm.open(Kvm.DEVICE)) {
            List<String> all = new ArrayList<>();
            cpuid(kvm, cpus, hypervisor).of(0).forEach(leaf -> all.add(leaf.toString()));
            all.add(kvm.msrNumbers().toString());
            return all;
        }
    }

    private static GuestCpuid cpuid(Kvm kvm, int cpus, boolean hypervisor) {
        return new GuestCpuid(
                kvm.supportedCpuid(), cpus, kvm.extension(KvmExtension.TSC_DEADLINE_TIMER) != 0, hypervisor);
    }

    TimeSource time() {
        return time;
    }

    Board board() {
        return board;
    }

    /** Sets the boot processor's registers. Before {@link #start}. */
    void setBootState(CpuState state) {
        BootState.apply(state, boot);
    }

    /** Writes down processors and devices; memory is not part of it. All processors are out of the guest. */
    void save(StateWriter out) {
        out.section("hardware", 1);
        out.putInt("cpus", processors.size());
        // Devices come last: what a processor is told of later, it is told of again.
        processors.forEach(p -> VcpuState.save(p.kvm(), msrs, out));
        board.save(out);
    }

    /**
     * Replaces the state of processors and devices by what {@link #save} wrote. Before {@link #start}.
     *
     * @throws dev.runinvm.engine.HostLacks if it is the state of another machine
     */
    void load(StateReader in) {
        in.section("hardware", 1);
        int cpus = in.getInt("cpus");
        if (cpus != processors.size()) {
            throw new SnapshotUnusable("it was made of a guest with " + cpus + " processors, not " + processors.size());
        }
        processors.forEach(p -> VcpuState.load(p.kvm(), p.id() == 0, in));
        board.load(in);
    }

    /**
     * Has something done while no processor is in the guest, each of them between two instructions; they go on afterwards.
     * The thread that does it is the caller's, which may not be a processor's.
     *
     * @param nudge makes a processor return that waits in the channel
     * @param idleOnly only while all of them wait in HLT
     * @return false if that did not come about within the time
     * @throws GuestFailure if the guest has ended
     */
    boolean atRest(Runnable action, Runnable nudge, boolean idleOnly, Duration patience) throws InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            Rendezvous meeting = new Rendezvous(processors.size());
            try {
                processors.forEach(p -> p.meet(meeting));
                nudge.run();
                boolean all = meeting.awaitAll(Math.min(deadline, System.nanoTime() + GATHER_NANOS));
                if (stop.get() != null) {
                    throw new GuestFailure("the guest has ended");
                }
                if (all && (!idleOnly || processors.stream().allMatch(HwVcpu::idle))) {
                    action.run();
                    return true;
                }
            } finally {
                meeting.end();
            }
            if (System.nanoTime() >= deadline) {
                return false;
            }
            Thread.sleep(IDLE_MILLIS);
        }
    }

    /** Takes pages that the guest has written and are no longer the backing files' into the guest's memory file. */
    void collectWrittenPages() {
        vm.visitWritten((physical, page) -> memory.replace(memory.offset(physical), page));
    }

    /**
     * Runs the guest.
     *
     * @param switchedOff whether the kernel has said that it has switched the machine off: a PC without ACPI cannot do that
     *     by itself, it goes on idling
     * @param stopping told once, on any thread, that the processors are being called out: one may be waiting in the channel
     * @param ended told once, on one of the processors' threads, when all of them have left the guest: how it stopped, and
     *     what made it if that was an error of ours
     */
    void start(BooleanSupplier switchedOff, Runnable stopping, BiConsumer<Stop, @Nullable Throwable> ended) {
        BackedPages.map(memory, vm);
        running.set(processors.size());
        this.stopping = stopping;
        for (HwVcpu processor : processors) {
            daemon("vm-hw-cpu" + processor.id(), () -> runProcessor(processor, ended));
        }
        daemon("vm-hw-watch", () -> watch(switchedOff));
    }

    private static void daemon(String name, Runnable body) {
        Thread thread = new Thread(body, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void runProcessor(HwVcpu processor, BiConsumer<Stop, @Nullable Throwable> ended) {
        try {
            stopAll(processor.run());
        } catch (RuntimeException | Error e) {
            failure.compareAndSet(null, e);
            stopAll(new Stop(Stop.Kind.STOPPED, ""));
        } finally {
            if (running.decrementAndGet() == 0) {
                Stop first = stop.get();
                ended.accept(first == null ? new Stop(Stop.Kind.STOPPED, "") : first, failure.get());
            }
        }
    }

    private void stopAll(Stop why) {
        if (stop.compareAndSet(null, why)) {
            stopping.run();
            processors.forEach(HwVcpu::stop);
        }
    }

    /** How the guest has stopped, or is about to; null while it runs. */
    @Nullable
    Stop stopped() {
        return stop.get();
    }

    /** The error of ours that stopped the guest, or null. */
    @Nullable
    Throwable failure() {
        return failure.get();
    }

    /** Ends the guest; {@code ended} is told soon. Any thread. */
    void stop() {
        stopAll(new Stop(Stop.Kind.STOPPED, ""));
    }

    /**
     * KVM keeps a halted processor to itself. One that does not leave the guest is asked now and then whether it will ever
     * wake up.
     */
    private void watch(BooleanSupplier switchedOff) {
        long[] seen = new long[processors.size()];
        long sinceLook = 0;
        try {
            while (stop.get() == null) {
                boolean off = switchedOff.getAsBoolean();
                long millis = off ? OFF_MILLIS : WATCH_MILLIS;
                Thread.sleep(millis);
                if (off && processors.get(0).halted()) {
                    stopAll(new Stop(Stop.Kind.HALTED, "idle after the kernel's last word"));
                } else if (processors.stream().allMatch(HwVcpu::dead)) {
                    stopAll(new Stop(Stop.Kind.HALTED, "halted with interrupts off"));
                }
                sinceLook += millis;
                if (off || sinceLook >= LOOK_MILLIS) {
                    sinceLook = 0;
                    look(seen, off);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // nobody interrupts this thread but the end of the JVM
        }
    }

    private void look(long[] seen, boolean always) {
        for (HwVcpu processor : processors) {
            long exits = processor.exitCount();
            if (always || exits <= seen[processor.id()] + 1) { // the exit that a look is does not count
                processor.look();
            }
            seen[processor.id()] = exits;
        }
    }

    /** Exits by reason and device. */
    Map<String, Long> counters() {
        Map<String, Long> all = new TreeMap<>();
        for (HwVcpu processor : processors) {
            processor.counters().forEach((name, n) -> all.merge(name, n, Long::sum));
        }
        board.exits().forEach((name, n) -> all.put("exits." + name, n));
        all.put("memory.touchedBytes", memory.touchedBytes() + vm.writtenBytes());
        return all;
    }

    /** Nobody may be in the guest any more. */
    @Override
    public void close() {
        board.close();
        vm.close();
    }
}
