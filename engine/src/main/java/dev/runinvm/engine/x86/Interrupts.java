package dev.runinvm.engine.x86;

import dev.runinvm.engine.EngineBug;

/** Delivery of exceptions and interrupts through the IDT. */
public final class Interrupts {
    private Interrupts() {}

    public static void raise(Cpu cpu, CpuException exception) {
        throw new EngineBug("not there yet");
    }

    public static void deliver(Cpu cpu, int vector, boolean hasError, int error, boolean software) {
        throw new EngineBug("not there yet");
    }

    public static boolean acceptIfPending(Cpu cpu) {
        throw new EngineBug("not there yet");
    }
}
