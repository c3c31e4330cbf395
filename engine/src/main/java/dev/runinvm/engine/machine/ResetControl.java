package dev.runinvm.engine.machine;

import org.jspecify.annotations.Nullable;

/** Where the several ways to reset a PC meet. The machine only notes the wish; the vCPU's loop acts on it. */
public final class ResetControl implements Stateful {
    private @Nullable String reason;
    private Runnable listener = () -> {};

    /** What to call, on the vCPU's thread, so that the guest does not run on after it asked. */
    void setListener(Runnable listener) {
        this.listener = listener;
    }

    /** Asks for a reset; the first one asked for counts. */
    void request(String by) {
        if (reason == null) {
            reason = by;
        }
        listener.run();
    }

    /** What asked for a reset, or null if nothing did. */
    public @Nullable String reason() {
        return reason;
    }

    @Override
    public void save(StateWriter out) {
        out.section("reset", 1);
        out.putBytes("reason", reason == null ? new byte[0] : reason.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    @Override
    public void load(StateReader in) {
        in.section("reset", 1);
        byte[] bytes = in.getBytes("reason");
        reason = bytes.length == 0 ? null : new String(bytes, java.nio.charset.StandardCharsets.UTF_8);
    }
}
