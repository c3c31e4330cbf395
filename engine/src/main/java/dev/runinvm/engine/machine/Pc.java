package dev.runinvm.engine.machine;

import java.util.Map;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A plain PC without firmware, ACPI, APIC or any hint that it is not one: interrupt controllers and interval timer,
 * beside {@link PcDevices}.
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
    public final LegacyDma dma;
    public final SystemControl system;
    public final TimerGatePort timerGate;
    private final PcDevices devices;
    private final ExitCounters counters = new ExitCounters();

    /** Builds the machine and connects it to the buses, which may hold other devices already. */
    public Pc(GuestMemory memory, PortBus ports, MmioBus mmio, TimeSource time, DoorbellHandler doorbell) {
        this.memory = memory;
        this.ports = ports;
        this.mmio = mmio;
        this.time = time;
        pit = new Pit8254(time, pic.line(0));
        timerGate = new TimerGatePort(time, pit);
        devices = new PcDevices(ports, mmio, time, pic, memory.lowSize(), doorbell, counters);
        cmos = devices.cmos;
        console = devices.console;
        control = devices.control;
        pci = devices.pci;
        channel = devices.channel;
        dma = devices.dma;
        system = devices.system;
        connect();
    }

    private void connect() {
        PortDevice countedPic = counters.ports("pic", pic);
        ports.register(Pic8259.MASTER_COMMAND, 2, countedPic);
        ports.register(Pic8259.SLAVE_COMMAND, 2, countedPic);
        ports.register(Pic8259.MASTER_ELCR, 2, countedPic);
        ports.register(Pit8254.BASE, 4, counters.ports("pit", pit));
        ports.register(TimerGatePort.PORT, 1, counters.ports("timer-gate", timerGate));
        ports.register(PmTimer.PORT, PmTimer.PORTS, counters.ports("pm-timer", new PmTimer(time)));
    }

    /** What to call, on any thread, when something outside needs a sleeping or running vCPU to call {@link #advance}. */
    public void setWake(Runnable wake) {
        devices.setWake(wake);
    }

    /**
     * What to tell, on the vCPU's thread, each time {@link #nextDeadlineNanos()} may have changed: a guest that sets its
     * timer does so in the middle of a run.
     */
    public void setDeadlineListener(LongConsumer listener) {
        pit.setDeadlineListener(() -> listener.accept(nextDeadlineNanos()));
        devices.setDeadlineListener(deadline -> listener.accept(nextDeadlineNanos()));
    }

    /** Whether something from outside waits for {@link #advance}. Any thread. */
    public boolean attention() {
        return devices.attention();
    }

    @Override
    public long nextDeadlineNanos() {
        return Math.min(pit.nextDeadlineNanos(), devices.nextDeadlineNanos());
    }

    @Override
    public void advance(long nowNanos) {
        devices.advance(nowNanos);
        pit.advance(nowNanos);
    }

    /** What asked for a reset of the machine, or null. A triple fault is the CPU's to report. */
    public @Nullable String resetRequested() {
        return devices.resetRequested();
    }

    /** Port and memory-mapped accesses by device. */
    public Map<String, Long> exits() {
        return counters.snapshot();
    }

    @Override
    public void save(StateWriter out) {
        out.section("pc", 2);
        pic.save(out);
        pit.save(out);
        timerGate.save(out);
        devices.save(out);
    }

    @Override
    public void load(StateReader in) {
        in.section("pc", 2);
        pic.load(in);
        pit.load(in);
        timerGate.load(in);
        devices.load(in);
    }
}
