package dev.runinvm.engine.direct;

/**
 * How direct execution is to work.
 *
 * @param maxMirrors address spaces kept mirrored at once, each with a process of its own; at least 1
 * @param faultAround pages looked at around a page fault; a power of two from 1 to 512
 * @param pinToCpu whether to keep the virtual CPU's thread and the guest's process on one CPU of the host: a wake-up
 *     that crosses CPUs costs several times as much
 * @param cpuidFaulting whether CPUID is to trap, where the CPU can do that
 */
public record DirectOptions(int maxMirrors, int faultAround, boolean pinToCpu, boolean cpuidFaulting) {
    public DirectOptions {
        if (maxMirrors < 1) {
            throw new IllegalArgumentException("at least one mirror, not " + maxMirrors);
        }
        if (Integer.bitCount(faultAround) != 1 || faultAround > 512) {
            throw new IllegalArgumentException("fault-around must be a power of two from 1 to 512, not " + faultAround);
        }
    }

    /** What suits most. */
    public static DirectOptions standard() {
        return new DirectOptions(12, 16, true, true);
    }
}
