package dev.runinvm.engine.machine;

/** The wire from one device to one input of the interrupt controllers. */
public final class IrqLine {
    private final Pic8259 pic;
    private final int irq;

    IrqLine(Pic8259 pic, int irq) {
        this.pic = pic;
        this.irq = irq;
    }

    /** Number of the input, 0 to 15. */
    public int irq() {
        return irq;
    }

    /** Drives the wire high or low. */
    public void set(boolean level) {
        pic.setLine(irq, level);
    }

    /** A rising edge whatever the wire was before; it stays high. */
    public void strobe() {
        pic.setLine(irq, false);
        pic.setLine(irq, true);
    }
}
