package dev.runinvm.engine.machine;

import dev.runinvm.engine.HostLacks;

/**
 * The 8254 interval timer (Intel 231164-005) at ports 0x40 to 0x43: channel 0 drives IRQ 0, channel 2 the speaker and
 * the calibration loops of operating systems through port 0x61.
 *
 * <p>Nothing ticks. Time is {@link TimeSource#nanos()} turned into ticks of the 1.193182 MHz input, and a channel
 * knows its output and count at any tick from when and with what it was loaded.
 */
public final class Pit8254 implements PortDevice, TimedDevice, Stateful {
    /** Input clock in hertz. */
    public static final long HZ = 1_193_182;

    static final int BASE = 0x40;
    private static final int CONTROL = 0x43;
    private static final long SECOND = 1_000_000_000L;

    private final TimeSource time;
    private final IrqLine irq0;
    private final Channel[] channels = {new Channel(), new Channel(), new Channel()};
    /** Tick of channel 0's next rising edge, or NEVER. */
    private long edge = NEVER;

    private long deadlineNanos = NEVER;
    private Runnable deadlineListener = () -> {};
    /** Interrupts that fell together because the vCPU came late. */
    private long coalesced;

    Pit8254(TimeSource time, IrqLine irq0) {
        this.time = time;
        this.irq0 = irq0;
        // The speaker's gate is low until port 0x61 raises it; the other two are wired high.
        channels[2].gate = false;
    }

    /** What to call, on the vCPU's thread, when the next deadline was worked out anew. */
    void setDeadlineListener(Runnable listener) {
        deadlineListener = listener;
    }

    /** Ticks since the machine was switched on. */
    static long ticks(long nanos) {
        return nanos / SECOND * HZ + nanos % SECOND * HZ / SECOND;
    }

    /** The first nanosecond at which {@link #ticks} reaches a tick. */
    static long nanosOf(long tick) {
        return tick / HZ * SECOND + (tick % HZ * SECOND + HZ - 1) / HZ;
    }

    /** Sets the gate of channel 2 (port 0x61, bit 0). */
    void setGate2(boolean high) {
        channels[2].setGate(high, ticks(time.nanos()));
    }

    /** Gate of channel 2. */
    boolean gate2() {
        return channels[2].gate;
    }

    /** OUT pin of channel 2 (port 0x61, bit 5). */
    boolean output2() {
        return channels[2].output(ticks(time.nanos()));
    }

    /** Interrupts of channel 0 that were due but fell together with a later one. */
    public long coalescedCount() {
        return coalesced;
    }

    @Override
    public long nextDeadlineNanos() {
        return deadlineNanos;
    }

    @Override
    public void advance(long nowNanos) {
        if (nowNanos < deadlineNanos) {
            return;
        }
        long now = ticks(nowNanos);
        coalesced += channels[0].periodsBetween(edge, now);
        irq0.strobe();
        schedule(now);
    }

    private void schedule(long now) {
        edge = channels[0].nextEdge(now);
        deadlineNanos = edge == NEVER ? NEVER : nanosOf(edge);
        deadlineListener.run();
    }

    @Override
    public int in(int port, int size) {
        if (port == CONTROL) {
            return 0xff;
        }
        return channels[port - BASE].read(ticks(time.nanos()));
    }

    @Override
    public void out(int port, int size, int value) {
        long nanos = time.nanos();
        long now = ticks(nanos);
        int v = value & 0xff;
        int index = port == CONTROL ? v >> 6 : port - BASE;
        if (index == 0) {
            // What was due before this write must not be lost by it.
            advance(nanos);
        }
        if (port != CONTROL) {
            channels[index].write(v, now);
        } else if (index == 3) {
            for (int i = 0; i < 3; i++) {
                if ((v & 2 << i) != 0) {
                    channels[i].readBack((v & 0x20) == 0, (v & 0x10) == 0, now);
                }
            }
            return;
        } else if ((v & 0x30) == 0) {
            channels[index].latch(now);
            return;
        } else {
            channels[index].control(v & 0x3f);
        }
        if (index == 0) {
            if (!channels[0].output(now)) {
                irq0.set(false);
            }
            schedule(now);
        }
    }

    @Override
    public void save(StateWriter out) {
        out.section("pit8254", 2);
        out.putLong("edge", edge);
        out.putLong("deadlineNanos", deadlineNanos);
        out.putLong("coalesced", coalesced);
        for (int i = 0; i < 3; i++) {
            channels[i].save(out, i + ".");
        }
    }

