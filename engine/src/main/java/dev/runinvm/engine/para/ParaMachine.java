package dev.runinvm.engine.para;

import dev.runinvm.engine.GuestChannel;
import dev.runinvm.engine.GuestConsole;
import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.boot.MemoryDisks;
import dev.runinvm.engine.channel.WindowChannel;
import dev.runinvm.engine.direct.DirectEngine;
import dev.runinvm.engine.direct.HostCpu;
import dev.runinvm.engine.direct.HostTime;
import dev.runinvm.engine.guest.GuestThread;
import dev.runinvm.engine.guest.RecordingConsole;
import dev.runinvm.engine.guest.Stop;
import dev.runinvm.engine.image.CommandLine;
import dev.runinvm.engine.image.PreparedImage;
import dev.runinvm.engine.machine.ChannelPci;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import dev.runinvm.engine.snapshot.GuestOrigin;
import dev.runinvm.engine.snapshot.GuestState;
import dev.runinvm.engine.snapshot.SnapshotFile;
import dev.runinvm.engine.snapshot.Standstill;
import dev.runinvm.engine.x86.Interpreter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** One guest of technique PARA: a domain, its virtual CPU, and the thread that runs it. */
final class ParaMachine implements Vm {
    /** Consoles beside the kernel's own: that of the guest's init, and the channel's doorbell. */
    private static final int CONTROL = 1;

    private static final int BELL = 2;

    private final PreparedImage image;
    private final GuestMemory memory;
    private final HostTime time;
    private final Domain domain;
    private final DirectEngine direct;
    private final WindowChannel channel;
    private final Bell bell;
    /** Holds the window; a function of the same bus is the host bridge, without which Linux looks for no memory disks. */
    private final ChannelPci pci;

    private final RecordingConsole console;
    private final ParaVcpu vcpu;
    private final GuestThread thread;
    private final GuestOrigin origin;

    /**
     * Builds a guest.
     *
     * @param from the snapshot it goes on from; null to boot one
     * @throws SnapshotUnusable if it cannot go on from there
     */
    ParaMachine(VmConfig config, PreparedImage image, @Nullable SnapshotFile from) {
        this.image = image;
        this.origin = new GuestOrigin(from);
        this.memory = GuestMemory.create(MemoryDisks.machineMemory(config), true);
        Runnable closeDisks = () -> {};
        try {
            HostCpu host = HostCpu.probe();
            GuestState state = origin.state(host.tscHz());
            long begin = state == null ? 0 : state.header().nanos();
            time = new HostTime(host, begin);
            // What may find the user's memory or kernel wanting comes before whatever has threads, processes or files.
            if (state != null) {
                origin.fill(memory, state, image);
                MachineLayout layout = MachineLayout.of(memory, MemoryDisks.of(image.disks()));
                domain = Domain.writtenDown(memory, layout, state.header().diskStarts(), time, host);
                channel = state.channel(memory.window());
            } else {
                List<String> line = commandLine(config).divide(DomainBuilder.COMMAND_LINE_SIZE - 1);
                DomainBuilder builder = new DomainBuilder(
                        memory,
                        image.kernel(),
                        image.initramfs(),
                        line.get(1).isEmpty() ? new byte[0] : CommandLine.archive(line.get(1)),
                        image.disks(),
                        line.get(0));
                domain = Domain.build(memory, builder, time, host);
                channel = new WindowChannel(memory.window());
            }
            closeDisks = domain::closeDisks;
            config.disks().forEach(disk -> domain.addDisk(disk.image(), disk.readOnly()));
            bell = new Bell(channel);
            pci = new ChannelPci(domain.ports, domain.mmio, channel);
            console = new RecordingConsole(
                    "vm.para",
                    config.consoleLog().orElse(null),
                    config.consoleListener().orElse(null),
                    this::typed,
                    () -> time.nanos() - begin);
            domain.setConsoleOutput(console::output);
            domain.addConsole(CONTROL, console::controlOutput);
            domain.addConsole(BELL, bell);
            if (state != null) {
                state.restore(domain.cpu, around(), time);
                console.setHistory(state.console());
            }
            direct = origin.direct(memory, host, state);
            domain.setDirect(direct);
            Interpreter interpreter = new Interpreter(domain.cpu);
            origin.share(interpreter.cache());
            vcpu = new ParaVcpu(domain.cpu, interpreter, domain, direct, time);
        } catch (RuntimeException e) {
            closeDisks.run();
            memory.close();
            throw e;
        }
        thread = new GuestThread("para", () -> run().describe(console), vcpu::where, this::release);
    }

    private Stop run() {
        if (origin.isSnapshot()) {
            domain.shared.resume();
        }
        return vcpu.run();
    }

    /** All around the processor that a snapshot holds. */
    private Stateful around() {
        return new Stateful() {
            @Override
            public void save(StateWriter out) {
                domain.save(out);
                bell.save(out);
                pci.save(out);
            }

            @Override
            public void load(StateReader in) {
                domain.load(in);
                bell.load(in);
                pci.load(in);
            }
        };
    }

    private void typed(byte[] bytes) {
        domain.console.offer(bytes);
        vcpu.inputArrived();
    }

    /**
     * What a guest on a PC is told, for hvc0, and to leave its kernel's text writable: to protect it, and to look for pages
     * that are writable and executable, Linux goes through its whole map, which has 4 KiB pages only on Xen.
     */
    static CommandLine commandLine(VmConfig config) {
        return CommandLine.standard("hvc0")
                .add("rodata=off")
                .add("tsc=reliable") // or the kernel takes a snapshot's pause for a counter gone wrong
                .channel("/dev/hvc" + CONTROL, "/dev/hvc" + BELL)
                .guest(config);
    }

    ParaMachine start() {
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
            domain.closeDisks();
            console.close();
            memory.close();
        }
    }

    @Override
    public Technique technique() {
        return Technique.PARA;
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
        all.putAll(domain.counters());
        all.put("channel.bells", bell.rung);
        pci.exits().forEach((name, count) -> all.put("exits." + name, count));
        all.put("memory.touchedBytes", memory.touchedBytes());
        all.put("memory.pagesMadePrivate", memory.pagesMadePrivate());
        return all;
    }

    @Override
    public long snapshot(Path file, boolean idleOnly, Duration patience) throws InterruptedException {
        Standstill guest = vcpu.rest::atRest;
        return guest.write(channel, idleOnly, patience, () -> write(file));
    }

    /** Writes a snapshot of a machine whose processor stands still or was never started. */
    long write(Path file) {
        return GuestState.write(file, memory, domain.cpu, around(), time, channel, domain.diskStarts, console, direct);
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

    /** Where the virtual CPU is, for tools. */
    long rip() {
        return domain.cpu.s.rip;
    }
}
