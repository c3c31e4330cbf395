package dev.runinvm.engine.machine;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class Uart16550Test {
    private static final int DATA = 0;
    private static final int IER = 1;
    private static final int IIR = 2;
    private static final int FCR = 2;
    private static final int LCR = 3;
    private static final int MCR = 4;
    private static final int LSR = 5;
    private static final int MSR = 6;
    private static final int SCRATCH = 7;

    private final Pic8259 pic = new Pic8259();
    private final Uart16550 uart = new Uart16550("com1", 0x3f8, pic.line(4));
    private final ByteArrayOutputStream sent = new ByteArrayOutputStream();

    @BeforeEach
    void connect() {
        uart.setSink(sent::write);
        pic.out(0x20, 1, 0x11);
        pic.out(0x21, 1, 0x30);
        pic.out(0x21, 1, 4);
        pic.out(0x21, 1, 1);
    }

    private int in(int register) {
        return uart.in(0x3f8 + register, 1);
    }

    private void out(int register, int value) {
        uart.out(0x3f8 + register, 1, value);
    }

    /** As Linux has an open port: 8 bits, FIFOs with trigger 8, DTR, RTS and OUT2 up. */
    private void open() {
        out(LCR, 0x03);
        out(FCR, 0x81);
        out(MCR, 0x0b);
    }

    private boolean interrupted() {
        if (!pic.pending()) {
            return false;
        }
        assertEquals(0x34, pic.acknowledge());
        pic.out(0x20, 1, 0x20);
        return true;
    }

    private void offer(String text) {
        uart.offer(text.getBytes(StandardCharsets.ISO_8859_1));
        uart.poll();
    }

    /** 8250_port.c, autoconfig and autoconfig_16550a, register by register. */
    @Test
    void linuxFindsA16550A() {
        out(IER, 0);
        assertEquals(0, in(IER) & 0x0f);
        out(IER, 0x0f);
        assertEquals(0x0f, in(IER) & 0x0f);
        out(IER, 0);

        int mcr = in(MCR);
        int lcr = in(LCR);
        out(MCR, 0x10 | 0x0a);
        assertEquals(0x90, in(MSR) & 0xf0, "loopback");
        out(MCR, mcr);

        out(LCR, 0xbf);
        out(2, 0);
        out(LCR, 0);
        out(FCR, 0x01);
        assertEquals(3, in(IIR) >> 6, "16550A");

        out(LCR, 0x80);
        assertNotEquals(0, in(2), "no EFR as a 16650 has at LCR = 0x80");
        out(LCR, 0xbf);
        assertNotEquals(0, in(2), "no EFR as a 16850 has at LCR = 0xbf");
        out(LCR, 0);
        int status1 = in(MCR);
        out(LCR, 0xe0);
        int status2 = in(2);
        out(LCR, 0);
        out(MCR, status1 ^ 0x10);
        out(LCR, 0xe0);
        int status3 = in(2);
        out(LCR, 0);
        out(MCR, status1);
        assertEquals(status2, status3, "not a NatSemi super I/O");

        out(LCR, 0);
        out(FCR, 0x21);
        assertEquals(0, in(IIR) >> 5 & 1, "no 64-byte FIFO");
        out(IER, 0x40);
        assertEquals(0, in(IER), "no UUE, not an XScale");

        out(LCR, lcr);
        out(SCRATCH, 0x5a);
        assertEquals(0x5a, in(SCRATCH));
        assertEquals(0, sent.size());
    }

    /** serial8250_do_startup's test for chips that lose the THRE interrupt, and the one for TXEN. */
    @Test
    void linuxNeedsNoWorkaround() {
        out(MCR, 0x08);
        assertEquals(0x60, in(LSR) & 0x60);
        out(IER, 0x02);
        assertEquals(0x02, in(IIR) & 0x0f);
        out(IER, 0);
        out(IER, 0x02);
        assertEquals(0x02, in(IIR) & 0x0f, "asserted again when enabled again");
        out(IER, 0);
        assertEquals(0x01, in(IIR) & 0x0f);
        out(IER, 0x02);
        assertEquals(0x60, in(LSR) & 0x60);
        assertEquals(0x02, in(IIR) & 0x0f);
    }

    @Test
    void divisorLatch() {
        out(LCR, 0x83);
        out(0, 1);
        out(1, 2);
        assertEquals(1, in(0));
        assertEquals(2, in(1));
        out(LCR, 0x03);
        assertEquals(0, in(IER));
        assertEquals(0, sent.size());
    }

    /** The driver's transmit loop: every interrupt is worth 16 bytes, none is lost, none comes afterwards. */
    @Test
    void transmitByInterrupts() {
        open();
        String text = "x".repeat(100);
        int at = 0;
        int interrupts = 0;
        out(IER, 0x07);
        while (interrupted()) {
            interrupts++;
            assertTrue(interrupts <= 8, "interrupt storm");
            while ((in(IIR) & 1) == 0) {
                assertEquals(0x60, in(LSR));
                for (int i = 0; i < 16 && at < text.length(); i++) {
                    out(DATA, text.charAt(at++));
                }
                if (at == text.length()) {
                    out(IER, 0x05);
                }
            }
        }
        assertEquals(text, sent.toString(StandardCharsets.ISO_8859_1));
        assertFalse(pic.pending());
    }

    /** The handler leaves after one look, so the next byte's interrupt must be an edge of its own. */
    @Test
    void eachWriteIsANewEdge() {
        open();
        out(IER, 0x02);
        for (int i = 0; i < 20; i++) {
            assertTrue(interrupted(), "interrupt " + i);
            assertEquals(0xc2, in(IIR));
            assertEquals(0xc1, in(IIR));
            out(DATA, i);
        }
        assertEquals(20, uart.sentBytes());
    }

    @Test
    void writingWithoutReadingIirIsANewEdgeToo() {
        open();
        out(IER, 0x02);
        assertTrue(interrupted());
        out(DATA, 'a');
        assertTrue(interrupted());
    }

    @Test
    void polledConsoleOutputMakesNoInterrupt() {
        open();
        for (char c : "Linux version".toCharArray()) {
            assertEquals(0x60, in(LSR) & 0x60);
            out(DATA, c);
        }
        assertEquals("Linux version", sent.toString(StandardCharsets.ISO_8859_1));
        assertFalse(pic.pending());
    }

    @Test
    void receiveByInterruptsInOrderWithoutLoss() {
        open();
        out(IER, 0x05);
        StringBuilder expected = new StringBuilder();
        for (int i = 0; i < 1000; i++) {
            expected.append((char) (i % 251));
        }
        for (int i = 0; i < 1000; i += 7) {
            offer(expected.substring(i, Math.min(1000, i + 7)));
        }
        StringBuilder got = new StringBuilder();
        assertTrue(interrupted());
        while ((in(IIR) & 1) == 0) {
            while ((in(LSR) & 1) != 0) {
                got.append((char) in(DATA));
            }
        }
        assertEquals(expected.toString(), got.toString());
        assertFalse(pic.pending());
        offer("z");
        assertTrue(interrupted(), "a new byte is a new edge");
        assertEquals(0xcc, in(IIR), "below the trigger level: character time-out");
        assertEquals('z', in(DATA));
        assertEquals(0xc1, in(IIR));
    }

    @Test
    void fullEnoughIsReceivedDataNotTimeout() {
        open();
        out(IER, 0x01);
        offer("12345678");
        assertEquals(0xc4, in(IIR));
        in(DATA);
        assertEquals(0xcc, in(IIR));
    }

    @Test
    void inputWaitsForRts() {
        offer("early");
        assertEquals(0, in(LSR) & 1);
        open();
        assertEquals(1, in(LSR) & 1);
        assertEquals('e', in(DATA));
        out(MCR, 0x09);
        StringBuilder rest = new StringBuilder();
        while ((in(LSR) & 1) != 0) {
            rest.append((char) in(DATA));
        }
        assertEquals("arly", rest.toString(), "what is in the FIFO is in the FIFO");
    }

    @Test
    void offeringWakes() {
        AtomicInteger wakes = new AtomicInteger();
        uart.setWake(wakes::incrementAndGet);
        uart.offer(new byte[] {1});
        uart.offer(new byte[0]);
        assertEquals(1, wakes.get());
    }

    @Test
    void out2ConnectsTheInterrupt() {
        open();
        out(MCR, 0x03);
        out(IER, 0x02);
        assertFalse(pic.pending());
        out(MCR, 0x0b);
        assertTrue(pic.pending());
    }

    @Test
    void loopbackReturnsBytes() {
        open();
        out(MCR, 0x1b);
        out(DATA, 'q');
        assertEquals(1, in(LSR) & 1);
        assertEquals('q', in(DATA));
        assertEquals(0, sent.size());
        for (int i = 0; i < 17; i++) {
            out(DATA, i);
        }
        assertEquals(0x02, in(LSR) & 0x02, "overrun");
        assertEquals(0, in(LSR) & 0x02, "reading clears it");
    }

    @Test
    void clearingTheFifoDropsWhatIsInIt() {
        open();
        offer("abc");
        out(FCR, 0x83);
        assertEquals(0, in(LSR) & 1);
    }

    @Test
    void modemLinesOfAReadyPeer() {
        open();
        assertEquals(0xb0, in(MSR) & 0xf0);
        out(MCR, 0x10);
        out(MCR, 0x0b);
        assertNotEquals(0, in(MSR) & 0x0f, "deltas after loopback");
        assertEquals(0, in(MSR) & 0x0f);
    }
}
