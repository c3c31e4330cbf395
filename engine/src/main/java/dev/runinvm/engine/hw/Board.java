package dev.runinvm.engine.hw;

import dev.runinvm.engine.machine.DeadlineAlarm;
import dev.runinvm.engine.machine.DoorbellHandler;
import dev.runinvm.engine.machine.ExitCounters;
import dev.runinvm.engine.machine.IrqInputs;
import dev.runinvm.engine.machine.MmioBus;
import dev.runinvm.engine.machine.PcDevices;
import dev.runinvm.engine.machine.PortBus;
import dev.runinvm.engine.machine.TimeSource;
import dev.runinvm.engine.os.kvm.KvmVm;
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
    private final TimeSource time;
    private final PcDevices devices;
    private final DeadlineAlarm alarm;
    private final Object lock = new Object();

    private boolean closed;
    /** Levels of the interrupt lines, to spare KVM a call for each that stays as it is. Guarded by the lock. */
    private int levels;

    Board(KvmVm vm, TimeSource time, long lowRam, DoorbellHandler doorbell) {
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
