package dev.runinvm.engine.para;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * The back end of a console: two rings in a page of the guest's (xen/include/public/io/console.h). Its indices are the
 * guest's; whatever they are, no more than a ring is read or written.
 */
final class ConsoleRing implements Stateful {
    private static final int IN_SIZE = 1024;
    private static final int OUT = 1024;
    private static final int OUT_SIZE = 2048;
    private static final int IN_CONSUMER = 3072;
    private static final int IN_PRODUCER = 3076;
    private static final int OUT_CONSUMER = 3080;
    private static final int OUT_PRODUCER = 3084;

    private final GuestMemory memory;
    private long page;
    private final EventChannels events;
    private final OtherOps.Output output;
    private int port;
    private final Runnable peer = this::notified;
    private final ConcurrentLinkedQueue<byte[]> typed = new ConcurrentLinkedQueue<>();
    private byte @Nullable [] current;
    private int currentAt;
    long bytesOut;

    /**
     * A back end that is not connected.
     *
     * @param output what takes the guest's output
     */
    ConsoleRing(GuestMemory memory, EventChannels events, OtherOps.Output output) {
        this.memory = memory;
        this.events = events;
        this.output = output;
    }

    long page() {
        return page;
    }

    /** Connects it with the kernel's own ring, in a page of RAM, and a channel made for it. */
    void begin(long ringPage) {
        page = ringPage;
        port = events.connected(peer);
    }

    /**
     * Connects it with a ring of the guest's.
     *
     * @return whether the guest has such a channel
     */
    boolean connect(long ringPage, int channel) {
        page = ringPage;
        port = channel;
        return events.connect(channel, peer);
    }

    /** Whether the guest has not closed the channel. */
    boolean isConnected() {
        return events.isConnected(port, peer);
    }

    /** Queues input for the guest; {@link #poll} hands it over. Any thread. */
    void offer(byte[] bytes) {
        typed.add(bytes.clone());
    }

    /** The guest has notified us: takes its output, and gives it more input if it has made room. */
    void notified() {
        int consumer = memory.getInt(page + OUT_CONSUMER);
        int count = memory.getInt(page + OUT_PRODUCER) - consumer;
        if (count > 0 && count <= OUT_SIZE) {
            byte[] bytes = new byte[count];
            for (int i = 0; i < count; i++) {
                bytes[i] = memory.getByte(page + OUT + (consumer + i & OUT_SIZE - 1));
            }
            output.accept(bytes, 0, count);
            bytesOut += count;
        }
        if (count != 0) {
            // Nobody waits for room by an event: the driver tries again.
            memory.putInt(page + OUT_CONSUMER, consumer + count);
        }
        poll();
    }

    /** Hands queued input over, as far as there is room. The vCPU's thread. */
    void poll() {
        int producer = memory.getInt(page + IN_PRODUCER);
        int used = producer - memory.getInt(page + IN_CONSUMER);
        if (used < 0 || used > IN_SIZE) {
            return; // nonsense: nothing is written until the guest mends it
        }
        boolean wrote = false;
        while (used < IN_SIZE) {
            if (current == null || currentAt == current.length) {
                current = typed.poll();
                currentAt = 0;
                if (current == null) {
                    break;
                }
                continue;
            }
            memory.putByte(page + (producer & IN_SIZE - 1), current[currentAt++]);
            producer++;
            used++;
            wrote = true;
        }
        if (wrote) {
            memory.putInt(page + IN_PRODUCER, producer);
            events.notifyGuest(port);
        }
    }

    /** Input that the guest has not taken is the host's, and not written down. */
    @Override
    public void save(StateWriter out) {
        out.section("console-ring", 1);
        out.putLong("page", page);
        out.putInt("port", port);
        out.putBoolean("connected", isConnected());
    }

    @Override
    public void load(StateReader in) {
        in.section("console-ring", 1);
        page = in.getLong("page");
        port = in.getInt("port");
        if ((page & 4095) != 0 || !memory.isMemory(page)) {
            throw new HostLacks("the saved state puts a console's ring at 0x" + Long.toHexString(page));
        }
        if (in.getBoolean("connected")) {
            events.reconnect(port, peer);
        }
    }
}
