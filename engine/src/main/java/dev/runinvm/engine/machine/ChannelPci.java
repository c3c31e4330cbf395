package dev.runinvm.engine.machine;

import dev.runinvm.wire.ChannelHardware;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A PCI bus with nothing on it but the channel's function, for guests that have no PC around them. */
public final class ChannelPci implements Stateful {
    private static final int SLOT = 3;

    private final ResetControl reset = new ResetControl();
    private final PciHost pci = new PciHost(reset);
    private final ExitCounters counters = new ExitCounters();

    /** Connects it to the buses. */
    public ChannelPci(PortBus ports, MmioBus mmio, DoorbellHandler doorbell) {
        ChannelDevice channel = new ChannelDevice(doorbell);
        pci.add(SLOT, channel);
        ports.register(PciHost.ADDRESS, 8, counters.ports("pci", pci));
        mmio.register(ChannelDevice.DOORBELL_BASE, ChannelHardware.DOORBELL_SIZE, counters.mmio("channel", channel));
    }

    /** What asked for a reset of the machine, or null. */
    public @Nullable String resetRequested() {
        return reset.reason();
    }

    /** Port and memory-mapped accesses by device. */
    public Map<String, Long> exits() {
        return counters.snapshot();
    }

    @Override
    public void save(StateWriter out) {
        out.section("channel-pci", 1);
        reset.save(out);
        pci.save(out);
    }

    @Override
    public void load(StateReader in) {
        in.section("channel-pci", 1);
        reset.load(in);
        pci.load(in);
    }
}
