package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import org.jspecify.annotations.Nullable;

/** A further console on the bus, /dev/hvc1 and on in the guest: a ring in a page it grants. */
final class ConsoleBackend implements XenBus.Backend {
    private final GuestMemory memory;
    private final XenStore store;
    private final GrantTables grants;
    private final EventChannels events;
    private final OtherOps.Output output;
    private @Nullable ConsoleRing ring;

    ConsoleBackend(
            GuestMemory memory, XenStore store, GrantTables grants, EventChannels events, OtherOps.Output output) {
        this.memory = memory;
        this.store = store;
        this.grants = grants;
        this.events = events;
        this.output = output;
    }

    @Override
    public boolean connect(String front, String back) {
        int port = store.readNumber(front + "/port");
        long page = grants.page(store.readNumber(front + "/ring-ref"), true);
        if (page < 0) {
            return false;
        }
        ring = new ConsoleRing(memory, events, output);
        return ring.connect(page, port);
    }

    @Override
    public void disconnect() {
        ring = null; // the event channel holds it, and the guest closes that
    }

    @Override
    public void save(StateWriter out) {
        out.section("console-backend", 1);
        ConsoleRing r = ring;
        boolean connected = r != null && r.isConnected();
        out.putBoolean("connected", connected);
        if (r != null && connected) {
            r.save(out);
        }
    }

    @Override
    public void load(StateReader in) {
        in.section("console-backend", 1);
        ring = null;
        if (in.getBoolean("connected")) {
            ring = new ConsoleRing(memory, events, output);
            ring.load(in);
        }
    }
}
