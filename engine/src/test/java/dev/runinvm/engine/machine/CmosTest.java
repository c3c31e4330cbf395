package dev.runinvm.engine.machine;

import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

class CmosTest {
    private static final long SECOND = 1_000_000_000L;
    private static final int A = 0x0a;
    private static final int B = 0x0b;
    private static final int C = 0x0c;
    private static final int[] TIME = {0x32, 9, 8, 7, 4, 2, 0};

    private final FakeTime time = new FakeTime();
    private final Pic8259 pic = new Pic8259();
    private final Cmos cmos = new Cmos(time, pic.line(8), 512L << 20);

    @BeforeEach
    void initialisePic() {
        for (int port : new int[] {0x20, 0xa0}) {
            pic.out(port, 1, 0x11);
            pic.out(port + 1, 1, port == 0x20 ? 0x30 : 0x38);
            pic.out(port + 1, 1, port == 0x20 ? 4 : 2);
            pic.out(port + 1, 1, 1);
        }
    }

    private int read(int index) {
        cmos.out(0x70, 1, index);
        return cmos.in(0x71, 1);
    }

    private void write(int index, int value) {
        cmos.out(0x70, 1, index);
        cmos.out(0x71, 1, value);
    }

    private int[] clock() {
        return Arrays.stream(TIME).map(this::read).toArray();
    }

    private void advanceTo(long nanos) {
        while (cmos.nextDeadlineNanos() <= nanos) {
            time.nanos = cmos.nextDeadlineNanos();
            cmos.advance(time.nanos);
            if (pic.pending()) {
                return;
            }
        }
        time.nanos = nanos;
        cmos.advance(nanos);
    }

    private boolean takeInterrupt() {
        if (!pic.pending()) {
            return false;
        }
        assertEquals(0x38, pic.acknowledge());
        pic.out(0xa0, 1, 0x20);
        pic.out(0x20, 1, 0x20);
        return true;
    }

    @Test
    void tellsTheWallClockInBcd() {
        assertArrayEquals(new int[] {0x20, 0x24, 0x02, 0x29, 0x23, 0x59, 0x30}, clock());
        assertEquals(5, read(6), "Thursday, Sunday being 1");
        time.nanos = 30 * SECOND;
        assertArrayEquals(new int[] {0x20, 0x24, 0x03, 0x01, 0x00, 0x00, 0x00}, clock());
    }

    @Test
    void tellsItInBinaryAndTwelveHours() {
        write(B, 0x04);
        assertArrayEquals(new int[] {20, 24, 2, 29, 0x80 | 11, 59, 30}, clock());
        time.nanos = 31 * SECOND;
        assertEquals(12, read(4), "midnight is 12 AM");
    }

    @Test
    void theClockIsValidAndRuns24Hours() {
        assertEquals(0x80, read(0x0d));
        assertEquals(0x02, read(B));
        assertEquals(0x26, read(A));
    }

    @Test
    void uipIsUpShortlyBeforeEachSecond() {
        time.nanos = SECOND / 2;
        assertEquals(0, read(A) & 0x80);
        time.nanos = SECOND - 1_000_000;
        assertEquals(0x80, read(A) & 0x80);
        assertEquals(0x30, read(0));
        time.nanos = SECOND;
        assertEquals(0, read(A) & 0x80);
        assertEquals(0x31, read(0));
    }

    /** rtc-mc146818-lib.c, mc146818_set_time. */
    @Test
    void linuxSetsTheTime() {
        int b = read(B);
        write(B, b | 0x80);
        int a = read(A);
        write(A, a | 0x70);
        write(9, 0x31);
        write(8, 0x12);
        write(7, 0x25);
        write(4, 0x10);
        write(2, 0x20);
        write(0, 0x58);
        assertEquals(0, read(A) & 0x80, "no update while set");
        time.nanos = 10 * SECOND;
        assertEquals(0x58, read(0), "stands while set");
        write(B, b);
        write(A, a);
        assertArrayEquals(new int[] {0x20, 0x31, 0x12, 0x25, 0x10, 0x20, 0x58}, clock());
        time.nanos += 3 * SECOND;
        assertArrayEquals(new int[] {0x20, 0x31, 0x12, 0x25, 0x10, 0x21, 0x01}, clock());
    }

    @Test
    void aDateThatDoesNotExistIsNotTaken() {
        write(B, 0x82);
        write(8, 0x13);
        write(B, 0x02);
        assertEquals(0x02, read(8));
    }

    @Test
    void updateInterruptEverySecond() {
        write(B, 0x12);
        for (int i = 1; i <= 3; i++) {
            advanceTo(i * SECOND);
            assertTrue(takeInterrupt());
            assertEquals(0x90, read(C) & 0xb0);
            assertEquals(0, read(C), "reading clears");
        }
        assertEquals(3 * SECOND, time.nanos);
    }

    @Test
    void withoutReadingCThereIsNoSecondInterrupt() {
        write(B, 0x12);
        advanceTo(SECOND);
        assertTrue(takeInterrupt());
        assertEquals(TimedDevice.NEVER, cmos.nextDeadlineNanos());
        time.nanos = 5 * SECOND;
        cmos.advance(time.nanos);
        assertFalse(takeInterrupt());
        read(C);
        advanceTo(6 * SECOND);
        assertTrue(takeInterrupt());
    }

    @Test
    void alarmAtItsTime() {
        write(1, 0x05);
        write(3, 0x00);
        write(5, 0x00);
        write(B, 0x22);
        advanceTo(34 * SECOND);
        assertFalse(pic.pending());
        advanceTo(60 * SECOND);
        assertTrue(takeInterrupt());
        assertEquals(35 * SECOND, time.nanos);
        assertEquals(0xa0, read(C) & 0xa0);
    }

    @Test
    void alarmWithoutCare() {
        write(1, 0x00);
        write(3, 0xff);
        write(5, 0xff);
        write(B, 0x22);
        advanceTo(200 * SECOND);
        assertTrue(takeInterrupt());
        assertEquals(30 * SECOND, time.nanos);
        read(C);
        advanceTo(200 * SECOND);
        assertEquals(90 * SECOND, time.nanos);
    }

    @Test
    void periodicInterruptAtItsRate() {
        write(A, 0x26);
        write(B, 0x42);
        int n = 0;
        while (time.nanos < SECOND) {
            advanceTo(SECOND);
            if (takeInterrupt()) {
                assertEquals(0xc0, read(C) & 0xc0);
                n++;
            }
        }
        assertEquals(1024, n, 1);
    }

    @Test
    void periodicFlagIsPolledWithoutInterrupts() {
        read(C);
        time.nanos = 10_000_000;
        assertEquals(0x40, read(C), "no IRQF, for nothing is enabled");
    }

    @Test
    void theIndexPortMasksNmi() {
        cmos.out(0x70, 1, 0x8f);
        assertTrue(cmos.nmiMasked());
        cmos.out(0x71, 1, 0x0a);
        assertEquals(0x0a, read(0x0f));
        assertFalse(cmos.nmiMasked());
    }

    @Test
    void memorySizes() {
        assertEquals(640, read(0x15) | read(0x16) << 8);
        assertEquals(0xffff, read(0x17) | read(0x18) << 8);
        assertEquals(496 * 16, read(0x34) | read(0x35) << 8);
        assertEquals(0, read(0x10), "no floppy drive");
    }
}
