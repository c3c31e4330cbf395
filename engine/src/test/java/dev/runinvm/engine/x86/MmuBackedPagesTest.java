package dev.runinvm.engine.x86;

import dev.runinvm.engine.os.ReadOnlyFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import static dev.runinvm.engine.x86.TestMachine.P;
import static dev.runinvm.engine.x86.TestMachine.W;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** Translations of pages that a file backs: the first write gives the guest a copy, which all of them must lead to. */
class MmuBackedPagesTest {
    private static final int PAGE = 4096;
    private static final long PHYSICAL = 0x20_0000;
    /** Linear pages that share a slot of the TLB are this far apart. */
    private static final long SAME_SLOT = (long) Tlb.SIZE * PAGE;

    private static final long VA = 0x4000_0000;
    private static final long WRITABLE = 0x5000_5000;

    @TempDir
    Path directory;

    private final TestMachine m = new TestMachine();
    private final Mmu mmu = m.mmu;

    @BeforeEach
    void backWithAFile() throws Exception {
        byte[] content = new byte[4 * PAGE];
        Arrays.fill(content, (byte) 7);
        m.memory.give(PHYSICAL, ReadOnlyFile.open(Files.write(directory.resolve("content"), content)));
    }

    @AfterEach
    void close() {
        m.close();
    }

    private void written() {
        m.map(WRITABLE, PHYSICAL, P | W);
        mmu.write8(WRITABLE, 99);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, Tlb.SIZE - 1})
    void aPageIsReadAtItsNewPlace(long slot) {
        long va = VA + slot * PAGE;
        m.map(va, PHYSICAL, P);
        assertEquals(7, mmu.read8(va));
        written();
        assertEquals(99, mmu.read8(va));
        assertEquals(7, mmu.read8(va + 1));
    }

    @Test
    void soIsOneThatWasReadAtSeveralAddresses() {
        long[] addresses = {VA, VA + PAGE, VA + 3 * PAGE, VA + SAME_SLOT};
        for (long va : addresses) {
            m.map(va, PHYSICAL, P);
        }
        for (long va : addresses) {
            assertEquals(7, mmu.read8(va));
        }
        written();
        for (long va : addresses) {
            assertEquals(99, mmu.read8(va));
        }
    }

    @Test
    void andOneThatWasReadAtTwoAddressesOfTheSameSlot() {
        m.map(VA, PHYSICAL, P);
        m.map(VA + SAME_SLOT, PHYSICAL, P);
        assertEquals(7, mmu.read8(VA));
        assertEquals(7, mmu.read8(VA + SAME_SLOT));
        written();
        assertEquals(99, mmu.read8(VA + SAME_SLOT));
        assertEquals(99, mmu.read8(VA));
    }

    @Test
    void pagesBesideItStayInTheFile() {
        m.map(VA, PHYSICAL + PAGE, P);
        assertEquals(7, mmu.read8(VA));
        written();
        assertEquals(7, mmu.read8(VA));
        assertEquals(1, m.memory.pagesMadePrivate());
    }
}
