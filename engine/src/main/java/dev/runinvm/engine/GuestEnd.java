package dev.runinvm.engine;

/**
 * How a guest ended.
 *
 * @param kind what happened
 * @param detail one sentence for people, naming what ended and how
 */
public record GuestEnd(Kind kind, String detail) {
    /** What ended a guest. */
    public enum Kind {
        /** The guest switched itself off or halted. */
        POWER_OFF,
        /** The guest reset itself without a known reason. */
        REBOOT,
        /** The guest's kernel panicked. */
        PANIC,
        /** The CPU met a triple fault. */
        TRIPLE_FAULT,
        /** The agent, or the command that the guest was started for, ended; then the guest did. */
        AGENT_EXITED,
        /** {@link Vm#close()} was called. */
        KILLED,
        /** The engine could not go on; our fault or the machine's. */
        ENGINE_ERROR
    }

    @Override
    public String toString() {
        return kind + ": " + detail;
    }
}
