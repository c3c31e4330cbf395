package dev.runinvm.engine.para;

import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import dev.runinvm.engine.machine.TimeSource;

/** The virtual CPU's timers: the single-shot one of vcpu_op and set_timer_op, and the periodic one. */
final class Timers implements Stateful {
    /** No deadline. */
    static final long NEVER = Long.MAX_VALUE;

    private static final long SHORTEST_PERIOD = 1_000_000;

    private final TimeSource time;
    private final SharedInfo shared;
    private final EventChannels events;
    private final Runnable changed;
    /** System time of the next shot; {@link #NEVER} if there is none. */
    private long singleshot = NEVER;

    private long period;
    private long nextTick = NEVER;
    long expired;

    /**
     * Without any deadline.
     *
     * @param changed called after the next deadline may have changed
     */
    Timers(TimeSource time, SharedInfo shared, EventChannels events, Runnable changed) {
        this.time = time;
        this.shared = shared;
        this.events = events;
        this.changed = changed;
    }

    /** Sets the single-shot timer, in nanoseconds of system time. */
    void arm(long systemNanos) {
        singleshot = systemNanos;
        changed.run();
    }

    void disarm() {
        singleshot = NEVER;
        changed.run();
    }

    /** Starts the periodic timer, or stops it with 0. */
    void setPeriod(long nanos) {
        if (nanos != 0 && nanos < SHORTEST_PERIOD) {
            throw XenError.invalid();
        }
        period = nanos;
        nextTick = nanos == 0 ? NEVER : shared.systemTime() + nanos;
        changed.run();
    }

    /** When something is to be done next, by {@link TimeSource#nanos()}. */
    long deadlineNanos() {
        long next = Math.min(singleshot, nextTick);
        if (next == NEVER) {
            return NEVER;
        }
        long left = next - shared.systemTime();
        return left > 3_600_000_000_000L * 24 ? NEVER : time.nanos() + Math.max(0, left);
    }

    /** Raises VIRQ_TIMER for what has come due. */
    void advance() {
        long now = shared.systemTime();
        if (singleshot <= now) {
            singleshot = NEVER;
            expired++;
            events.raise(EventChannels.VIRQ_TIMER);
        }
        if (nextTick <= now) {
            nextTick = now + period;
            expired++;
            events.raise(EventChannels.VIRQ_TIMER);
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("timers", 1);
        out.putLong("singleshot", singleshot);
        out.putLong("period", period);
        out.putLong("nextTick", nextTick);
    }

    @Override
    public void load(StateReader in) {
        in.section("timers", 1);
        singleshot = in.getLong("singleshot");
        period = in.getLong("period");
        nextTick = in.getLong("nextTick");
    }
}
