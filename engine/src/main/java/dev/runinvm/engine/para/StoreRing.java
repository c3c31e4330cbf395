package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.GuestMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** The rings through which the guest talks to its xenstore (xen/include/public/io/xs_wire.h). */
final class StoreRing {
    private static final int SIZE = 1024;
    private static final int RESPONSES = 1024;
    private static final int REQUEST_CONSUMER = 2048;
    private static final int REQUEST_PRODUCER = 2052;
    private static final int RESPONSE_CONSUMER = 2056;
    private static final int RESPONSE_PRODUCER = 2060;

    private final GuestMemory memory;
    private final long page;
    private final XenStore store;
    private final EventChannels events;
    private int port;

    private final byte[] header = new byte[XenStore.HEADER];
    private int headerBytes;
    private byte @Nullable [] payload;
    private int payloadBytes;
    private byte @Nullable [] sending;
    private int sent;
    /** The guest has sent nonsense: there is no way to find the next message's start. */
    private boolean broken;

    StoreRing(GuestMemory memory, long page, XenStore store, EventChannels events) {
        this.memory = memory;
        this.page = page;
        this.store = store;
        this.events = events;
    }

    void setPort(int port) {
        this.port = port;
    }

    /** The guest has notified us. */
    void notified() {
        boolean moved = receive();
        if (send() || moved) {
            events.notifyGuest(port);
        }
    }

    /** Sends what a back end's change has made to be sent. */
    void flush() {
        if (send()) {
            events.notifyGuest(port);
        }
    }

    private boolean receive() {
        int consumer = memory.getInt(page + REQUEST_CONSUMER);
        int count = memory.getInt(page + REQUEST_PRODUCER) - consumer;
        if (count <= 0 || count > SIZE || broken) {
            return false;
        }
        for (int i = 0; i < count && !broken; i++) {
            if (store.congested()) {
                send();
            }
            take(memory.getByte(page + (consumer + i & SIZE - 1)));
        }
        memory.putInt(page + REQUEST_CONSUMER, consumer + count);
        return true;
    }

    private void take(byte b) {
        if (payload == null) {
            header[headerBytes++] = b;
            if (headerBytes < header.length) {
                return;
            }
            int length = field(3);
            if (length < 0 || length > XenStore.PAYLOAD_MOST) {
                broken = true;
                return;
            }
            payload = new byte[length];
            payloadBytes = 0;
        } else {
            payload[payloadBytes++] = b;
        }
        if (payloadBytes == payload.length) {
            byte[] complete = payload;
            payload = null;
            headerBytes = 0;
            store.request(field(0), field(1), field(2), complete);
        }
    }

    private int field(int n) {
        return ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).getInt(4 * n);
    }

    private boolean send() {
        int producer = memory.getInt(page + RESPONSE_PRODUCER);
        int used = producer - memory.getInt(page + RESPONSE_CONSUMER);
        if (used < 0 || used > SIZE) {
            return false;
        }
        boolean wrote = false;
        while (used < SIZE) {
            if (sending == null || sent == sending.length) {
                sending = store.poll();
                sent = 0;
                if (sending == null) {
                    break;
                }
            }
            memory.putByte(page + RESPONSES + (producer & SIZE - 1), sending[sent++]);
            producer++;
            used++;
            wrote = true;
        }
        memory.putInt(page + RESPONSE_PRODUCER, producer);
        return wrote;
    }
}
