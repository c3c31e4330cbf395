package dev.runinvm.engine.para;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Frames become page tables, are counted, and cease to be. */
class PageTypesTest {
    private static final long L4 = 0x3000;
    private static final long L3 = 0x3001;
    private static final long L2 = 0x3002;
    private static final long L1 = 0x3003;
    private static final long DATA = 0x3004;

    private final TestDomain d = new TestDomain();
    private final PageTypes types = d.domain.types;

    @AfterEach
    void close() {
        d.close();
    }

    private void entry(long table, int index, long frame) {
        d.memory.putLong((table << 12) + 8L * index, frame << 12 | 7);
    }

    private void hierarchy() {
        entry(L4, 0, L3);
        entry(L3, 0, L2);
        entry(L2, 0, L1);
        entry(L1, 0, DATA);
    }

    @Test
    void pinningTypesAllBelowAndUnpinningFreesThem() {
        hierarchy();
        types.pin(L4, 4);
        assertEquals(4, types.level(L4));
        assertEquals(3, types.level(L3));
        assertEquals(2, types.level(L2));
        assertEquals(1, types.level(L1));
        assertEquals(0, types.level(DATA));
        types.unpin(L4);
        for (long frame = L4; frame <= L1; frame++) {
            assertEquals(0, types.level(frame));
        }
    }

    @Test
    void aTopLevelTableGetsTheReservedSlots() {
        d.memory.putLong((L4 << 12) + 8 * 256, -1); // whatever was there
        types.pin(L4, 4);
        assertEquals(d.domain.layout.m2pL3(), d.memory.getLong((L4 << 12) + 8 * 256) & ~0xfffL);
        assertThrows(XenError.class, () -> types.update((L4 << 12) + 8 * 256, 0, false));
    }

    @Test
    void aTableStaysWhileAnyoneRefersToIt() {
        hierarchy();
        types.pin(L4, 4);
        types.pin(L1, 1);
        types.unpin(L4);
        assertEquals(1, types.level(L1));
        types.unpin(L1);
        assertEquals(0, types.level(L1));
    }

    @Test
    void aFrameIsATableOfOneLevelOnly() {
        hierarchy();
        types.pin(L1, 1);
        assertThrows(XenError.class, () -> types.pin(L1, 2));
        entry(L3, 1, L1); // an L1 table where an L2 one belongs
        assertThrows(XenError.class, () -> types.pin(L4, 4));
        // nothing is left of the attempt
        assertEquals(0, types.level(L4));
        assertEquals(0, types.level(L2));
        assertEquals(1, types.level(L1));
        types.unpin(L1);
        assertEquals(0, types.level(L1));
    }

    @Test
    void updatesMoveReferences() {
        hierarchy();
        types.pin(L4, 4);
        types.update(L2 << 12, 0, false);
        assertEquals(0, types.level(L1));
        types.update(L2 << 12, L1 << 12 | 7, false);
        assertEquals(1, types.level(L1));
    }

    @Test
    void everyChangeOfATableChangesItsVersion() {
        hierarchy();
        types.pin(L4, 4);
        int first = types.of(L1 << 12);
        types.update((L1 << 12) + 8, DATA << 12 | 7, false);
        int second = types.of(L1 << 12);
        assertNotEquals(first, second);
        assertTrue(types.mayWrite(L1 << 12));
        types.written((L1 << 12) + 16, 8);
        assertNotEquals(second, types.of(L1 << 12));
        assertEquals(PageTypes.UNKNOWN, types.of(DATA << 12));
        assertFalse(types.mayWrite(L2 << 12), "upper levels only by hypercall");
    }

    @Test
    void accessedAndDirtyCanBePreserved() {
        hierarchy();
        types.pin(L1, 1);
        d.memory.putLong(L1 << 12, DATA << 12 | 0x67);
        types.update(L1 << 12, DATA << 12 | 5, true);
        assertEquals(DATA << 12 | 0x65, d.memory.getLong(L1 << 12));
    }

    @Test
    void nothingBeyondTheGuestsOwnCanBeMapped() {
        hierarchy();
        types.pin(L4, 4);
        long foreign = d.domain.layout.m2p();
        assertThrows(XenError.class, () -> types.update(L1 << 12, foreign | 7, false));
        assertThrows(XenError.class, () -> types.update(L1 << 12, 1L << 40 | 7, false));
        assertThrows(XenError.class, () -> types.update(foreign, 0, false));
        assertThrows(XenError.class, () -> types.pin(foreign >>> 12, 1));
        types.update(L1 << 12, d.domain.layout.sharedInfo() | 7, false);
    }

    @Test
    void theKernelWritesItsTablesThroughReadOnlyPages() {
        entry(L1, 0, DATA);
        types.pin(L1, 1);
        long va = TestDomain.VIRT_BASE + (L1 << 12);
        assertEquals(0, d.call(Hypercalls.UPDATE_VA_MAPPING, va, L1 << 12 | 0x61, 0));
        int before = types.of(L1 << 12);
        d.domain.cpu.mmu.write64(va + 8, DATA << 12 | 7);
        assertEquals(DATA << 12 | 7, d.memory.getLong((L1 << 12) + 8));
        assertNotEquals(before, types.of(L1 << 12));
        types.unpin(L1);
        assertThrows(dev.runinvm.engine.x86.CpuException.class, () -> {
            d.domain.cpu.mmu.invalidatePage(va);
            d.domain.cpu.mmu.write64(va + 8, 0);
        });
    }

    private long walksAfterAFlush() {
        long list = d.words(6, 0, 0); // MMUEXT_TLB_FLUSH_LOCAL
        assertEquals(0, d.call(Hypercalls.MMUEXT_OP, list, 1, 0, EventChannels.DOMID_SELF));
        long before = d.domain.cpu.mmu.walks;
        d.read64(TestDomain.SCRATCH);
        return d.domain.cpu.mmu.walks - before;
    }

    @Test
    void aFlushSparesTheKernelsTranslationsUntilItsTablesChange() {
        walksAfterAFlush();
        assertEquals(0, walksAfterAFlush());
        long page = TestDomain.SCRATCH + 0x1000;
        assertEquals(0, d.call(Hypercalls.UPDATE_VA_MAPPING, page, 0x300_0000 | 0x63, 0));
        assertEquals(1, walksAfterAFlush());
        assertEquals(0, walksAfterAFlush());
        // a table of programs is none of the kernel's
        hierarchy();
        types.pin(L4, 4);
        types.update(L1 << 12, 0, false);
        assertEquals(0, walksAfterAFlush());
        // until the kernel reaches it too
        long kernelL3 = d.memory.getLong(d.domain.pv.kernelRoot + 8 * 511) & 0xf_ffff_ffff_f000L;
        types.update(kernelL3 + 8 * 500, L2 << 12 | 7, false);
        assertEquals(1, walksAfterAFlush());
        types.update(L1 << 12, DATA << 12 | 7, false);
        assertEquals(1, walksAfterAFlush());
        assertEquals(0, walksAfterAFlush());
    }

    @Test
    void changesOfAllTablesAreCounted() {
        hierarchy();
        types.pin(L4, 4);
        long before = types.changes();
        types.update(L2 << 12, 0, false);
        assertNotEquals(before, types.changes());
        before = types.changes();
        types.update(DATA << 12, 1, false);
        assertEquals(before, types.changes());
    }
}
