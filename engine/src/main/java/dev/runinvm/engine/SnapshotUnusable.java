package dev.runinvm.engine;

import org.jspecify.annotations.Nullable;

/**
 * A snapshot cannot be restored: it is damaged, of another version, or older than the machine's last start. Nobody's fault
 * that matters: it is made anew. The message says why, in a clause whose subject is the snapshot.
 */
public final class SnapshotUnusable extends VmException {
    private static final long serialVersionUID = 1L;

    public SnapshotUnusable(String message) {
        this(message, null);
    }

    public SnapshotUnusable(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
