package dev.runinvm.engine.hw;

import dev.runinvm.engine.machine.DeadlineAlarm;
import dev.runinvm.engine.machine.DoorbellHandler;
import dev.runinvm.engine.machine.ExitCounters;
import dev.runinvm.engine.machine.IrqInputs;
import dev.runinvm.engine.machine.MmioBus;
import dev.runinvm.engine.machine.PcDevices;
import dev.runinvm.engine.machine.PortBus;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.TimeSource;
import dev.runinvm.engine.os.kvm.KvmVm;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The devices of a guest whose interrupt controllers and timer are KVM's, shared by its processors: one at a time uses
 * them, but for the channel's doorbell, which may take its time. What comes from outside is seen to by a thread of the
 * board's own, so no processor need leave its guest for it.
 */
final class Board implements AutoCloseable {
    private final PortBus ports = new PortBus();
    private final MmioBus mmio = new MmioBus();
    private final KvmVm vm;
    private final TimeSource time;
    private final PcDevices devices;
    private final DeadlineAlarm alarm;
    private final Object lock = new Object();

    private boolean closed;
    /** Levels of the interrupt lines, to spare KVM a call for each that stays as it is. Guarded by the lock. */
    private int levels;

    Board(KvmVm vm, TimeSource time, long lowRam, DoorbellHandler doorbell) {
        this.vm = vm;
        this.time = time;
        IrqInputs inputs = (irq, level) -> {
            int changed = level ? levels | 1 << irq : levels & ~(1 << irq);
            if (changed != levels) {
                levels = changed;
                vm.setInterruptLine(irq, level);
            }
        };
        devices = new PcDevices(ports, mmio, time, inputs, lowRam, doorbell, new ExitCounters());
        alarm = new DeadlineAlarm(time, this::advance);
        devices.setDeadlineListener(deadline -> alarm.arm(devices.attention() ? 0 : deadline));
        devices.setWake(() -> alarm.arm(0));
    }

    PcDevices devices() {
        return devices;
    }

    private void advance() {
        synchronized (lock) {
            if (closed) {
                return;
            }
            devices.advance(time.nanos());
            alarm.arm(devices.attention() ? 0 : devices.nextDeadlineNanos());
        }
    }

    int in(int port, int size) {
        synchronized (lock) {
            return ports.in(port, size);
        }
    }

    void out(int port, int size, int value) {
        synchronized (lock) {
            ports.out(port, size, value);
        }
    }

    /** Reads 1 to 8 bytes; KVM splits accesses at pages, and may do so at any byte. */
    long read(long physical, int size) {
        if (Integer.bitCount(size) == 1) {
            return mmio.read(physical, size);
        }
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= mmio.read(physical + i, 1) << 8 * i;
        }
        return value;
    }

    /** Writes 1 to 8 bytes. */
    void write(long physical, int size, long value) {
        if (Integer.bitCount(size) == 1) {
            mmio.write(physical, size, value);
            return;
        }
        for (int i = 0; i < size; i++) {
            mmio.write(physical + i, 1, value >> 8 * i & 0xff);
        }
    }

    /** What asked for a reset of the machine, or null. */
    @Nullable
    String resetRequested() {
        synchronized (lock) {
            return devices.resetRequested();
        }
    }

    /**
     * Writes down all devices, KVM's and ours, of one moment as far as interrupts of ours are concerned. No processor is in the
     * guest.
     */
    void save(StateWriter out) {
        synchronized (lock) {
            out.section("board", 1);
            vm.interruptControllers().forEach(chip -> out.putBytes("interruptController", chip));
            out.putBytes("timer", vm.timer());
            out.putLong("clockNanos", vm.clockNanos());
            out.putInt("levels", levels);
            devices.save(out);
        }
    }

    /** Replaces the state of all devices by what {@link #save} wrote. No processor is in the guest. */
    void load(StateReader in) {
        synchronized (lock) {
            in.section("board", 1);
            List<byte[]> chips = new ArrayList<>();
            for (byte[] now : vm.interruptControllers()) {
                byte[] chip = new byte[now.length];
                in.getBytes("interruptController", chip);
                chips.add(chip);
            }
            byte[] timer = new byte[vm.timer().length];
            in.getBytes("timer", timer);
            vm.setInterruptControllers(chips);
            vm.setTimer(timer);
            vm.setClockNanos(in.getLong("clockNanos"));
            levels = in.getInt("levels") & 0xffff;
            for (int irq = 0; irq < 16; irq++) {
                if ((levels >> irq & 1) != 0) {
                    // The controllers know the level already, so this is no new interrupt; KVM's memory of whose it is,
                    // is lost.
                    vm.setInterruptLine(irq, true);
                }
            }
            devices.load(in);
        }
        alarm.arm(0);
    }

    Map<String, Long> exits() {
        return devices.exits();
    }

    /** Ends the board's thread; afterwards it touches the machine no more. */
    @Override
    public void close() {
        alarm.close();
        synchronized (lock) {
            closed = true; // a call of the alarm's may be under way
        }
    }
}
