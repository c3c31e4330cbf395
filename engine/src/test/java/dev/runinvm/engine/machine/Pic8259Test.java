package dev.runinvm.engine.machine;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class Pic8259Test {
    private static final int MASTER = 0x20;
    private static final int SLAVE = 0xa0;

    private final Pic8259 pic = new Pic8259();

    private void out(int port, int value) {
        pic.out(port, 1, value);
    }

    private int in(int port) {
        return pic.in(port, 1);
    }

    /** arch/x86/kernel/i8259.c, init_8259A(0), then all unmasked. */
    private void initAsLinux() {
        out(MASTER + 1, 0xff);
        out(MASTER, 0x11);
        out(MASTER + 1, 0x30);
        out(MASTER + 1, 1 << 2);
        out(MASTER + 1, 0x01);
        out(SLAVE, 0x11);
        out(SLAVE + 1, 0x38);
        out(SLAVE + 1, 2);
        out(SLAVE + 1, 0x01);
        out(MASTER + 1, 0);
        out(SLAVE + 1, 0);
    }

    private void raise(int irq) {
        pic.line(irq).set(true);
    }

    private void eoi(int port) {
        out(port, 0x20);
    }

    @Test
    void linuxProbesTheMaskRegister() {
        out(SLAVE + 1, 0xff);
        out(MASTER + 1, ~(1 << 2));
        assertEquals(0xfb, in(MASTER + 1));
        assertEquals(0xff, in(SLAVE + 1));
    }

    @Test
    void anEdgeIsOneInterrupt() {
        initAsLinux();
        assertFalse(pic.pending());
        raise(4);
        assertTrue(pic.pending());
        assertEquals(0x34, pic.acknowledge());
        eoi(MASTER);
        assertFalse(pic.pending());
        pic.line(4).set(false);
        raise(4);
        assertEquals(0x34, pic.acknowledge());
    }

    @Test
    void aMaskedRequestWaits() {
        initAsLinux();
        out(MASTER + 1, 1 << 3);
        raise(3);
        assertFalse(pic.pending());
        assertEquals(1 << 3, in(MASTER), "IRR reads after initialisation");
        out(MASTER + 1, 0);
        assertEquals(0x33, pic.acknowledge());
    }

    @Test
    void onlyHigherPrioritiesInterruptAService() {
        initAsLinux();
        raise(4);
        assertEquals(0x34, pic.acknowledge());
        raise(5);
        assertFalse(pic.pending());
        raise(0);
        assertEquals(0x30, pic.acknowledge());
        out(MASTER, 0x0b);
        assertEquals(0x11, in(MASTER), "ISR");
        eoi(MASTER);
        assertFalse(pic.pending());
        eoi(MASTER);
        assertEquals(0x35, pic.acknowledge());
    }

    @Test
    void theSlaveIsServedThroughTheCascadeAsLinuxDoes() {
        initAsLinux();
        raise(8);
        assertEquals(0x38, pic.acknowledge());
        // mask_and_ack_8259A: mask, specific EOI to the slave, then to the cascade.
        out(SLAVE + 1, 0x01);
        out(SLAVE, 0x60);
        out(MASTER, 0x62);
        assertFalse(pic.pending());
        out(MASTER, 0x0b);
        out(SLAVE, 0x0b);
        assertEquals(0, in(MASTER));
        assertEquals(0, in(SLAVE));
        raise(12);
        assertEquals(0x3c, pic.acknowledge());
    }

    @Test
    void aSecondSlaveRequestComesAfterTheFirstIsEnded() {
        initAsLinux();
        raise(14);
        raise(9);
        assertEquals(0x39, pic.acknowledge());
        assertFalse(pic.pending());
        out(SLAVE, 0x61);
        out(MASTER, 0x62);
        assertEquals(0x3e, pic.acknowledge());
    }

    @Test
    void specialFullyNestedLetsAHigherSlaveRequestIn() {
        initAsLinux();
        out(MASTER, 0x11);
        out(MASTER + 1, 0x30);
        out(MASTER + 1, 4);
        out(MASTER + 1, 0x11);
        raise(14);
        assertEquals(0x3e, pic.acknowledge());
        raise(8);
        assertEquals(0x38, pic.acknowledge());
    }

    @Test
    void aRequestThatGoesAwayIsSpurious() {
        initAsLinux();
        raise(4);
        pic.line(4).set(false);
        assertFalse(pic.pending());
        assertEquals(0x37, pic.acknowledge());
        out(MASTER, 0x0b);
        assertEquals(0, in(MASTER), "a spurious interrupt is not in service");
        assertEquals(1, pic.spuriousCount());
    }

    @Test
    void aLevelComesAgainUntilItGoes() {
        initAsLinux();
        out(0x4d1, 0x08);
        raise(11);
        assertEquals(0x3b, pic.acknowledge());
        out(SLAVE, 0x20);
        out(MASTER, 0x20);
        assertEquals(0x3b, pic.acknowledge());
        pic.line(11).set(false);
        out(SLAVE, 0x20);
        out(MASTER, 0x20);
        assertFalse(pic.pending());
    }

    @Test
    void elcrKeepsTheFixedEdgeInputs() {
        out(0x4d0, 0xff);
        out(0x4d1, 0xff);
        assertEquals(0xf8, in(0x4d0));
        assertEquals(0xde, in(0x4d1));
    }

    @Test
    void specialMaskLetsLowerPrioritiesIn() {
        initAsLinux();
        raise(1);
        assertEquals(0x31, pic.acknowledge());
        raise(6);
        assertFalse(pic.pending());
        out(MASTER + 1, 1 << 1);
        out(MASTER, 0x68);
        assertEquals(0x36, pic.acknowledge());
    }

    @Test
    void automaticEoiLeavesNothingInService() {
        initAsLinux();
        out(MASTER, 0x11);
        out(MASTER + 1, 0x30);
        out(MASTER + 1, 4);
        out(MASTER + 1, 0x03);
        raise(5);
        assertEquals(0x35, pic.acknowledge());
        out(MASTER, 0x0b);
        assertEquals(0, in(MASTER));
    }

    @Test
    void rotationMakesTheServedInputTheLowest() {
        initAsLinux();
        raise(3);
        pic.acknowledge();
        out(MASTER, 0xa0);
        raise(4);
        pic.line(3).set(false);
        raise(3);
        assertEquals(0x34, pic.acknowledge());
        out(MASTER, 0x20);
        out(MASTER, 0xc7);
        raise(6);
        assertEquals(0x33, pic.acknowledge(), "set priority puts 0 on top again");
    }

    @Test
    void pollAcknowledges() {
        initAsLinux();
        raise(7);
        out(MASTER, 0x0c);
        assertEquals(0x87, in(MASTER));
        out(MASTER, 0x0b);
        assertEquals(0x80, in(MASTER));
        out(MASTER, 0x20);
        out(MASTER, 0x0c);
        assertEquals(0, in(MASTER) & 0x80);
    }

    @Test
    void initialisationForgetsEdges() {
        initAsLinux();
        raise(4);
        initAsLinux();
        assertFalse(pic.pending());
    }

    @Test
    void theListenerHearsOfEveryRiseOfIntr() {
        AtomicInteger rises = new AtomicInteger();
        initAsLinux();
        pic.setIntrListener(rises::incrementAndGet);
        raise(4);
        raise(5);
        assertEquals(1, rises.get());
        pic.acknowledge();
        assertFalse(pic.pending());
        eoi(MASTER);
        assertEquals(2, rises.get(), "the end of one lets the next in");
        out(MASTER + 1, 1 << 5);
        assertFalse(pic.pending());
        out(MASTER + 1, 0);
        assertEquals(3, rises.get(), "unmasked");
    }
}
