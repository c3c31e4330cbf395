package dev.runinvm.engine;

import org.jspecify.annotations.Nullable;

/** The guest did something it cannot go on from: a panic, a triple fault, a power-off, a broken protocol. */
public final class GuestFailure extends VmException {
    private static final long serialVersionUID = 1L;

    public GuestFailure(String message) {
        this(message, null);
    }

    public GuestFailure(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
