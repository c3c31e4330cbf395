package dev.runinvm.wire;

import org.jspecify.annotations.Nullable;

/** The other side wrote something that the wire format does not allow; the message names what and where. */
public final class ProtocolException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ProtocolException(String message) {
        super(message);
    }

    public ProtocolException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
