package dev.runinvm.engine.full;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.GuestChannel;
import dev.runinvm.engine.GuestConsole;
import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.boot.LinuxBoot;
import dev.runinvm.engine.channel.WindowChannel;
import dev.runinvm.engine.direct.DirectEngine;
import dev.runinvm.engine.direct.HostCpu;
import dev.runinvm.engine.direct.HostTime;
import dev.runinvm.engine.guest.RecordingConsole;
import dev.runinvm.engine.image.CommandLine;
import dev.runinvm.engine.image.PreparedImage;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.MmioBus;
import dev.runinvm.engine.machine.Pc;
import dev.runinvm.engine.machine.PortBus;
import dev.runinvm.engine.machine.SerialSink;
import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.CpuState;
import dev.runinvm.engine.x86.CpuidModel;
import dev.runinvm.engine.x86.Interpreter;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** One guest of technique FULL: a PC, its processor, and the thread that runs it. */
final class FullMachine implements Vm {
    /** How long a guest that was told to stop may take before it is called stuck. */
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);

    private final PreparedImage image;
    private final GuestMemory memory;
    private final HostTime time;
    private final Pc pc;
    private final Cpu cpu;
    private final DirectEngine direct;
    private final WindowChannel channel;
    private final RecordingConsole console;
    private final Vcpu vcpu;
    private final Thread thread;
    private final AtomicReference<GuestEnd> end = new AtomicReference<>();
    private final CountDownLatch ended = new CountDownLatch(1);

    FullMachine(VmConfig config, PreparedImage image) {
        this.image = image;
        this.memory = GuestMemory.create(config.memoryBytes());
        try {
            HostCpu host = HostCpu.probe();
            time = new HostTime(host);
            PortBus ports = new PortBus();
            MmioBus mmio = new MmioBus();
            channel = new WindowChannel(memory.window());
            pc = new Pc(memory, ports, mmio, time, channel);
            CpuState state = new CpuState();
            cpu = new Cpu(state, memory, mmio, ports, pc.pic, time, new CpuidModel(host, host.xcr0(), time.tscHz()));
            // What may find the user's memory or kernel wanting comes before whatever has threads, processes or files.
            LinuxBoot.load(
                    memory,
                    image.kernel(),
                    image.initramfs(),
                    image.disks(),
                    commandLine(config).toString(),
                    state);
            console = new RecordingConsole(
                    "vm.full",
                    config.consoleLog().orElse(null),
                    config.consoleListener().orElse(null),
                    pc.console::offer,
                    time::nanos);
            pc.console.setSink(sink(console::output));
            pc.control.setSink(sink(console::controlOutput));
            direct = DirectEngine.open(memory, host);
            vcpu = new Vcpu(cpu, new Interpreter(cpu), pc, direct, time, console::poweringOff);
            pc.setWake(vcpu::wake);
            pc.pic.setIntrListener(cpu::requestAttention);
        } catch (RuntimeException e) {
            memory.close();
            throw e;
        }
        thread = new Thread(this::run, "vm-full-vcpu");
        thread.setDaemon(true);
    }

    private CommandLine commandLine(VmConfig config) {
        CommandLine line = CommandLine.standard().tscKhz(time.tscHz() / 1000);
        switch (config.mode()) {
            case AGENT -> line.mode(CommandLine.Mode.AGENT);
            case SHELL -> line.mode(CommandLine.Mode.SHELL);
            case COMMAND -> line.command(config.command().orElseThrow());
        }
        config.kernelArguments().forEach(line::add);
        return line;
    }

    private static SerialSink sink(Output output) {
        byte[] one = new byte[1];
        return value -> {
            one[0] = (byte) value;
            output.accept(one, 0, 1);
        };
    }

    /** Takes bytes. */
    private interface Output {
        void accept(byte[] bytes, int from, int count);
    }

    FullMachine start() {
        thread.start();
        return this;
    }

    private void run() {
        GuestEnd how;
        try {
            how = describe(vcpu.run());
        } catch (RuntimeException | Error e) {
            how = new GuestEnd(
                    GuestEnd.Kind.ENGINE_ERROR,
                    (e instanceof EngineBug ? "" : e.getClass().getName() + ": ") + e.getMessage() + ", at "
                            + vcpu.where());
            org.slf4j.LoggerFactory.getLogger("vm.full").error("the engine failed at {}", vcpu.where(), e);
        }
        end.compareAndSet(null, how);
        channel.end("the guest has ended: " + end.get());
        try {
            direct.close();
        } finally {
            console.close();
            memory.close();
            ended.countDown();
        }
    }

    private GuestEnd describe(Vcpu.Stop stop) {
        if (stop.kind() == Vcpu.Stop.Kind.STOPPED) {
            return new GuestEnd(GuestEnd.Kind.KILLED, "the guest was ended from the host");
        }
        Optional<String> panic = console.panic();
        if (panic.isPresent()) {
            return new GuestEnd(GuestEnd.Kind.PANIC, "the guest's kernel panicked: " + panic.get());
        }
        if (console.exitStatus().isPresent()) {
            int status = console.exitStatus().getAsInt();
            return new GuestEnd(
                    GuestEnd.Kind.AGENT_EXITED,
                    "the guest's main program ended with status " + status
                            + (status > 128 && status < 193 ? " (killed by signal " + (status - 128) + ")" : ""));
        }
        return switch (stop.kind()) {
            case HALTED ->
                new GuestEnd(
                        GuestEnd.Kind.POWER_OFF,
                        console.poweringOff()
                                ? "the guest was switched off"
                                : "the guest's processor was halted with interrupts off");
            case RESET -> new GuestEnd(GuestEnd.Kind.REBOOT, "the guest reset itself: " + stop.detail());
            default ->
                console.restarting() // by a triple fault on purpose: reboot=t, or sysrq's emergency restart
                        ? new GuestEnd(GuestEnd.Kind.REBOOT, "the guest restarted itself")
                        : new GuestEnd(GuestEnd.Kind.TRIPLE_FAULT, stop.detail());
        };
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
        pc.exits().forEach((name, count) -> all.put("exits." + name, count));
        return all;
    }

    @Override
    public Optional<GuestEnd> end() {
        return ended.getCount() == 0 ? Optional.ofNullable(end.get()) : Optional.empty();
    }

    @Override
    public boolean awaitEnd(Duration timeout) throws InterruptedException {
        return ended.await(timeout.toNanos(), TimeUnit.NANOSECONDS);
    }

    @Override
    public void close() {
        channel.end("the guest was ended from the host");
        vcpu.stop();
        boolean interrupted = false;
        try {
            if (!ended.await(STOP_TIMEOUT.toSeconds(), TimeUnit.SECONDS)) {
                throw new EngineBug("the guest's thread did not stop within " + STOP_TIMEOUT.toSeconds() + " s, at "
                        + vcpu.where());
            }
        } catch (InterruptedException e) {
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
