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
import java.util.Arrays;
import java.util.Optional;

/** Messages to and from one guest's agent. */
public final class GuestLink {
    private final GuestChannel channel;

    /** The link to this guest. */
    public GuestLink(Vm vm) {
        this.channel = vm.channel();
    }

    /**
     * Queues a message.
     *
     * @throws GuestFailure if the guest has ended
     */
    public void send(HostMessage message) {
        channel.send(HostMessage.encode(message));
    }

    /**
     * The next message.
     *
     * @throws GuestFailure if the guest has ended or what it wrote is no message
     */
    public Optional<GuestMessage> receive(Duration timeout) throws InterruptedException {
        Optional<byte[]> bytes = channel.receive(timeout);
        try {
            return bytes.map(GuestMessage::decode);
        } catch (ProtocolException e) {
            throw new GuestFailure("the guest broke the channel's protocol: " + e.getMessage(), e);
        }
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
