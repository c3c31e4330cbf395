package dev.runinvm.engine.hw;

import dev.runinvm.engine.guest.Stop;
import dev.runinvm.engine.machine.DoorbellHandler;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.TimeSource;
import dev.runinvm.engine.os.kvm.Kvm;
import dev.runinvm.engine.os.kvm.KvmExtension;
import dev.runinvm.engine.os.kvm.KvmVcpu;
import dev.runinvm.engine.os.kvm.KvmVm;
import dev.runinvm.engine.x86.CpuState;
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

    private final KvmVm vm;
    private final TimeSource time;
    private final Board board;
    private final List<HwVcpu> processors = new ArrayList<>();
    private final KvmVcpu boot;
    private volatile Runnable stopping = () -> {};
    private final AtomicInteger running = new AtomicInteger();
    private final AtomicReference<@Nullable Stop> stop = new AtomicReference<>();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    private HwHardware(Kvm kvm, KvmVm vm, GuestMemory memory, int cpus, boolean hypervisor, DoorbellHandler doorbell) {
        this.vm = vm;
        vm.reservePages(KVM_IDENTITY_MAP, KVM_TSS);
        vm.createInterruptControllers();
        vm.createTimer();
        long low = memory.lowSize();
        vm.mapMemory(0, memory.fd(), 0, low);
        if (memory.ramSize() > low) {
            vm.mapMemory(HIGH_MEMORY, memory.fd(), low, memory.ramSize() - low);
        }
        vm.mapMemory(GuestMemory.WINDOW_BASE, memory.fd(), memory.ramSize(), GuestMemory.WINDOW_SIZE);
        GuestCpuid cpuid = new GuestCpuid(
                kvm.supportedCpuid(), cpus, kvm.extension(KvmExtension.TSC_DEADLINE_TIMER) != 0, hypervisor);
        List<KvmVcpu> made = new ArrayList<>();
        for (int id = 0; id < cpus; id++) {
            KvmVcpu cpu = vm.createProcessor(id);
            cpu.setCpuid(cpuid.of(id));
            BootState.firmware(cpu);
            made.add(cpu);
        }
        boot = made.get(0);
        boot.connectLocalApic();
        time = new HwTime(boot.tscKhz() * 1000);
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
     * @throws dev.runinvm.engine.os.kvm.KvmException if KVM refuses a call
     */
    static HwHardware create(GuestMemory memory, int cpus, boolean hypervisor, DoorbellHandler doorbell) {
        try (Kvm kvm = Kvm.open(Kvm.DEVICE)) {
            KvmVm vm = kvm.createVm();
            try {
                return new HwHardware(kvm, vm, memory, cpus, hypervisor, doorbell);
            } catch (RuntimeException e) {
                vm.close();
                throw e;
            }
        }
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
        return all;
    }

    /** Nobody may be in the guest any more. */
    @Override
    public void close() {
        board.close();
        vm.close();
    }
}
