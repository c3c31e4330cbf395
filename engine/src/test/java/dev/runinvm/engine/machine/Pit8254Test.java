package dev.runinvm.engine.machine;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class Pit8254Test {
    private static final int CH0 = 0x40;
    private static final int CH2 = 0x42;
    private static final int CONTROL = 0x43;
    private static final int PORT_B = 0x61;

    private final FakeTime time = new FakeTime();
    private final Pic8259 pic = new Pic8259();
    private final Pit8254 pit = new Pit8254(time, pic.line(0));
    private final TimerGatePort timerGate = new TimerGatePort(time, pit);

    @BeforeEach
    void initialisePic() {
        pic.out(0x20, 1, 0x11);
        pic.out(0x21, 1, 0x30);
        pic.out(0x21, 1, 4);
        pic.out(0x21, 1, 1);
    }

    private void out(int port, int value) {
        if (port == PORT_B) {
            timerGate.out(port, 1, value);
        } else {
            pit.out(port, 1, value);
        }
    }

    private int in(int port) {
        return port == PORT_B ? timerGate.in(port, 1) : pit.in(port, 1);
    }

    private void count(int port, int value) {
        out(port, value & 0xff);
        out(port, value >> 8);
    }

    private int count(int port) {
        int low = in(port);
        return low | in(port) << 8;
    }

    private void tick(long ticks) {
        time.nanos = Pit8254.nanosOf(Pit8254.ticks(time.nanos) + ticks);
    }

    private void advance() {
        pit.advance(time.nanos);
    }

    private boolean takeInterrupt() {
        if (!pic.pending()) {
            return false;
        }
        assertEquals(0x30, pic.acknowledge());
        pic.out(0x20, 1, 0x20);
        return true;
    }

    @Test
    void ticksAndNanosAgreeOverYears() {
        for (long tick : new long[] {0, 1, 2, 1_193_181, 1_193_182, 1_193_183, 200_000_000_000_000L}) {
            long nanos = Pit8254.nanosOf(tick);
            assertEquals(tick, Pit8254.ticks(nanos));
            if (tick > 0) {
                assertEquals(tick - 1, Pit8254.ticks(nanos - 1));
            }
        }
    }

    @Test
    void mode2InterruptsEachPeriod() {
        // i8253.c, pit_set_periodic: HZ=250.
        out(CONTROL, 0x34);
        count(CH0, 4773);
        long first = pit.nextDeadlineNanos();
        assertEquals(4_000_000, first, 2_000);
        advance();
        assertFalse(takeInterrupt());
        for (int i = 1; i <= 1000; i++) {
            time.nanos = pit.nextDeadlineNanos();
            advance();
            assertTrue(takeInterrupt());
            assertFalse(takeInterrupt());
        }
        assertEquals(first + Pit8254.nanosOf(999 * 4773L), time.nanos, 1000, "no drift");
        assertEquals(0, pit.coalescedCount());
    }

    @Test
    void periodsMissedFallTogether() {
        out(CONTROL, 0x34);
        count(CH0, 1000);
        tick(10_500);
        advance();
        assertTrue(takeInterrupt());
        assertFalse(takeInterrupt());
        assertEquals(9, pit.coalescedCount());
        assertTrue(pit.nextDeadlineNanos() > time.nanos);
    }

    @Test
    void mode4IsOneShotAndRearmsByCountAlone() {
        // pit_set_oneshot, then pit_next_event.
        out(CONTROL, 0x38);
        assertEquals(TimedDevice.NEVER, pit.nextDeadlineNanos());
        for (int i = 0; i < 3; i++) {
            count(CH0, 0x7fff);
            tick(0x7ffe);
            advance();
            assertFalse(takeInterrupt());
            time.nanos = pit.nextDeadlineNanos();
            advance();
            assertTrue(takeInterrupt());
            assertEquals(TimedDevice.NEVER, pit.nextDeadlineNanos());
        }
    }

    @Test
    void aShotRearmedInTimeFiresOnce() {
        out(CONTROL, 0x38);
        count(CH0, 1000);
        tick(900);
        count(CH0, 5000);
        tick(500);
        advance();
        assertFalse(takeInterrupt());
        tick(5000);
        advance();
        assertTrue(takeInterrupt());
    }

    @Test
    void aShotThatIsDueIsNotLostByRearming() {
        out(CONTROL, 0x38);
        count(CH0, 100);
        tick(200);
        count(CH0, 30_000);
        assertTrue(takeInterrupt());
    }

    @Test
    void mode0RaisesOutAtTheEnd() {
        out(CONTROL, 0x30);
        count(CH0, 500);
        tick(1 + 499);
        advance();
        assertFalse(takeInterrupt());
        tick(1);
        advance();
        assertTrue(takeInterrupt());
        assertEquals(TimedDevice.NEVER, pit.nextDeadlineNanos());
        tick(100);
        assertEquals(0x10000 - 100, count(CH0), "it counts on");
    }

    @Test
    void aControlWordStopsTheInterrupts() {
        out(CONTROL, 0x34);
        count(CH0, 1000);
        out(CONTROL, 0x30);
        assertEquals(TimedDevice.NEVER, pit.nextDeadlineNanos());
        tick(100_000);
        advance();
        assertFalse(takeInterrupt());
    }

    @Test
    void countZeroIs65536() {
        out(CONTROL, 0x34);
        count(CH0, 0);
        tick(1);
        assertEquals(0, count(CH0));
        tick(1);
        assertEquals(0xffff, count(CH0));
        assertEquals(Pit8254.nanosOf(0x10001), pit.nextDeadlineNanos());
    }

    @Test
    void latchHoldsUntilBothBytesAreRead() {
        out(CONTROL, 0x34);
        count(CH0, 0x8000);
        tick(0x1235);
        out(CONTROL, 0x00);
        tick(0x100);
        out(CONTROL, 0x00);
        assertEquals(0x8000 - 0x1234, count(CH0));
        assertEquals(0x8000 - 0x1334, count(CH0));
    }

    @Test
    void readBackGivesStatusThenCount() {
        out(CONTROL, 0x34);
        out(CONTROL, 0xe2);
        assertEquals(0x80 | 0x40 | 0x34, in(CH0), "OUT high, null count");
        count(CH0, 100);
        tick(11);
        out(CONTROL, 0xc2);
        assertEquals(0x80 | 0x34, in(CH0));
        assertEquals(90, count(CH0));
        tick(10);
        out(CONTROL, 0xd2);
        tick(10);
        assertEquals(80, count(CH0), "count alone");
    }

    @Test
    void mode3CountsByTwoAndIsASquareWave() {
        out(CONTROL, 0xb6);
        out(PORT_B, 1);
        count(CH2, 1000);
        tick(1);
        assertEquals(1000, count(CH2));
        tick(100);
        assertEquals(800, count(CH2));
        assertEquals(0x20, in(PORT_B) & 0x20);
        tick(400);
        assertEquals(0, in(PORT_B) & 0x20);
        assertEquals(1000, count(CH2));
        tick(500);
        assertEquals(0x20, in(PORT_B) & 0x20);
    }

    @Test
    void aNewCountWaitsForTheEndOfThePeriod() {
        out(CONTROL, 0x34);
        count(CH0, 1000);
        tick(501);
        count(CH0, 300);
        assertEquals(500, count(CH0));
        assertEquals(Pit8254.nanosOf(1001), pit.nextDeadlineNanos());
        time.nanos = pit.nextDeadlineNanos();
        advance();
        assertTrue(takeInterrupt());
        assertEquals(Pit8254.nanosOf(1301), pit.nextDeadlineNanos());
        tick(100);
        assertEquals(200, count(CH0));
    }

    @Test
    void bcd() {
        out(CONTROL, 0x31);
        count(CH0, 0x1000);
        tick(2);
        assertEquals(0x0999, count(CH0));
        tick(1000);
        assertEquals(0x9999, count(CH0));
    }

    @Test
    void theGateStopsMode0() {
        out(PORT_B, 0);
        out(CONTROL, 0xb0);
        count(CH2, 1000);
        tick(500);
        assertEquals(1000, count(CH2));
        out(PORT_B, 1);
        tick(400);
        assertEquals(600, count(CH2));
        out(PORT_B, 0);
        tick(5000);
        assertEquals(600, count(CH2));
        assertEquals(0, in(PORT_B) & 0x20);
        out(PORT_B, 1);
        tick(600);
        assertEquals(0x20, in(PORT_B) & 0x20);
    }

    @Test
    void theGateTriggersMode1() {
        out(PORT_B, 0);
        out(CONTROL, 0xb2);
        count(CH2, 100);
        tick(1000);
        assertEquals(0x20, in(PORT_B) & 0x20);
        out(PORT_B, 1);
        tick(50);
        assertEquals(0, in(PORT_B) & 0x20);
        tick(60);
        assertEquals(0x20, in(PORT_B) & 0x20);
    }

    @Test
    void theRefreshBitToggles() {
        int first = in(PORT_B) & 0x10;
        time.nanos += 15_100;
        assertNotEquals(first, in(PORT_B) & 0x10);
    }

    /** arch/x86/kernel/tsc.c, quick_pit_calibrate, with accesses that take a microsecond each. */
    @Test
    void linuxCalibratesTheTscByReadingTheHighByte() {
        time.perReading = 1000;
        out(PORT_B, in(PORT_B) & ~2 | 1);
        out(CONTROL, 0xb0);
        out(CH2, 0xff);
        out(CH2, 0xff);
        in(CH2);
        in(CH2);
        long[] delta = new long[1];
        long start = expectMsb(0xff, delta);
        assertTrue(start >= 0);
        long end = start;
        int i;
        for (i = 1; i <= 233; i++) {
            end = expectMsb(0xff - i, delta);
            assertTrue(end >= 0, "step " + i + " seen for long enough");
        }
        double hz = (end - start) / ((i - 1) * 256.0) * Pit8254.HZ;
        assertEquals(FakeTime.TSC_HZ, hz, FakeTime.TSC_HZ / 2000.0);
    }

    /** pit_expect_msb: the TSC when the high byte left a value, or -1 if it was not there for six readings. */
    private long expectMsb(int value, long[] delta) {
        long tsc = 0;
        long previous = 0;
        int seen;
        for (seen = 0; seen < 50_000; seen++) {
            in(CH2);
            if (in(CH2) != value) {
                break;
            }
            previous = tsc;
            tsc = time.tsc();
        }
        delta[0] = time.tsc() - previous;
        return seen > 5 ? tsc : -1;
    }

    /** tsc.c, pit_calibrate_tsc(CAL_LATCH, ...): mode 0 on channel 2, then OUT2 is polled. */
    @Test
    void linuxCalibratesTheTscByPollingOut2() {
        time.perReading = 1000;
        out(PORT_B, in(PORT_B) & ~2 | 1);
        int latch = (int) (Pit8254.HZ / 100);
        out(CONTROL, 0xb0);
        count(CH2, latch);
        long start = time.tsc();
        int loops = 0;
        while ((in(PORT_B) & 0x20) == 0) {
            loops++;
        }
        double hz = (time.tsc() - start) * 100.0;
        assertTrue(loops > 1000);
        assertEquals(FakeTime.TSC_HZ, hz, FakeTime.TSC_HZ / 1000.0);
    }
}
