package dev.runinvm.engine;

import org.jspecify.annotations.Nullable;

/** The engine met something it should have handled; the message holds what a bug report needs. */
public final class EngineBug extends VmException {
    private static final long serialVersionUID = 1L;

    public EngineBug(String message) {
        this(message, null);
    }

    public EngineBug(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
