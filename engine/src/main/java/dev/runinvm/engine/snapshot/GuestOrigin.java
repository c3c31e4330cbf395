package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.direct.DirectEngine;
import dev.runinvm.engine.direct.HostCpu;
import dev.runinvm.engine.image.PreparedImage;
import dev.runinvm.engine.machine.FirstTouches;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.x86.CodeCache;
import org.jspecify.annotations.Nullable;

/**
 * Where a guest whose processor is ours comes from: it boots, or goes on from a snapshot, and then knows what guests from
 * there have found out before it, and finds out for those to come.
 */
public final class GuestOrigin {
    private final @Nullable SnapshotFile snapshot;
    /** What another guest from there has touched first. */
    private final @Nullable FirstTouches known;
    /** What this one touches, if no other has told. */
    private final @Nullable FirstTouches noted;

    /** @param snapshot null for a guest that boots */
    public GuestOrigin(@Nullable SnapshotFile snapshot) {
        this.snapshot = snapshot;
        known = snapshot == null ? null : snapshot.firstTouches();
        noted = snapshot == null || known != null ? null : new FirstTouches();
    }

    /** Whether it is a snapshot. */
    public boolean isSnapshot() {
        return snapshot != null;
    }

    /** What the guest's first phase ends with, for its console. */
    public String firstPhase() {
        return isSnapshot() ? "restored" : "loaded";
    }

    /**
     * What the snapshot holds beside the guest's memory; null for a guest that boots.
     *
     * @param tscHz pace of the time-stamp counter here
     * @throws SnapshotUnusable if it cannot be used here
     */
    public @Nullable GuestState state(long tscHz) {
        return snapshot == null ? null : GuestState.open(snapshot, tscHz);
    }

    /** Gives a guest from a snapshot the memory it had. */
    public void fill(GuestMemory memory, GuestState state, PreparedImage image) {
        if (snapshot != null) {
            state.header().fillMemory(snapshot, memory, image);
        }
        if (known != null) {
            memory.makePrivate(known.written());
        }
    }

    /**
     * Prepares direct execution of the guest, whose processor and devices have their state.
     *
     * @param state null for a guest that boots
     */
    public DirectEngine direct(GuestMemory memory, HostCpu host, @Nullable GuestState state) {
        DirectEngine direct = DirectEngine.open(memory, host);
        try {
            if (state != null) {
                state.restore(direct);
            }
        } catch (RuntimeException e) {
            direct.close();
            throw e;
        }
        if (known != null) {
            direct.mapAhead(known);
        }
        if (noted != null) {
            memory.note(noted);
            direct.note(noted);
        }
        return direct;
    }

    /** Has decoded code shared with the other guests from the snapshot. */
    public void share(CodeCache code) {
        if (snapshot != null) {
            code.share(KnownCode.of(snapshot));
        }
    }

    /** The guest has ended: keeps what it has found out. */
    public void ended() {
        if (snapshot != null && noted != null) {
            snapshot.keep(noted);
        }
    }
}
