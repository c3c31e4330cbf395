package dev.runinvm.engine.full;

import dev.runinvm.engine.GuestChannel;
import dev.runinvm.engine.GuestConsole;
import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.boot.LinuxBoot;
import dev.runinvm.engine.boot.MemoryDisks;
import dev.runinvm.engine.channel.WindowChannel;
import dev.runinvm.engine.direct.DirectEngine;
import dev.runinvm.engine.direct.HostCpu;
import dev.runinvm.engine.direct.HostTime;
import dev.runinvm.engine.guest.GuestThread;
import dev.runinvm.engine.guest.RecordingConsole;
import dev.runinvm.engine.image.CommandLine;
import dev.runinvm.engine.image.PreparedImage;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.MmioBus;
import dev.runinvm.engine.machine.Pc;
import dev.runinvm.engine.machine.PortBus;
import dev.runinvm.engine.snapshot.GuestOrigin;
import dev.runinvm.engine.snapshot.GuestState;
import dev.runinvm.engine.snapshot.SnapshotFile;
import dev.runinvm.engine.snapshot.Standstill;
import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.CpuState;
import dev.runinvm.engine.x86.CpuidModel;
import dev.runinvm.engine.x86.Interpreter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** One guest of technique FULL: a PC, its processor, and the thread that runs it. */
final class FullMachine implements Vm {
    private final PreparedImage image;
    private final List<Long> diskStarts;
    private final GuestMemory memory;
    private final HostTime time;
    private final Pc pc;
    private final Cpu cpu;
    private final DirectEngine direct;
    private final WindowChannel channel;
    private final RecordingConsole console;
    private final Vcpu vcpu;
    private final GuestThread thread;
    private final GuestOrigin origin;

    /**
     * Builds a guest.
     *
     * @param from the snapshot it goes on from; null to boot one
     * @throws SnapshotUnusable if it cannot go on from there
     */
    FullMachine(VmConfig config, PreparedImage image, @Nullable SnapshotFile from) {
        this.image = image;
        this.origin = new GuestOrigin(from);
        this.memory = GuestMemory.create(MemoryDisks.machineMemory(config), true);
        try {
            HostCpu host = HostCpu.probe();
            GuestState state = origin.state(host.tscHz());
            long begin = state == null ? 0 : state.header().nanos();
            time = new HostTime(host, begin);
            PortBus ports = new PortBus();
            MmioBus mmio = new MmioBus();
            CpuState registers = new CpuState();
            if (state != null) {
                origin.fill(memory, state, image);
                channel = state.channel(memory.window());
            } else {
                channel = new WindowChannel(memory.window());
            }
            pc = new Pc(memory, ports, mmio, time, channel);
            CpuidModel cpuid = new CpuidModel(host, host.xcr0(), time.tscHz());
            cpu = new Cpu(registers, memory, mmio, ports, pc.pic, time, cpuid);
            if (state != null) {
                diskStarts = state.header().diskStarts();
                state.restore(cpu, pc, time);
            } else {
                // What may find the user's memory or kernel wanting comes before what has threads, processes or files.
                diskStarts = LinuxBoot.load(
                                memory,
                                image.kernel(),
                                image.initramfs(),
                                image.disks(),
                                commandLine(config, time.tscHz()).toString(),
                                registers)
                        .diskStarts();
            }
            console = new RecordingConsole(
                    "vm.full",
                    config.consoleLog().orElse(null),
                    config.consoleListener().orElse(null),
                    pc.console::offer,
                    () -> time.nanos() - begin);
            if (state != null) {
                console.setHistory(state.console());
            }
            pc.console.setSink(console::output);
            pc.control.setSink(console::controlOutput);
            direct = origin.direct(memory, host, state);
            Interpreter interpreter = new Interpreter(cpu);
            origin.share(interpreter.cache());
            vcpu = new Vcpu(cpu, interpreter, pc, direct, time, console::poweringOff);
            pc.setWake(vcpu::wake);
            pc.pic.setIntrListener(cpu::requestAttention);
        } catch (RuntimeException e) {
            memory.close();
            throw e;
        }
        thread = new GuestThread("full", () -> vcpu.run().describe(console), vcpu::where, this::release);
    }

    /** What the kernel is told; of a restored guest, what it was told. */
    static CommandLine commandLine(VmConfig config, long tscHz) {
        return CommandLine.standard().tscKhz(tscHz / 1000).add("pmtmr=0x608").guest(config);
    }

    FullMachine start() {
        console.phase(origin.firstPhase());
        thread.start();
        return this;
    }

    private void release(GuestEnd how) {
        channel.end("the guest has ended: " + how);
        origin.ended();
        try {
            direct.close();
        } finally {
            console.close();
            memory.close();
        }
    }

    @Override
    public Technique technique() {
        return Technique.FULL;
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
        Map<String, Long> all = new TreeMap<>();
        all.putAll(vcpu.counters());
        all.putAll(direct.counters());
        all.putAll(channel.counters());
        all.put("memory.touchedBytes", memory.touchedBytes());
        all.put("memory.pagesMadePrivate", memory.pagesMadePrivate());
        pc.exits().forEach((name, count) -> all.put("exits." + name, count));
        return all;
    }

    @Override
    public long snapshot(Path file, boolean idleOnly, Duration patience) throws InterruptedException {
        Standstill guest = vcpu.rest::atRest;
        return guest.write(channel, idleOnly, patience, () -> write(file));
    }

    /** Writes a snapshot of a machine whose processor stands still or was never started. */
    long write(Path file) {
        return GuestState.write(file, memory, cpu, pc, time, channel, diskStarts, console, direct);
    }

    @Override
    public Optional<GuestEnd> end() {
        return thread.end();
    }

    @Override
    public boolean awaitEnd(Duration timeout) throws InterruptedException {
        return thread.awaitEnd(timeout);
    }

    @Override
    public void close() {
        channel.end("the guest was ended from the host");
        vcpu.stop();
        thread.awaitStop();
    }
}
