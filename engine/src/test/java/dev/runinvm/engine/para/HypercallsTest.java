package dev.runinvm.engine.para;

import dev.runinvm.engine.x86.CpuState;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Hypercalls refuse as Xen refuses, and nothing a guest passes hurts the host. */
class HypercallsTest {
    private static final long SELF = 0x7ff0;
    private static final long BAD = 0x1234_5000;

    @Test
    void badPointersAreEfaultAndBadNumbersEnosys() {
        try (TestDomain d = new TestDomain()) {
            for (int number : new int[] {0, 1, 2, 12, 13, 17, 20, 24, 26, 29, 30, 32}) {
                long command = number == 17 ? 3 : number == 20 ? 6 : number == 24 ? 8 : number == 29 ? 2 : 9;
                long result = switch (number) {
                    case 0 -> d.call(number, BAD);
                    case 1, 13, 26 -> d.call(number, BAD, 1, 0, SELF);
                    case 2 -> d.call(number, BAD, 10);
                    case 24 -> d.call(number, command, 0, BAD);
                    case 20 -> d.call(number, command, BAD, 1);
                    case 30 -> d.call(number, 0, BAD);
                    default -> d.call(number, command, BAD);
                };
                assertEquals(-14, result, "hypercall " + number);
            }
            for (int number : new int[] {4, 6, 7, 11, 35, 40, 63, 64, 1000, -1}) {
                assertEquals(-38, d.call(number, 0, 0, 0, 0, 0), "hypercall " + number);
            }
        }
    }

    @Test
    void featuresThatLinuxNeedsAreOffered() {
        try (TestDomain d = new TestDomain()) {
            assertEquals(4 << 16 | 17, d.call(Hypercalls.XEN_VERSION, 0, 0));
            assertEquals(0, d.call(Hypercalls.XEN_VERSION, 6, d.words(0)));
            long submap = d.read64(TestDomain.SCRATCH) >>> 32;
            assertEquals(1 << 5 | 1 << 7, submap & (1 << 5 | 1 << 7));
        }
    }

    @Test
    void aMulticallHasAResultForEach() {
        try (TestDomain d = new TestDomain()) {
            long list = d.words(17, 0, 0, 0, 0, 0, 0, 0, 999, 0, 0, 0, 0, 0, 0, 0, 13, 0, TestDomain.SCRATCH, 1);
            assertEquals(0, d.call(Hypercalls.MULTICALL, list, 3));
            assertEquals(4 << 16 | 17, d.read64(list + 8));
            assertEquals(-38, d.read64(list + 64 + 8));
            assertEquals(-22, d.read64(list + 128 + 8), "none within another");
            Map<String, Long> counters = d.domain.hypercalls.counters();
            assertEquals(1, counters.get("hypercalls.xen_version"));
            assertEquals(2, counters.get("hypercalls.multicall"));
        }
    }

    @Test
    void theMemoryMapIsTheDomainsOwn() {
        try (TestDomain d = new TestDomain()) {
            long buffer = TestDomain.SCRATCH + 0x100;
            assertEquals(0, d.call(Hypercalls.MEMORY_OP, 9, d.words(8, buffer)));
            assertEquals(3, d.read64(TestDomain.SCRATCH) & 0xffff_ffffL);
            assertEquals(0, d.read64(buffer));
            assertEquals(d.domain.layout.ramEnd(), d.read64(buffer + 8));
            assertEquals(d.domain.layout.pages(), d.call(Hypercalls.MEMORY_OP, 4, 0));
            assertEquals(-1, d.call(Hypercalls.MEMORY_OP, 10, 0));
        }
    }

    @Test
    void timersRaiseTheirVirq() {
        try (TestDomain d = new TestDomain()) {
            int port = d.domain.events.bindVirq(EventChannels.VIRQ_TIMER, 0);
            long now = d.domain.shared.systemTime();
            assertEquals(0, d.call(Hypercalls.VCPU_OP, 8, 0, d.words(now + 5000, 0)));
            d.domain.timers.advance();
            assertTrue(!d.domain.shared.isPending(port));
            d.nanos += 5001;
            d.domain.timers.advance();
            assertTrue(d.domain.shared.isPending(port));
            assertEquals(Timers.NEVER, d.domain.timers.deadlineNanos());
        }
    }

    @Test
    void theClockIsWhatTheGuestComputesFromTheCounter() {
        try (TestDomain d = new TestDomain()) {
            long info = d.domain.layout.sharedInfo() + 32;
            d.nanos = 123_456_789_012L;
            long delta = 3 * d.nanos - d.memory.getLong(info + 8);
            int shift = d.memory.getByte(info + 28);
            long shifted = shift < 0 ? delta >> -shift : delta << shift;
            long expected = Math.multiplyHigh(shifted << 0, d.memory.getInt(info + 24) & 0xffff_ffffL) << 32
                    | (shifted * (d.memory.getInt(info + 24) & 0xffff_ffffL)) >>> 32;
            assertEquals(expected + d.memory.getLong(info + 16), d.domain.shared.systemTime());
            assertEquals(d.nanos - 1000, d.domain.shared.systemTime(), 1000);
            assertEquals(1, d.memory.getByte(info + 29), "TSC_STABLE");
        }
    }

