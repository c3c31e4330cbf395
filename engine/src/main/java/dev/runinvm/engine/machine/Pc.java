package dev.runinvm.engine.machine;

import dev.runinvm.wire.ChannelHardware;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A plain PC without firmware, ACPI, APIC or any hint that it is not one: interrupt controllers, interval timer,
 * clock, two serial ports, PCI with the channel device.
 *
 * <p>Everything runs on the vCPU's thread, except {@link Uart16550#offer} and {@link #attention()}. The vCPU's loop:
 *
 * <pre>
 *   pc.pic.setIntrListener(make the processor come back soon);
 *   pc.setDeadlineListener(make it come back at that time, as {@link DeadlineAlarm#arm} does);
 *   pc.setWake(make it come back soon, from any thread, and wake it if it sleeps);
 *   loop:
 *     if (pc.attention() || now &gt;= pc.nextDeadlineNanos()) pc.advance(now);
 *     if (pc.resetRequested() != null) end;
 *     if (pc.pic.pending() &amp;&amp; interrupts enabled) deliver(pc.pic.acknowledge());
 *     run the processor, or sleep until pc.nextDeadlineNanos() if it is halted
 * </pre>
 */
public final class Pc implements TimedDevice, Stateful {
    /** Ports of the console. */
    public static final int COM1 = 0x3f8;
    /** Ports of the stream of the guest's init. */
    public static final int COM2 = 0x2f8;

    private static final int COM_PORTS = 8;
    private static final int CHANNEL_SLOT = 3;

    public final GuestMemory memory;
    public final PortBus ports;
    public final MmioBus mmio;
    public final TimeSource time;
    public final Pic8259 pic = new Pic8259();
    public final Pit8254 pit;
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
    private final ExitCounters counters = new ExitCounters();
    private final List<Stateful> devices;
    private volatile boolean attention;
    private volatile Runnable wake = () -> {};

    /** Builds the machine and connects it to the buses, which may hold other devices already. */
    public Pc(GuestMemory memory, PortBus ports, MmioBus mmio, TimeSource time, DoorbellHandler doorbell) {
        this.memory = memory;
        this.ports = ports;
        this.mmio = mmio;
        this.time = time;
        pit = new Pit8254(time, pic.line(0));
        cmos = new Cmos(time, pic.line(8), memory.lowSize());
        console = new Uart16550("com1", COM1, pic.line(4));
        control = new Uart16550("com2", COM2, pic.line(3));
        system = new SystemControl(time, pit, reset);
        pci = new PciHost(reset);
        channel = new ChannelDevice(doorbell);
        pci.add(CHANNEL_SLOT, channel);
        devices = List.of(reset, pic, pit, cmos, console, control, system, dma, pci);
        console.setWake(this::askForAttention);
        control.setWake(this::askForAttention);
        reset.setListener(this::askForAttention);
        connect();
    }

    private void connect() {
        PortDevice countedPic = counters.ports("pic", pic);
        ports.register(Pic8259.MASTER_COMMAND, 2, countedPic);
        ports.register(Pic8259.SLAVE_COMMAND, 2, countedPic);
        ports.register(Pic8259.MASTER_ELCR, 2, countedPic);
        ports.register(Pit8254.BASE, 4, counters.ports("pit", pit));
        ports.register(Cmos.INDEX, 2, counters.ports("cmos", cmos));
        ports.register(COM1, COM_PORTS, counters.ports("com1", console));
        ports.register(COM2, COM_PORTS, counters.ports("com2", control));
        PortDevice countedSystem = counters.ports("system", system);
        ports.register(SystemControl.KEYBOARD_DATA, 2, countedSystem);
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

    /** What to call, on any thread, when something outside needs a sleeping or running vCPU to call {@link #advance}. */
    public void setWake(Runnable wake) {
        this.wake = wake;
    }

    /**
     * What to tell, on the vCPU's thread, each time {@link #nextDeadlineNanos()} may have changed: a guest that sets its
     * timer does so in the middle of a run.
     */
    public void setDeadlineListener(LongConsumer listener) {
        Runnable changed = () -> listener.accept(nextDeadlineNanos());
        pit.setDeadlineListener(changed);
        cmos.setDeadlineListener(changed);
    }

    /** Whether something from outside waits for {@link #advance}. Any thread. */
    public boolean attention() {
        return attention;
    }

    @Override
    public long nextDeadlineNanos() {
        return Math.min(pit.nextDeadlineNanos(), cmos.nextDeadlineNanos());
    }

    @Override
    public void advance(long nowNanos) {
        if (attention) {
            // Cleared first: what arrives from now on sets it again.
            attention = false;
            console.poll();
            control.poll();
        }
        pit.advance(nowNanos);
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
        out.section("pc", 1);
        devices.forEach(d -> d.save(out));
    }

    @Override
    public void load(StateReader in) {
        in.section("pc", 1);
        devices.forEach(d -> d.load(in));
        // Bytes offered to the ports before the load are still there to be taken.
        attention = true;
    }
}
