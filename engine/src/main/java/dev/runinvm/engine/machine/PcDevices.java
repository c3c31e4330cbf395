package dev.runinvm.engine.machine;

import dev.runinvm.wire.ChannelHardware;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * What is in every PC of ours, whoever emulates its interrupt controllers and interval timer: clock, two serial ports,
 * PCI with the channel device, the ways to reset.
 *
 * <p>One thread at a time may use the devices through the buses, {@link #advance} and the rest of this class, except
 * {@link Uart16550#offer} and {@link #attention()}, which are for any thread at any time. The channel's doorbell takes
 * part in no other device, so it may be rung meanwhile.
 */
public final class PcDevices implements TimedDevice, Stateful {
    /** Ports of the console. */
    public static final int COM1 = 0x3f8;
    /** Ports of the stream of the guest's init. */
    public static final int COM2 = 0x2f8;

    private static final int COM_PORTS = 8;
    private static final int CHANNEL_SLOT = 3;

    public final Cmos cmos;
    /** The console, IRQ 4. */
    public final Uart16550 console;
    /** The stream of the guest's init, IRQ 3. */
    public final Uart16550 control;

    public final PciHost pci;
    public final ChannelDevice channel;
    public final LegacyDma dma = new LegacyDma();
    public final SystemControl system;
    private final ResetControl reset = new ResetControl();
    private final ExitCounters counters;
    private final List<Stateful> devices;
    private volatile boolean attention;
    private volatile Runnable wake = () -> {};

    /**
     * Builds the devices and connects them to the buses, which may hold others already.
     *
     * @param inputs where interrupts go
     * @param lowRam bytes of RAM below 4 GiB, which the clock's memory tells of
     * @param counters counts accesses
     */
    public PcDevices(
            PortBus ports,
            MmioBus mmio,
            TimeSource time,
            IrqInputs inputs,
            long lowRam,
            DoorbellHandler doorbell,
            ExitCounters counters) {
        this.counters = counters;
        cmos = new Cmos(time, inputs.line(8), lowRam);
        console = new Uart16550("com1", COM1, inputs.line(4));
        control = new Uart16550("com2", COM2, inputs.line(3));
        system = new SystemControl(reset);
        pci = new PciHost(reset);
        channel = new ChannelDevice(doorbell);
        pci.add(CHANNEL_SLOT, channel);
        devices = List.of(reset, cmos, console, control, system, dma, pci);
        console.setWake(this::askForAttention);
        control.setWake(this::askForAttention);
        reset.setListener(this::askForAttention);
        connect(ports, mmio);
    }

    private void connect(PortBus ports, MmioBus mmio) {
        ports.register(Cmos.INDEX, 2, counters.ports("cmos", cmos));
        ports.register(COM1, COM_PORTS, counters.ports("com1", console));
        ports.register(COM2, COM_PORTS, counters.ports("com2", control));
        PortDevice countedSystem = counters.ports("system", system);
        ports.register(SystemControl.KEYBOARD_DATA, 1, countedSystem);
        ports.register(SystemControl.KEYBOARD_COMMAND, 1, countedSystem);
        ports.register(SystemControl.PORT_A, 1, countedSystem);
        PortDevice countedDma = counters.ports("dma", dma);
        ports.register(LegacyDma.CONTROLLER1, LegacyDma.CONTROLLER1_PORTS, countedDma);
        ports.register(LegacyDma.PAGES, LegacyDma.PAGES_PORTS, countedDma);
        ports.register(LegacyDma.CONTROLLER2, LegacyDma.CONTROLLER2_PORTS, countedDma);
        ports.register(PciHost.ADDRESS, 8, counters.ports("pci", pci));
        mmio.register(ChannelDevice.DOORBELL_BASE, ChannelHardware.DOORBELL_SIZE, counters.mmio("channel", channel));
    }

    private void askForAttention() {
        attention = true;
        wake.run();
    }

    /** What to call, on any thread, when something outside needs somebody to call {@link #advance} soon. */
    public void setWake(Runnable wake) {
        this.wake = wake;
    }

    /** What to tell, on the thread that uses the devices, each time {@link #nextDeadlineNanos()} may have changed. */
    public void setDeadlineListener(LongConsumer listener) {
        cmos.setDeadlineListener(() -> listener.accept(nextDeadlineNanos()));
    }

    /** Whether something from outside waits for {@link #advance}. Any thread. */
    public boolean attention() {
        return attention;
    }

    @Override
    public long nextDeadlineNanos() {
        return cmos.nextDeadlineNanos();
    }

    @Override
    public void advance(long nowNanos) {
        if (attention) {
            // Cleared first: what arrives from now on sets it again.
            attention = false;
            console.poll();
            control.poll();
        }
        cmos.advance(nowNanos);
    }

    /** What asked for a reset of the machine, or null. A triple fault is the CPU's to report. */
    public @Nullable String resetRequested() {
        return reset.reason();
    }

    /** Port and memory-mapped accesses by device. */
    public Map<String, Long> exits() {
        return counters.snapshot();
    }

    @Override
    public void save(StateWriter out) {
        out.section("pc-devices", 1);
        devices.forEach(d -> d.save(out));
    }

    @Override
    public void load(StateReader in) {
        in.section("pc-devices", 1);
        devices.forEach(d -> d.load(in));
        // Bytes offered to the ports before the load are still there to be taken.
        attention = true;
    }
}
