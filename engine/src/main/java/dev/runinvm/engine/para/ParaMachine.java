package dev.runinvm.engine.para;

import dev.runinvm.engine.GuestChannel;
import dev.runinvm.engine.GuestConsole;
import dev.runinvm.engine.GuestEnd;
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
import dev.runinvm.engine.image.CommandLine;
import dev.runinvm.engine.image.PreparedImage;
import dev.runinvm.engine.machine.ChannelPci;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.x86.Interpreter;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

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

    ParaMachine(VmConfig config, PreparedImage image) {
        this.image = image;
        this.memory = GuestMemory.create(MemoryDisks.machineMemory(config));
        Runnable closeDisks = () -> {};
        try {
            HostCpu host = HostCpu.probe();
            time = new HostTime(host);
            // What may find the user's memory or kernel wanting comes before whatever has threads, processes or files.
            DomainBuilder builder =
                    new DomainBuilder(memory, image.kernel(), image.initramfs(), image.disks(), commandLine(config));
            domain = new Domain(memory, builder, time, host);
            closeDisks = domain::closeDisks;
            config.disks().forEach(disk -> domain.addDisk(disk.image(), disk.readOnly()));
            channel = new WindowChannel(memory.window());
            bell = new Bell(channel);
            pci = new ChannelPci(domain.ports, domain.mmio, channel);
            console = new RecordingConsole(
                    "vm.para",
                    config.consoleLog().orElse(null),
                    config.consoleListener().orElse(null),
                    this::typed,
                    time::nanos);
            domain.setConsoleOutput(console::output);
            domain.addConsole(CONTROL, console::controlOutput);
            domain.addConsole(BELL, bell);
            direct = DirectEngine.open(memory, host);
            domain.setDirect(direct);
            vcpu = new ParaVcpu(domain.cpu, new Interpreter(domain.cpu), domain, direct, time);
        } catch (RuntimeException e) {
            closeDisks.run();
            memory.close();
            throw e;
        }
        thread = new GuestThread("para", () -> vcpu.run().describe(console), vcpu::where, this::release);
    }

    private void typed(byte[] bytes) {
        domain.console.offer(bytes);
        vcpu.inputArrived();
    }

    /**
     * What a guest on a PC is told, for hvc0, and to leave its kernel's text writable: to protect it, and to look for pages
     * that are writable and executable, Linux goes through its whole map, which has 4 KiB pages only on Xen.
     */
    private static String commandLine(VmConfig config) {
        return CommandLine.standard("hvc0")
                .add("rodata=off")
                .channel("/dev/hvc" + CONTROL, "/dev/hvc" + BELL)
                .guest(config)
                .toString();
    }

    ParaMachine start() {
        console.phase("loaded");
        thread.start();
        return this;
    }

    private void release(GuestEnd how) {
        channel.end("the guest has ended: " + how);
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
        return all;
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
