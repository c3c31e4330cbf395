package dev.runinvm.engine.machine;

/** The sixteen inputs of a PC's interrupt controllers, whoever emulates these. */
public interface IrqInputs {
    /** Input 2 of the first controller is where the second one is connected. */
    int CASCADE = 2;

    /**
     * Drives an input high or low. Called on every change of a device's state, mostly with the level it has already.
     *
     * @param irq 0 to 15
     */
    void setLine(int irq, boolean level);

    /**
     * The wire to one input.
     *
     * @param irq 0 to 15, but not {@link #CASCADE}, which is not a device's
     */
    default IrqLine line(int irq) {
        if (irq < 0 || irq > 15 || irq == CASCADE) {
            throw new IllegalArgumentException("no device can use IRQ " + irq);
        }
        return new IrqLine(this, irq);
    }
}
