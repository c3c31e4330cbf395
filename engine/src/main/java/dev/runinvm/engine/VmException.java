package dev.runinvm.engine;

import org.jspecify.annotations.Nullable;

/** Base of everything the engine throws on purpose. The subclass says at whose door the fault lies. */
public abstract sealed class VmException extends RuntimeException
        permits GuestFailure, HostLacks, EngineBug, SnapshotUnusable {
    private static final long serialVersionUID = 1L;

    VmException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
