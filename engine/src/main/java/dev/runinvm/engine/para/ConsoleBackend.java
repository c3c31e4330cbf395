package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.GuestMemory;

/** A further console on the bus, /dev/hvc1 and on in the guest: a ring in a page it grants. */
final class ConsoleBackend implements XenBus.Backend {
    private final GuestMemory memory;
    private final XenStore store;
    private final GrantTables grants;
    private final EventChannels events;
    private final OtherOps.Output output;

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
        ConsoleRing connected = new ConsoleRing(memory, page, events, output);
        connected.setPort(port);
        if (!events.connect(port, connected::notified)) {
            return false;
        }
        return true;
    }

    @Override
    public void disconnect() {
        // nothing is kept: the event channel holds the ring, and the guest closes that
    }
}
