package dev.runinvm.client;

import dev.runinvm.engine.GuestChannel;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.Vm;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import dev.runinvm.wire.ProtocolException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Messages to and from one guest's agent. */
public final class GuestLink {
    /** Is told of messages, on the thread that sends or receives them. */
    public interface Listener {
        /** A message went to the guest. */
        default void sent(HostMessage message) {}

        /** A message came from the guest. */
        default void received(GuestMessage message) {}
    }

    /** Tests and containers of one plan; the largest suites have a tenth of that. */
    private static final int MOST_NODES = 2_000_000;

    private final GuestChannel channel;
    private final Listener listener;
    /** What has come of a plan so far; used by one receiver at a time. */
    private final List<GuestMessage.Node> planned = new ArrayList<>();

    /** The link to this guest. */
    public GuestLink(Vm vm) {
        this(vm, new Listener() {});
    }

    /** The link to this guest, with somebody who is told of all that goes either way. */
    public GuestLink(Vm vm, Listener listener) {
        this.channel = vm.channel();
        this.listener = listener;
    }

    /**
     * Queues a message.
     *
     * @throws GuestFailure if the guest has ended
     */
    public void send(HostMessage message) {
        channel.send(HostMessage.encode(message));
        listener.sent(message);
    }

    /**
     * The next message. A plan that comes in parts is one message.
     *
     * @throws GuestFailure if the guest has ended or what it wrote is no message
     */
    public Optional<GuestMessage> receive(Duration timeout) throws InterruptedException {
        Optional<byte[]> bytes = channel.receive(timeout);
        try {
            Optional<GuestMessage> message = bytes.map(GuestMessage::decode).flatMap(this::whole);
            message.ifPresent(listener::received);
            return message;
        } catch (ProtocolException e) {
            throw new GuestFailure("the guest broke the channel's protocol: " + e.getMessage(), e);
        }
    }

    private Optional<GuestMessage> whole(GuestMessage message) {
        if (message instanceof GuestMessage.Planned part) {
            if (planned.size() + part.nodes().size() > MOST_NODES) {
                throw new ProtocolException("a plan of more than " + MOST_NODES + " tests and containers");
            }
            planned.addAll(part.nodes());
            return Optional.empty();
        }
        if (message instanceof GuestMessage.Discovered last && !planned.isEmpty()) {
            planned.addAll(last.nodes());
            List<GuestMessage.Node> nodes = List.copyOf(planned);
            planned.clear();
            return Optional.of(new GuestMessage.Discovered(last.platform(), nodes, last.missing()));
        }
        return Optional.of(message);
    }

    /** Sends one entry of the class path. */
    public void put(ClassPath.Entry entry) throws IOException {
        send(new HostMessage.Put(entry.hash(), entry.kind(), entry.name(), entry.size()));
        byte[] zip = entry.zip();
        if (zip != null) {
            for (int at = 0; at < zip.length; at += HostMessage.MAX_DATA) {
                int end = Math.min(zip.length, at + HostMessage.MAX_DATA);
                send(new HostMessage.Data(Arrays.copyOfRange(zip, at, end)));
            }
            return;
        }
        try (InputStream in = Files.newInputStream(entry.path())) {
            byte[] part;
            while ((part = in.readNBytes(HostMessage.MAX_DATA)).length > 0) {
                send(new HostMessage.Data(part));
            }
        }
    }
}
