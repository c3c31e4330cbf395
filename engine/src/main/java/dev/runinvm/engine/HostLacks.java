package dev.runinvm.engine;

import org.jspecify.annotations.Nullable;

/** The machine we run on, or what the user gave us, lacks something; the message says what and what to do. */
public final class HostLacks extends VmException {
    private static final long serialVersionUID = 1L;

    public HostLacks(String message) {
        this(message, null);
    }

    public HostLacks(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
