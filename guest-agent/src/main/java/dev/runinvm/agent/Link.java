package dev.runinvm.agent;

import dev.runinvm.wire.FrameReader;
import dev.runinvm.wire.FrameWriter;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import dev.runinvm.wire.ProtocolException;
import dev.runinvm.wire.Window;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** The agent's end of the channel. Thread-safe. */
final class Link {
    /** The vCPU stands still while the agent waits; now and then the rest of the guest gets a turn. */
    private static final int WAIT_MILLIS = 500;
    /** Set where a debugger may be connected; then the agent waits in the guest: the program that forwards has to run. */
    private static final boolean DEBUGGED = Boolean.getBoolean("runinvm.debugged");

    private static final long NAP_NANOS = 5_000_000;

    private final Doorbell doorbell;
    private final FrameReader reader;
    private final FrameWriter writer;
    private final Object reading = new Object();
    private final Object writing = new Object();
    private boolean unflushed;

    Link(ByteBuffer memory, Doorbell doorbell) {
        Window window = Window.open(memory);
        this.reader = new FrameReader(window.reader());
        this.writer = new FrameWriter(window.writer());
        this.doorbell = doorbell;
    }

    /** Writes a message; the host sees it at the next {@link #flush} at the latest. */
    void send(GuestMessage message) {
        byte[] bytes = GuestMessage.encode(message);
        synchronized (writing) {
            writer.add(bytes);
            unflushed = true;
            while (writer.queued() > 0) {
                long before = writer.queued();
                doorbell.flush();
                writer.pump();
                if (writer.queued() == before) {
                    throw new ProtocolException("the host takes nothing from a full ring");
                }
            }
        }
    }

    /** Has the host take what was sent. */
    void flush() {
        synchronized (writing) {
            if (unflushed) {
                unflushed = false;
                doorbell.flush();
            }
        }
    }

    /** The next message if it is there. */
    @Nullable
    HostMessage poll() {
        synchronized (reading) {
            byte[] bytes = reader.poll();
            return bytes == null ? null : HostMessage.decode(bytes);
        }
    }

    /** The next message, waited for in the host. */
    HostMessage receive() {
        while (true) {
            HostMessage message = poll();
            if (message != null) {
                return message;
            }
            if (DEBUGGED) {
                doorbell.flush();
                LockSupport.parkNanos(NAP_NANOS);
            } else {
                doorbell.await(WAIT_MILLIS);
            }
        }
    }

    /** Leaves the host some time to write. */
    void pause() {
        doorbell.await(10);
    }

    void goodbye() {
        doorbell.goodbye();
    }
}
