package dev.runinvm.engine.x86;

/**
 * A fault while delivering #DF: the processor shuts down, which a PC's board answers with a reset (SDM vol. 3, 6.15,
 * interrupt 8). Control flow, hence no stack trace.
 */
public final class TripleFault extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TripleFault(String message) {
        super(message, null, false, false);
    }
}
