package dev.runinvm.agent;

import dev.runinvm.wire.HostMessage;
import dev.runinvm.wire.ProtocolException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.function.Supplier;

/** The bytes of what the host puts into the guest as they arrive, after their announcement. */
final class Arrival extends InputStream {
    private final HostMessage.Put put;
    private final Supplier<HostMessage> messages;
    private final MessageDigest digest = sha256();
    private long left;
    private byte[] part = {};
    private int at;
    private boolean finished;

    Arrival(HostMessage.Put put, Supplier<HostMessage> messages) {
        this.put = put;
        this.messages = messages;
        this.left = put.size();
    }

    /**
     * The next bytes, none at the end.
     *
     * @throws ProtocolException if something else comes, or more than was announced
     */
    byte[] next() {
        if (at < part.length) {
            byte[] rest = Arrays.copyOfRange(part, at, part.length);
            at = part.length;
            return rest;
        }
        byte[] bytes = {};
        while (left > 0 && bytes.length == 0) {
            if (!(messages.get() instanceof HostMessage.Data data)) {
                throw new ProtocolException(left + " bytes of " + put.name() + " are due, and something else came");
            }
            bytes = data.bytes();
            if (bytes.length > left) {
                throw new ProtocolException("more bytes of " + put.name() + " came than announced");
            }
            digest.update(bytes);
            left -= bytes.length;
        }
        return bytes;
    }

    private boolean fill() {
        if (at == part.length) {
            part = next();
            at = 0;
        }
        return part.length > 0;
    }

    @Override
    public int read() {
        return fill() ? part[at++] & 0xff : -1;
    }

    @Override
    public int read(byte[] target, int offset, int length) {
        if (length == 0) {
            return 0;
        }
        if (!fill()) {
            return -1;
        }
        int n = Math.min(length, part.length - at);
        System.arraycopy(part, at, target, offset, n);
        at += n;
        return n;
    }

    /** Writes all of it to a new file, of which nothing stays if that fails. */
    void write(Path file) throws IOException {
        boolean done = false;
        try (OutputStream out = Unpacker.create(file)) {
            byte[] bytes;
            while ((bytes = next()).length > 0) {
                out.write(bytes);
            }
            done = true;
        } finally {
            if (!done) {
                Files.deleteIfExists(file);
            }
        }
    }

    /**
     * Takes what nobody has read. May be called again.
     *
     * @throws ProtocolException if all of it is not what was announced
     */
    void finish() {
        if (finished) {
            return;
        }
        finished = true;
        at = part.length;
        while (left > 0) {
            next();
        }
        String hash = HexFormat.of().formatHex(digest.digest());
        if (!hash.equals(put.hash())) {
            throw new ProtocolException(put.name() + " arrived with hash " + hash + ", announced was " + put.hash());
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