    @Test
    void shutdownsAreToldApart() {
        try (TestDomain d = new TestDomain()) {
            assertEquals(1, d.call(Hypercalls.SCHED_OP, 2, d.words(2)), "a suspend is refused");
            assertTrue(d.domain.scheduler.ended().isEmpty());
            assertEquals(-22, d.call(Hypercalls.SCHED_OP, 2, d.words(9)));
            assertEquals(0, d.call(Hypercalls.SCHED_OP, 2, d.words(3)));
            assertEquals(SchedulerOps.Reason.CRASH, d.domain.scheduler.ended().orElseThrow());
        }
    }

    @Test
    void consolesAndStoresWithImpossibleIndicesAreLeftAlone() {
        try (TestDomain d = new TestDomain()) {
            long console = d.domain.consolePage();
            d.memory.putInt(console + 3084, 0x7fff_0000);
            assertEquals(0, d.call(Hypercalls.EVENT_CHANNEL_OP, 4, d.words(1)));
            assertEquals(0, d.console.size());
            d.memory.putInt(console + 3080, 0x7fff_0000 - 2);
            d.memory.putByte(console + 1024 + (0x7fff_0000 - 2 & 2047), (byte) 'o');
            d.memory.putByte(console + 1024 + (0x7fff_0000 - 1 & 2047), (byte) 'k');
            assertEquals(0, d.call(Hypercalls.EVENT_CHANNEL_OP, 4, d.words(1)));
            assertEquals("ok", d.console.toString(java.nio.charset.StandardCharsets.US_ASCII));
        }
    }

    @Test
    void grantsAreOnlyWhatTheTableSays() {
        try (TestDomain d = new TestDomain()) {
            assertEquals(
                    0, d.call(Hypercalls.GRANT_TABLE_OP, 2, d.words(1L << 32 | 0x7ff0, 0, TestDomain.SCRATCH + 64), 1));
            long frame = d.read64(TestDomain.SCRATCH + 64) << 12;
            d.memory.putLong(frame + 8 * 9, 1 | 0x3000L << 32);
            d.memory.putLong(frame + 8 * 10, 1 | 4 | 0x3001L << 32); // read-only
            d.memory.putLong(frame + 8 * 11, 1 | 0x7fff_ffffL << 32); // no RAM
            d.memory.putLong(frame + 8 * 12, 1 | 5 << 16 | 0x3000L << 32); // another domain's
            assertEquals(0x300_0000, d.domain.grants.page(9, true));
            assertEquals(-1, d.domain.grants.page(10, true));
            assertEquals(0x300_1000, d.domain.grants.page(10, false));
            for (int reference : new int[] {0, 11, 12, -1, Integer.MAX_VALUE}) {
                assertEquals(-1, d.domain.grants.page(reference, false), "reference " + reference);
            }
        }
    }

    /** 100,000 calls with every number and arguments that are half right: none ends in anything but a result. */
    @Test
    void randomCallsHurtNobody() {
        Random random = new Random(7);
        long results = 0;
        TestDomain d = new TestDomain();
        try {
            for (int i = 0; i < 100_000; i++) {
                if (i % 5000 == 4999) {
                    d.close();
                    d = new TestDomain(); // it may have made itself a ruin
                }
                for (int k = 0; k < 32; k++) {
                    long value = argument(random, d);
                    try {
                        d.domain.cpu.mmu.write64(TestDomain.SCRATCH + 8L * k, value);
                    } catch (dev.runinvm.engine.x86.CpuException e) {
                        d.close();
                        d = new TestDomain();
                    }
                }
                int number = random.nextInt(66) - 1;
                try {
                    results += d.call(
                            number,
                            argument(random, d),
                            argument(random, d),
                            argument(random, d),
                            random.nextBoolean() ? SELF : argument(random, d),
                            argument(random, d));
                } catch (GuestCrash e) {
                    d.close(); // the guest's own fault, and the end of it
                    d = new TestDomain();
                }
                d.s.halted = false;
                d.s.gpr[CpuState.RSP] = TestDomain.SCRATCH + 0x800;
            }
        } finally {
            d.close();
        }
        assertNotEquals(0, results);
    }

    private static long argument(Random random, TestDomain d) {
        return switch (random.nextInt(10)) {
            case 0 -> random.nextLong();
            case 1 -> TestDomain.SCRATCH + 8L * random.nextInt(600);
            case 2 -> random.nextInt();
            case 3 -> SELF;
            case 4 -> (random.nextInt((int) d.domain.layout.pages()) & 0xffff_ffffL) << 12 | random.nextInt(4096);
            case 5 -> random.nextInt((int) d.domain.layout.pages());
            case 6 -> ReservedSlots.MACHINE_TO_PHYS + random.nextInt(1 << 20);
            case 7 -> -1L - random.nextInt(64);
            default -> random.nextInt(40);
        };
    }
}
