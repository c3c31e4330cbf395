package dev.runinvm.engine.machine;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class DeadlineAlarmTest {
    private static final class RealTime implements TimeSource {
        private final long start = System.nanoTime();

        @Override
        public long nanos() {
            return System.nanoTime() - start;
        }

        @Override
        public long tsc() {
            return nanos();
        }

        @Override
        public long tscHz() {
            return 1_000_000_000L;
        }

        @Override
        public long wallClockNanos() {
            return nanos();
        }
    }

    private final TimeSource time = new RealTime();
    private final Semaphore rings = new Semaphore(0);

    @Test
    void ringsOncePerDeadlineAndNotBefore() throws InterruptedException {
        try (DeadlineAlarm alarm = new DeadlineAlarm(time, rings::release)) {
            for (int i = 0; i < 20; i++) {
                long deadline = time.nanos() + 2_000_000;
                alarm.arm(deadline);
                assertTrue(rings.tryAcquire(10, TimeUnit.SECONDS), "ring " + i);
                assertTrue(time.nanos() >= deadline);
                assertEquals(0, rings.availablePermits());
            }
        }
    }

    @Test
    void aNearerDeadlineIsNotSleptThrough() throws InterruptedException {
        try (DeadlineAlarm alarm = new DeadlineAlarm(time, rings::release)) {
            alarm.arm(time.nanos() + TimeUnit.HOURS.toNanos(1));
            alarm.arm(time.nanos() + 1_000_000);
            assertTrue(rings.tryAcquire(10, TimeUnit.SECONDS));
        }
    }

    @Test
    void aDisarmedDeadlineDoesNotRing() throws InterruptedException {
        try (DeadlineAlarm alarm = new DeadlineAlarm(time, rings::release)) {
            alarm.arm(time.nanos() + 200_000_000);
            alarm.arm(TimedDevice.NEVER);
            assertEquals(false, rings.tryAcquire(300, TimeUnit.MILLISECONDS));
        }
    }
}
