package dev.runinvm.engine.machine;

/** What the CPU sees of the interrupt controllers: the INTR pin and the acknowledge cycle. vCPU's thread only. */
public interface InterruptController {
    /** Whether INTR is asserted. */
    boolean pending();

    /** Interrupt acknowledge: the vector to deliver; only valid while {@link #pending()}. */
    int acknowledge();
}
