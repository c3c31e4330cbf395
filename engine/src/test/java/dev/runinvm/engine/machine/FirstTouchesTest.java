package dev.runinvm.engine.machine;

import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class FirstTouchesTest {
    @Test
    void theyComeBackByRootInAscendingOrder() {
        FirstTouches touches = new FirstTouches();
        touches.written(7 << 12);
        touches.written((3 << 12) + 5);
        touches.mapped(0x1000, 0x7fff_0000_1234L);
        touches.mapped(0x2000, 0x40_0000);
        touches.mapped(0x1000, 0x40_0fff);
        touches.mapped(0x1000, 0x40_0000);
        FirstTouches same = FirstTouches.of(touches.toLongs());
        assertArrayEquals(new int[] {7, 3}, same.written());
        assertArrayEquals(new long[] {0x40_0000, 0x7fff_0000_1000L}, same.mapped(0x1000));
        assertArrayEquals(new long[] {0x40_0000}, same.mapped(0x2000));
        assertEquals(0, same.mapped(0x3000).length);
    }

    @Test
    void theyAreBounded() {
        FirstTouches touches = new FirstTouches();
        for (int i = 0; i < FirstTouches.MOST_MAPPED + 10; i++) {
            touches.mapped(0, (long) i << 12);
            touches.written((long) i << 12);
        }
        assertEquals(FirstTouches.MOST_WRITTEN, touches.written().length);
        assertEquals(FirstTouches.MOST_MAPPED, touches.mapped(0).length);
        assertEquals(
                FirstTouches.MOST_MAPPED, FirstTouches.of(touches.toLongs()).mapped(0).length);
    }

    @Test
    void otherNumbersAreRefused() {
        for (long[] numbers : new long[][] {{}, {1}, {1, 0}, {-1, 0}, {0, 1, 5}, {1L << 40, 0}, {0, 1L << 62}}) {
            assertThrows(IllegalArgumentException.class, () -> FirstTouches.of(numbers));
        }
    }
}
