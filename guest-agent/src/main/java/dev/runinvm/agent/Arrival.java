package dev.runinvm.agent;

import dev.runinvm.wire.HostMessage;
import dev.runinvm.wire.ProtocolException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.function.Supplier;

/** The bytes of one piece of the class path as they arrive, after its announcement. */
final class Arrival extends InputStream {
    private final HostMessage.Put put;
    private final Supplier<HostMessage> messages;
    private final MessageDigest digest = sha256();
    private long left;
    private byte[] part = {};
    private int at;

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

    /**
     * Takes what nobody has read.
     *
     * @throws ProtocolException if all of it is not what was announced
     */
    void finish() {
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
