package dev.runinvm.engine.x86;

import dev.runinvm.engine.EngineBug;

/** CPUID as the guest sees it. */
public final class CpuidModel {
    /**
     * Derives the guest's CPUID from the host's.
     *
     * @param hostXcr0 XCR0 of the host
     * @param tscHz frequency of the time-stamp counter
     */
    public CpuidModel(HostCpuid host, long hostXcr0, long tscHz) {}

    /** Executes CPUID: EAX and ECX in, EAX, EBX, ECX, EDX out, upper halves cleared. */
    public void execute(CpuState s) {
        throw new EngineBug("not there yet");
    }
}