    @Override
    public void load(StateReader in) {
        if (in.section("pit8254", 2) < 2) {
            throw new HostLacks("the saved timer is of an older version; make the snapshot anew");
        }
        edge = in.getLong("edge");
        deadlineNanos = in.getLong("deadlineNanos");
        coalesced = in.getLong("coalesced");
        for (int i = 0; i < 3; i++) {
            channels[i].load(in, i + ".");
        }
    }

    /** One counter. */
    private static final class Channel {
        /** Read/write bits of the control word: 1 low byte, 2 high byte, 3 low then high. */
        private int access = 3;

        private int mode;
        private boolean bcd;
        private boolean gate = true;

        /** A control word was written and no count since: the counter stands. */
        private boolean unprogrammed = true;
        /** Clocks of one period or shot, 1 to 65536. */
        private int count = 0x10000;
        /** Tick at which {@link #count} was or will be in the counting element. */
        private long loaded;
        /** Ticks counted when the gate stopped the counter, or -1 while it runs. */
        private long stoppedAt = -1;
        /** The count that follows at the end of the period (modes 2 and 3), or 0. */
        private int nextCount;
        /** Tick at which {@link #nextCount} takes over. */
        private long switchAt;

        private boolean writeHigh;
        private int writtenLow;
        private boolean readHigh;
        private boolean countLatched;
        private int latchedCount;
        private boolean statusLatched;
        private int latchedStatus;

        void control(int word) {
            access = word >> 4;
            mode = word >> 1 & 7;
            if (mode > 5) {
                mode -= 4;
            }
            bcd = (word & 1) != 0;
            unprogrammed = true;
            nextCount = 0;
            stoppedAt = -1;
            writeHigh = false;
            readHigh = false;
            countLatched = false;
            statusLatched = false;
        }

        private boolean periodic() {
            return mode == 2 || mode == 3;
        }

        void write(int v, long now) {
            if (access == 3 && !writeHigh) {
                writtenLow = v;
                writeHigh = true;
                if (mode == 0) {
                    // The first of two bytes stops the count and takes OUT low (datasheet, mode 0).
                    unprogrammed = true;
                }
                return;
            }
            writeHigh = false;
            int raw = access == 1 ? v : access == 2 ? v << 8 : writtenLow | v << 8;
            load(decode(raw), now);
        }

        private int decode(int raw) {
            int n = bcd ? (raw >> 12) * 1000 + (raw >> 8 & 15) * 100 + (raw >> 4 & 15) * 10 + (raw & 15) : raw;
            return n != 0 ? n : bcd ? 10000 : 0x10000;
        }

        private void load(int n, long now) {
            if (periodic() && !unprogrammed) {
                roll(now);
                nextCount = n;
                switchAt = now < loaded ? loaded : loaded + ((now - loaded) / count + 1) * count;
                return;
            }
            boolean triggered = mode == 1 || mode == 5;
            boolean wasStanding = unprogrammed;
            unprogrammed = false;
            if (triggered && !wasStanding) {
                nextCount = n;
                return;
            }
            count = n;
            loaded = now + 1;
            // Modes 1 and 5 stand until the gate rises.
            stoppedAt = triggered ? Long.MAX_VALUE : gate ? -1 : 0;
        }

        void setGate(boolean high, long now) {
            if (gate == high) {
                return;
            }
            roll(now);
            gate = high;
            if (unprogrammed) {
                return;
            }
            switch (mode) {
                case 1:
                case 5:
                    if (high) {
                        restart(now);
                    }
                    break;
                case 2:
                case 3:
                    if (high) {
                        restart(now);
                    } else {
                        stoppedAt = 0;
                    }
                    break;
                default:
                    if (high) {
                        loaded = now - stoppedAt;
                        stoppedAt = -1;
                    } else {
                        stoppedAt = Math.max(0, now - loaded);
                    }
                    break;
            }
        }

        /** A rising gate loads the newest count (modes 1, 2, 3 and 5). */
        private void restart(long now) {
            if (nextCount != 0) {
                count = nextCount;
                nextCount = 0;
            }
            loaded = now + 1;
            stoppedAt = -1;
        }

        /** Ticks counted since the load; negative in the clock before it, MAX_VALUE when waiting for a trigger. */
        private long elapsed(long now) {
            return stoppedAt >= 0 ? stoppedAt : now - loaded;
        }

        /** Takes over a new count of modes 2 and 3 once the old period is through. */
        private void roll(long now) {
            if (nextCount != 0 && periodic() && stoppedAt < 0 && now >= switchAt) {
                count = nextCount;
                nextCount = 0;
                loaded = switchAt;
            }
        }

