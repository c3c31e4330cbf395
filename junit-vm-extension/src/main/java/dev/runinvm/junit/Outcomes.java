package dev.runinvm.junit;

import dev.runinvm.engine.GuestFailure;
import dev.runinvm.wire.GuestMessage;
import org.jspecify.annotations.Nullable;
import org.opentest4j.TestAbortedException;

/** What the host throws so that its node ends as the guest's did. */
final class Outcomes {
    private Outcomes() {}

    /** Null for success. */
    static @Nullable Throwable throwable(GuestRun run, NodeState end) {
        if (end.skipReason != null) {
            return new TestAbortedException("disabled in the guest: " + end.skipReason);
        }
        if (end.outcome == GuestMessage.Outcome.SUCCESSFUL) {
            return null;
        }
        Throwable thrown = end.thrown == null ? null : run.rebuild(end.thrown);
        if (end.outcome == GuestMessage.Outcome.ABORTED) {
            return thrown instanceof TestAbortedException
                    ? thrown
                    : new TestAbortedException(thrown == null ? "aborted in the guest" : thrown.getMessage(), thrown);
        }
        return thrown != null ? thrown : new GuestFailure(end.node.displayName() + " failed in the guest");
    }

    /** Throws anything from where only unchecked exceptions may be. */
    @SuppressWarnings("unchecked")
    static <T extends Throwable> T sneaky(Throwable t) throws T {
        throw (T) t;
    }
}
