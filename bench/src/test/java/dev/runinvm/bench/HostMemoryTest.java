package dev.runinvm.bench;

import dev.runinvm.engine.Technique;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class HostMemoryTest {
    private static final long MIB = 1 << 20;
    /** What the JVM may need meanwhile for itself, in MiB. */
    private static final double NOISE = 40;

    @Test
    void mappingsAreRead() {
        List<HostMemory.Mapping> all = HostMemory.parse(List.of(
                "704200000-705a00000 rw-p 00000000 00:00 0 ",
                "Size:              24576 kB",
                "Pss:                  16 kB",
                "Pss_Dirty:            12 kB",
                "Anonymous:             8 kB",
                "VmFlags: rd wr mr mw me ac sd",
                "7f0000000000-7f0000100000 rw-s 40000000 00:01 2055                       /memfd:runinvm-ram (deleted)",
                "Pss:                 512 kB",
                "Anonymous:             0 kB",
                "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]",
                "Pss:                   0 kB"));
        assertEquals(3, all.size());
        assertEquals(new HostMemory.Mapping(0x704200000L, 0x705a00000L, "", 16 << 10, 8 << 10), all.get(0));
        assertEquals("/memfd:runinvm-ram (deleted)", all.get(1).path());
        assertEquals(512 << 10, all.get(1).share());
        assertEquals("[vsyscall]", all.get(2).path());
    }

    @Test
    void whatIsHeldIsObjectsAndWhatLiesOutsideTheHeapButNoGarbage() throws Exception {
        long[] heap = HostMemory.heapRange();
        assertTrue(heap[1] - heap[0] >= Runtime.getRuntime().totalMemory(), "the heap is found");
        HostMemory.settle(false);
        long before = HostMemory.held();

        byte[] object = new byte[(int) (128 * MIB)];
        HostMemory.settle(false);
        assertEquals(128, more(before), NOISE, "an object");
        Reference.reachabilityFence(object);

        ByteBuffer outside = ByteBuffer.allocateDirect((int) (128 * MIB)); // touched, for it is zeroed
        object = new byte[0];
        for (int i = 0; i < 20; i++) {
            object = new byte[(int) (32 * MIB)];
        }
        assertEquals(32 * MIB, object.length);
        object = new byte[0];
        HostMemory.settle(false);
        assertEquals(128, more(before), NOISE, "memory outside the heap, and no garbage");
        Reference.reachabilityFence(outside);
    }

    private static double more(long before) {
        return (HostMemory.held() - before) / (double) MIB;
    }

    @Test
    void theTableSaysWhatIsCounted() {
        HostMemory before = new HostMemory(0, MIB, 0, 10 * MIB);
        HostMemory after = new HostMemory(200 * MIB, 31 * MIB, 20 * MIB, 40 * MIB);
        Map<String, Long> each = after.each(before, 10);
        Run run = new Run(
                0,
                Starts.restored(Technique.FULL),
                Work.RESTORE,
                Map.of(),
                new Run.Held(0, 0),
                Map.of(),
                each,
                Optional.empty());
        String text = HostMemory.text(Technique.FULL, null, run);
        assertTrue(text.matches("(?s).*RAM \\(memory files\\) +- +20\\.0\\s.*"), text);
        assertTrue(text.matches("(?s).*snapshot and image \\(share of what is mapped\\) +- +3\\.0\\s.*"), text);
        assertTrue(text.matches("(?s).*processes that run it +- +2\\.0\\s.*"), text);
        assertTrue(text.matches("(?s).*objects in the JVM +- +3\\.0\\s.*"), text);
    }
}