        boolean output(long now) {
            if (unprogrammed) {
                return mode != 0;
            }
            roll(now);
            long d = elapsed(now);
            switch (mode) {
                case 0:
                    return d >= count;
                case 1:
                    return d < 0 || d >= count;
                case 2:
                    return stoppedAt >= 0 || d < 0 || d % count != count - 1;
                case 3:
                    return stoppedAt >= 0 || d < 0 || d % count < (count + 1) / 2;
                default:
                    return d != count;
            }
        }

        /** The count as the guest reads it. */
        private int current(long now) {
            roll(now);
            long d = unprogrammed ? 0 : Math.max(0, elapsed(now));
            long value;
            if (d == Long.MAX_VALUE) {
                value = count;
            } else if (mode == 2) {
                value = count - d % count;
            } else if (mode == 3) {
                value = count - 2 * d % count;
            } else {
                value = count - d;
            }
            if (!bcd) {
                return (int) (value & 0xffff);
            }
            int n = (int) Math.floorMod(value, 10000L);
            return n / 1000 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10;
        }

        void latch(long now) {
            if (!countLatched) {
                latchedCount = current(now);
                countLatched = true;
            }
        }

        void readBack(boolean wantCount, boolean wantStatus, long now) {
            if (wantCount) {
                latch(now);
            }
            if (wantStatus && !statusLatched) {
                boolean nullCount = unprogrammed || nextCount != 0 || elapsed(now) < 0;
                latchedStatus =
                        (output(now) ? 0x80 : 0) | (nullCount ? 0x40 : 0) | access << 4 | mode << 1 | (bcd ? 1 : 0);
                statusLatched = true;
            }
        }

        int read(long now) {
            if (statusLatched) {
                statusLatched = false;
                return latchedStatus;
            }
            int value = countLatched ? latchedCount : current(now);
            boolean high = access == 2 || access == 3 && readHigh;
            if (access == 3) {
                readHigh = !readHigh;
            }
            if (access != 3 || high) {
                countLatched = false;
            }
            return high ? value >> 8 : value & 0xff;
        }

        /** Tick of the next rising edge of OUT after {@code now}, or NEVER. */
        long nextEdge(long now) {
            if (unprogrammed || stoppedAt >= 0) {
                return NEVER;
            }
            roll(now);
            if (periodic()) {
                return now < loaded ? loaded + count : loaded + ((now - loaded) / count + 1) * count;
            }
            // The strobe of modes 4 and 5 is low for one clock and ends with the edge.
            long tick = loaded + count + (mode >= 4 ? 1 : 0);
            return tick > now ? tick : NEVER;
        }

        /** Whole periods from an edge until now. */
        long periodsBetween(long from, long now) {
            return periodic() ? (now - from) / count : 0;
        }

        void save(StateWriter out, String prefix) {
            out.putInt(prefix + "access", access);
            out.putInt(prefix + "mode", mode);
            out.putBoolean(prefix + "bcd", bcd);
            out.putBoolean(prefix + "gate", gate);
            out.putBoolean(prefix + "unprogrammed", unprogrammed);
            out.putInt(prefix + "count", count);
            out.putLong(prefix + "loaded", loaded);
            out.putLong(prefix + "stoppedAt", stoppedAt);
            out.putInt(prefix + "nextCount", nextCount);
            out.putLong(prefix + "switchAt", switchAt);
            out.putBoolean(prefix + "writeHigh", writeHigh);
            out.putInt(prefix + "writtenLow", writtenLow);
            out.putBoolean(prefix + "readHigh", readHigh);
            out.putBoolean(prefix + "countLatched", countLatched);
            out.putInt(prefix + "latchedCount", latchedCount);
            out.putBoolean(prefix + "statusLatched", statusLatched);
            out.putInt(prefix + "latchedStatus", latchedStatus);
        }

        void load(StateReader in, String prefix) {
            access = in.getInt(prefix + "access");
            mode = in.getInt(prefix + "mode");
            bcd = in.getBoolean(prefix + "bcd");
            gate = in.getBoolean(prefix + "gate");
            unprogrammed = in.getBoolean(prefix + "unprogrammed");
            count = Math.max(1, in.getInt(prefix + "count"));
            loaded = in.getLong(prefix + "loaded");
            stoppedAt = in.getLong(prefix + "stoppedAt");
            nextCount = in.getInt(prefix + "nextCount");
            switchAt = in.getLong(prefix + "switchAt");
            writeHigh = in.getBoolean(prefix + "writeHigh");
            writtenLow = in.getInt(prefix + "writtenLow");
            readHigh = in.getBoolean(prefix + "readHigh");
            countLatched = in.getBoolean(prefix + "countLatched");
            latchedCount = in.getInt(prefix + "latchedCount");
            statusLatched = in.getBoolean(prefix + "statusLatched");
            latchedStatus = in.getInt(prefix + "latchedStatus");
        }
    }
}
