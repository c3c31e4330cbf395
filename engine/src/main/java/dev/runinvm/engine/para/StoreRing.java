package dev.runinvm.engine.para;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** The rings through which the guest talks to its xenstore (xen/include/public/io/xs_wire.h). */
final class StoreRing implements Stateful {
    private static final int SIZE = 1024;
    private static final int RESPONSES = 1024;
    private static final int REQUEST_CONSUMER = 2048;
    private static final int REQUEST_PRODUCER = 2052;
    private static final int RESPONSE_CONSUMER = 2056;
    private static final int RESPONSE_PRODUCER = 2060;

    private final GuestMemory memory;
    private long page;
    private final XenStore store;
    private final EventChannels events;
    private int port;
    private final Runnable peer = this::notified;

    private final byte[] header = new byte[XenStore.HEADER];
    private int headerBytes;
    private byte @Nullable [] payload;
    private int payloadBytes;
    private byte @Nullable [] sending;
    private int sent;
    /** The guest has sent nonsense: there is no way to find the next message's start. */
    private boolean broken;

    StoreRing(GuestMemory memory, XenStore store, EventChannels events) {
        this.memory = memory;
        this.store = store;
        this.events = events;
    }

    /** Connects it with the ring in a page of RAM, and a channel made for it. */
    void begin(long ringPage) {
        page = ringPage;
        port = events.connected(peer);
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

    @Override
    public void save(StateWriter out) {
        out.section("store-ring", 1);
        out.putLong("page", page);
        out.putInt("port", port);
        out.putBytes("header", header);
        out.putInt("headerBytes", headerBytes);
        put(out, "payload", payload);
        out.putInt("payloadBytes", payloadBytes);
        put(out, "sending", sending);
        out.putInt("sent", sent);
        out.putBoolean("broken", broken);
        out.putBoolean("connected", events.isConnected(port, peer));
    }

    private static void put(StateWriter out, String name, byte @Nullable [] bytes) {
        out.putBoolean(name + "Present", bytes != null);
        out.putBytes(name, bytes == null ? new byte[0] : bytes);
    }

    private static byte @Nullable [] get(StateReader in, String name) {
        boolean present = in.getBoolean(name + "Present");
        byte[] bytes = in.getBytes(name);
        return present ? bytes : null;
    }

    @Override
    public void load(StateReader in) {
        in.section("store-ring", 1);
        page = in.getLong("page");
        port = in.getInt("port");
        in.getBytes("header", header);
        headerBytes = in.getInt("headerBytes");
        payload = get(in, "payload");
        payloadBytes = in.getInt("payloadBytes");
        sending = get(in, "sending");
        sent = in.getInt("sent");
        broken = in.getBoolean("broken");
        if ((page & 4095) != 0
                || !memory.isMemory(page)
                || headerBytes < 0
                || headerBytes >= header.length && payload == null
                || payloadBytes < 0
                || payload != null && payloadBytes > payload.length
                || sent < 0
                || sending != null && sent > sending.length) {
            throw new HostLacks("the saved state of the guest's xenstore ring is impossible");
        }
        if (in.getBoolean("connected")) {
            events.reconnect(port, peer);
        }
    }
}
