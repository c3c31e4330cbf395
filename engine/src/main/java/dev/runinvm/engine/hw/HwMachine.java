package dev.runinvm.engine.hw;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.GuestChannel;
import dev.runinvm.engine.GuestConsole;
import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.boot.AcpiTables;
import dev.runinvm.engine.boot.LinuxBoot;
import dev.runinvm.engine.boot.MemoryDisks;
import dev.runinvm.engine.channel.WindowChannel;
import dev.runinvm.engine.guest.RecordingConsole;
import dev.runinvm.engine.guest.Stop;
import dev.runinvm.engine.image.CommandLine;
import dev.runinvm.engine.image.PreparedImage;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.os.kvm.KvmException;
import dev.runinvm.engine.snapshot.SnapshotFile;
import dev.runinvm.engine.snapshot.Standstill;
import dev.runinvm.engine.snapshot.StateHeader;
import dev.runinvm.engine.x86.CpuState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One guest of technique HW: the stock kernel in a machine of KVM's, with the devices and the channel of FULL. */
final class HwMachine implements Vm {
    private static final Logger LOG = LoggerFactory.getLogger("vm.hw");
    /** How long a guest that was told to stop may take before it is called stuck. */
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);

    private static final int TAIL_LINES = 5;

    private final PreparedImage image;
    private final GuestMemory memory;
    private final WindowChannel channel;
    private final RecordingConsole console;
    private final HwHardware hardware;
    private final List<Long> diskStarts;
    private final String firstPhase;
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile Optional<GuestEnd> end = Optional.empty();

    /**
     * Builds a guest.
     *
     * @param from the snapshot it goes on from; null to boot one
     * @throws dev.runinvm.engine.SnapshotUnusable if it cannot go on from there
     */
    HwMachine(VmConfig config, PreparedImage image, @Nullable SnapshotFile from) {
        this.image = image;
        this.memory = GuestMemory.create(MemoryDisks.machineMemory(config), true);
        this.firstPhase = from == null ? "loaded" : "restored";
        HwHardware made = null;
        try {
            HwState state = from == null ? null : HwState.open(from);
            if (from != null && state != null) {
                state.header().fillMemory(from, memory, image);
                channel = state.channel(memory.window());
            } else {
                channel = new WindowChannel(memory.window());
            }
            long begin = state == null ? 0 : state.header().nanos();
            made = HwHardware.create(memory, config.cpus(), config.paravirtualClock(), channel, begin);
            hardware = made;
            if (state == null) {
                diskStarts = boot(config);
            } else {
                diskStarts = state.header().diskStarts();
                state.restore(hardware);
            }
            console = new RecordingConsole(
                    "vm.hw",
                    config.consoleLog().orElse(null),
                    config.consoleListener().orElse(null),
                    hardware.board().devices().console::offer,
                    () -> hardware.time().nanos() - begin);
            if (state != null) {
                console.setHistory(state.console());
            }
            hardware.board().devices().console.setSink(console::output);
            hardware.board().devices().control.setSink(console::controlOutput);
        } catch (KvmException e) {
            release(made);
            throw new HostLacks(
                    "KVM refused a call while a guest was being made: " + e.getMessage()
                            + (e.errno() == KvmException.ENOMEM ? "; it has no memory for another guest" : ""),
                    e);
        } catch (RuntimeException e) {
            release(made);
            throw e;
        }
    }

    /** Loads the kernel. @return where the disks are */
    private List<Long> boot(VmConfig config) {
        CpuState state = new CpuState();
        LinuxBoot.Layout layout = LinuxBoot.load(
                memory,
                image.kernel(),
                image.initramfs(),
                image.disks(),
                commandLine(config, hardware.time().tscHz()),
                state);
        if (config.cpus() > 1) {
            AcpiTables.write(memory, config.cpus());
        }
        hardware.setBootState(state);
        return layout.diskStarts();
    }

    /** What the kernel is told; of a restored guest, what it was told. */
    static String commandLine(VmConfig config, long tscHz) {
        return CommandLine.standard().tscKhz(tscHz / 1000).guest(config).toString();
    }

    private void release(@Nullable HwHardware made) {
        if (made != null) {
            made.close();
        }
        memory.close();
    }

    HwMachine start() {
        console.phase(firstPhase);
        hardware.start(console::poweringOff, this::stopping, this::finish);
        return this;
    }

    /** Whoever waits in the channel, a processor too, is to hear of the end at once. */
    private void stopping() {
        Stop stop = hardware.stopped();
        Throwable failure = hardware.failure();
        if (failure != null) {
            channel.end("the guest has ended: " + failed(failure));
        } else if (stop != null) {
            channel.end("the guest has ended: " + stop.describe(console));
        }
    }

    /** Called once, when the last processor's thread has left the guest for good. */
    private void finish(Stop stop, @Nullable Throwable failure) {
        if (failure != null) {
            LOG.error("the engine failed", failure);
        }
        GuestEnd how = failure == null ? stop.describe(console) : failed(failure);
        if (how.kind() == GuestEnd.Kind.TRIPLE_FAULT) {
            how = new GuestEnd(how.kind(), how.detail() + tail());
        }
        end = Optional.of(how);
        channel.end("the guest has ended: " + how);
        try {
            hardware.close();
        } finally {
            console.close();
            memory.close();
            ended.countDown();
        }
    }

    private GuestEnd failed(Throwable e) {
        return new GuestEnd(
                GuestEnd.Kind.ENGINE_ERROR,
                (e instanceof EngineBug ? "" : e.getClass().getName() + ": ") + e.getMessage() + tail());
    }

    private String tail() {
        List<String> lines = console.tail(TAIL_LINES);
        return lines.isEmpty() ? "; the console is empty" : "; the console's last lines:\n" + String.join("\n", lines);
    }

    @Override
    public Technique technique() {
        return Technique.HW;
    }

    @Override
    public String kernelRelease() {
        return image.kernelRelease();
    }

    @Override
    public GuestChannel channel() {
        return channel;
    }

    @Override
    public GuestConsole console() {
        return console;
    }

    @Override
    public Map<String, Long> counters() {
        Map<String, Long> all = new TreeMap<>(hardware.counters());
        all.putAll(channel.counters());
        return all;
    }

    @Override
    public long snapshot(Path file, boolean idleOnly, Duration patience) throws InterruptedException {
        Standstill guest = (action, idle, time) -> hardware.atRest(action, channel::interruptWait, idle, time);
        return guest.write(channel, idleOnly, patience, () -> write(file));
    }

    /** Writes a snapshot of a machine that stands still or was never started. */
    long write(Path file) {
        StateHeader header =
                new StateHeader(hardware.time().nanos(), hardware.time().tscHz(), diskStarts);
        return HwState.write(file, header, console.history(), memory, channel, hardware);
    }

    @Override
    public Optional<GuestEnd> end() {
        return ended.getCount() == 0 ? end : Optional.empty();
    }

    @Override
    public boolean awaitEnd(Duration timeout) throws InterruptedException {
        return ended.await(timeout.toNanos(), TimeUnit.NANOSECONDS);
    }

    @Override
    public void close() {
        channel.end("the guest was ended from the host");
        hardware.stop();
        try {
            if (!ended.await(STOP_TIMEOUT.toSeconds(), TimeUnit.SECONDS)) {
                throw new EngineBug("the guest's processors did not stop within " + STOP_TIMEOUT.toSeconds() + " s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
