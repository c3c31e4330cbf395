package dev.runinvm.engine.machine;

/** The wire from one device to one input of the interrupt controllers. */
public final class IrqLine {
    private final IrqInputs inputs;
    private final int irq;

    IrqLine(IrqInputs inputs, int irq) {
        this.inputs = inputs;
        this.irq = irq;
    }

    /** Number of the input, 0 to 15. */
    public int irq() {
        return irq;
    }

    /** Drives the wire high or low. */
    public void set(boolean level) {
        inputs.setLine(irq, level);
    }

    /** A rising edge whatever the wire was before; it stays high. */
    public void strobe() {
        inputs.setLine(irq, false);
        inputs.setLine(irq, true);
    }
}
