package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.GuestMemory;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * The back end of a console: two rings in a page of the guest's (xen/include/public/io/console.h). Its indices are the
 * guest's; whatever they are, no more than a ring is read or written.
 */
final class ConsoleRing {
    private static final int IN_SIZE = 1024;
    private static final int OUT = 1024;
    private static final int OUT_SIZE = 2048;
    private static final int IN_CONSUMER = 3072;
    private static final int IN_PRODUCER = 3076;
    private static final int OUT_CONSUMER = 3080;
    private static final int OUT_PRODUCER = 3084;

    private final GuestMemory memory;
    private final long page;
    private final EventChannels events;
    private final OtherOps.Output output;
    private int port;
    private final ConcurrentLinkedQueue<byte[]> typed = new ConcurrentLinkedQueue<>();
    private byte @Nullable [] current;
    private int currentAt;
    long bytesOut;

    /**
     * A back end for the ring in a page of RAM.
     *
     * @param output what takes the guest's output
     */
    ConsoleRing(GuestMemory memory, long page, EventChannels events, OtherOps.Output output) {
        this.memory = memory;
        this.page = page;
        this.events = events;
        this.output = output;
    }

    long page() {
        return page;
    }

    void setPort(int port) {
        this.port = port;
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
}
