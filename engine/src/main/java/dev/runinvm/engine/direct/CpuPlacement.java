package dev.runinvm.engine.direct;

import dev.runinvm.engine.os.Host;

/**
 * Keeps the virtual CPU's thread and the processes of its guest on one CPU of the host, since they take turns and a
 * wake-up across CPUs costs several times as much. Every so often the thread is let go for a moment, so that the
 * host's scheduler can move it where there is room.
 */
final class CpuPlacement {
    /** How long the thread stays where it is, and how long it is let go for, in nanoseconds. */
    private static final long PINNED_NANOS = 200_000_000L;

    private static final long FREE_NANOS = 2_000_000L;

    private byte[] allowed = new byte[0];
    private boolean useless;
    private int cpu = -1;
    private long next;

    /** To be called on the virtual CPU's thread before guest code runs. */
    void place(Stub stub) {
        if (useless) {
            return;
        }
        long now = System.nanoTime();
        if (allowed.length == 0) {
            allowed = Host.affinity(0);
            int n = 0;
            for (byte b : allowed) {
                n += Integer.bitCount(b & 255);
            }
            if (n < 2) {
                useless = true;
                return;
            }
            pin(now);
        } else if (now - next >= 0) {
            if (cpu >= 0) {
                Host.setAffinity(0, allowed);
                cpu = -1;
                next = now + FREE_NANOS;
            } else {
                pin(now);
            }
        }
        if (cpu >= 0 && stub.pinnedCpu != cpu) {
            stub.pinTo(cpu);
        }
    }

    private void pin(long now) {
        cpu = Host.currentCpu();
        if (!Host.setAffinity(0, Host.onlyCpu(cpu))) {
            useless = true;
        }
        next = now + PINNED_NANOS;
    }
}
