package dev.runinvm.engine.direct;

import dev.runinvm.engine.x86.AddressSpaceListener.Flush;
import dev.runinvm.engine.x86.CpuException;
import dev.runinvm.engine.x86.CpuState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import static dev.runinvm.engine.direct.TinyGuest.*;
import static org.junit.jupiter.api.Assertions.*;

/** Mirrors follow what the guest does to its page tables, at the moments the architecture asks for. */
@Timeout(30)
class MirrorTest {
    private final TinyGuest g = new TinyGuest(3);

    @AfterEach
    void close() {
        g.close();
    }

    /** mov rax, [DATA]; syscall. */
    private long load() {
        g.program(new Assembler().move(3, DATA).load(0, 3, 0).syscall());
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        return g.cpu.gpr[CpuState.RAX];
    }

    private Trap store(long value) {
        g.program(new Assembler().move(3, DATA).move(0, value).store(3, 0, 0).syscall());
        return g.run();
    }

    @Test
    void aChangedEntryIsFollowedAfterInvlpg() {
        g.memory.putLong(DATA_PHYSICAL, 1);
        g.memory.putLong(DATA_PHYSICAL + 8192, 2);
        assertEquals(1, load());
        g.map(g.cpu.cr3, DATA, DATA_PHYSICAL + 8192, P | U | W);
        g.engine.invlpg(DATA);
        assertEquals(2, load());
    }

    @Test
    void aRemovedEntryFaultsAfterAFlush() {
        load();
        g.map(g.cpu.cr3, DATA, 0, 0);
        g.engine.cr3Loaded(g.cpu.cr3, g.cpu.cr3, false);
        g.program(new Assembler().move(3, DATA).load(0, 3, 0).syscall());
        Trap t = g.run();
        assertEquals(CpuException.PF, t.vector());
        assertEquals(4, t.errorCode());
    }

    @Test
    void anEntryMadeReadOnlyIsCopiedOnWriteAfterInvlpg() {
        assertEquals(Trap.Kind.SYSCALL, store(5).kind());
        long at = g.leafAddress(g.cpu.cr3, DATA, 12);
        g.memory.putLong(at, g.memory.getLong(at) & ~W);
        g.engine.invlpg(DATA);
        Trap t = store(6);
        assertEquals(CpuException.PF, t.vector());
        assertEquals(7, t.errorCode());
        assertEquals(5, load());
        assertEquals(1, g.engine.rawCounters().protects);
        g.map(g.cpu.cr3, DATA, DATA_PHYSICAL, P | U | W);
        assertEquals(Trap.Kind.SYSCALL, store(7).kind());
        assertEquals(7, g.memory.getLong(DATA_PHYSICAL));
    }

    @Test
    void clearedAccessedAndDirtyBitsAreSetAnew() {
        store(1);
        long at = g.leafAddress(g.cpu.cr3, DATA, 12);
        g.memory.putLong(at, g.memory.getLong(at) & ~(A | D));
        g.engine.flush(Flush.ALL, 0, 0);
        load();
        assertEquals(A, g.leaf(DATA) & (A | D));
        g.engine.flush(Flush.ALL, 0, 0);
        store(2);
        assertEquals(A | D, g.leaf(DATA) & (A | D));
    }

    @Test
    void whatDidNotChangeSurvivesAFlush() {
        load();
        long faults = g.engine.rawCounters().faultsMapped;
        g.engine.cr3Loaded(g.cpu.cr3, g.cpu.cr3, false);
        load();
        assertEquals(faults, g.engine.rawCounters().faultsMapped);
        assertEquals(1, g.engine.rawCounters().revalidations);
        assertEquals(0, g.engine.rawCounters().pagesDropped);
    }

    @Test
    void nothingIsComparedWhereNoTableHasChanged() {
        long[] changes = {0};
        g.engine.setTableVersions(new TableVersions() {
            @Override
            public int of(long table) {
                return UNKNOWN;
            }

            @Override
            public long changes() {
                return changes[0];
            }
        });
        g.memory.putLong(DATA_PHYSICAL, 1);
        g.memory.putLong(DATA_PHYSICAL + 8192, 2);
        for (int i = 0; i < 3; i++) {
            assertEquals(1, load());
            g.engine.invalidateAll(g.cpu.cr3);
        }
        assertEquals(1, g.engine.rawCounters().revalidations);
        assertEquals(1, g.engine.rawCounters().revalidationsSpared);
        g.map(g.cpu.cr3, DATA, DATA_PHYSICAL + 8192, P | U | W);
        changes[0]++;
        assertEquals(2, load());
        assertEquals(2, g.engine.rawCounters().revalidations);
    }

    @Test
    void aReplacedPageTableIsFollowed() {
        g.memory.putLong(DATA_PHYSICAL, 1);
        g.memory.putLong(DATA_PHYSICAL + 8192, 2);
        assertEquals(1, load());
        long directory = g.leafAddress(g.cpu.cr3, DATA, 21);
        g.memory.putLong(directory, 0);
        g.map(g.cpu.cr3, DATA, DATA_PHYSICAL + 8192, P | U | W);
        g.engine.flush(Flush.PCID, 0, 0);
        assertEquals(2, load());
    }

    @Test
    void aLargePageSplitUpIsFollowed() {
        long va = 0x2000_0000L;
        g.mapLarge(g.cpu.cr3, va, 0x100_0000L, P | U | W);
        g.memory.putLong(0x100_0000L, 3);
        g.memory.putLong(DATA_PHYSICAL, 4);
        Assembler a = new Assembler().move(3, va).load(0, 3, 0).store(3, 8, 0).syscall();
        g.program(a);
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        assertEquals(3, g.cpu.gpr[0]);
        g.memory.putLong(g.leafAddress(g.cpu.cr3, va, 21), 0);
        g.map(g.cpu.cr3, va, DATA_PHYSICAL, P | U | W);
        g.engine.invlpg(va);
        g.at(CODE);
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        assertEquals(4, g.cpu.gpr[0]);
    }

    /** More address spaces than mirrors, each with its own page at DATA, visited in turn; vector registers move along. */
    @Test
    void addressSpacesAreSwitched() {
        long[] roots = new long[5];
        for (int i = 0; i < roots.length; i++) {
            roots[i] = i == 0 ? g.cpu.cr3 : g.newSpace();
            g.standard(roots[i]);
            g.map(roots[i], DATA, 0x200_0000L + i * 4096L, P | U | W);
            g.memory.putLong(0x200_0000L + i * 4096L, 100 + i);
        }
        // vpcmpeqd ymm7,ymm7,ymm7 in the first one; later ones must find all ones in it
        g.program(0xc5, 0xc5, 0x76, 0xff, 0x0f, 0x05);
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        // vmovmskps rax <- ymm7: c5 fc 50 c7; mov rbx, DATA; mov rcx... ; inc qword [rbx]
        Assembler a =
                new Assembler().bytes(0xc5, 0xfc, 0x50, 0xc7).moveRegister(6, 0).move(3, DATA);
        g.program(a.bytes(0x48, 0xff, 0x03).load(0, 3, 0).syscall());
        for (int round = 1; round <= 3; round++) {
            for (int i = 0; i < roots.length; i++) {
                long old = g.cpu.cr3;
                g.cpu.cr3 = roots[i];
                g.engine.cr3Loaded(old, roots[i], false);
                g.at(CODE);
                assertEquals(Trap.Kind.SYSCALL, g.run().kind());
                assertEquals(100 + i + round, g.cpu.gpr[CpuState.RAX]);
                assertEquals(0xff, g.cpu.gpr[CpuState.RSI], "all eight lanes of YMM7");
            }
        }
        assertTrue(
                g.engine.rawCounters().stubSpawns <= 3, g.engine.rawCounters().toString());
    }

    /** A PCID reused for another address space without NOFLUSH, and switches with NOFLUSH in between. */
    @Test
    void noFlushKeepsAMirrorOfItsOwnPcidOnly() {
        long one = g.cpu.cr3 | 1;
        long other = g.newSpace();
        g.standard(other);
        g.cpu.cr3 = one;
        g.engine.cr3Loaded(0, one, false);
        store(1);
        g.engine.cr3Loaded(one, other | 2, false);
        g.cpu.cr3 = other | 2;
        load();
        long revalidations = g.engine.rawCounters().revalidations;
        g.engine.cr3Loaded(other | 2, one, true);
        g.cpu.cr3 = one;
        load();
        assertEquals(revalidations, g.engine.rawCounters().revalidations);
        g.map(other, DATA, DATA_PHYSICAL + 8192, P | U | W);
        g.memory.putLong(DATA_PHYSICAL + 8192, 77);
        g.engine.cr3Loaded(one, other | 1, false);
        g.cpu.cr3 = other | 1;
        assertEquals(77, load());
    }

    @Test
    void manyChangesAreOneBatchAfterAnother() {
        for (int i = 0; i < 2048; i++) {
            g.map(g.cpu.cr3, 0x1000_0000L + i * 4096L, 0x100_0000L + i * 4096L, P | U | W | A | D);
        }
        Assembler a =
                new Assembler().move(3, 0x1000_0000L).xor(0, 0).label("loop").bytes(0x48, 0x03, 0x03);
        g.program(a.addImmediate(3, 4096)
                .compareImmediate(3, 0x1080_0000)
                .jumpIf(5, "loop")
                .syscall());
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        for (int i = 0; i < 2048; i += 2) {
            g.memory.putLong(0x100_0000L + i * 4096L, 1);
            g.map(g.cpu.cr3, 0x1000_0000L + i * 4096L, 0x100_0000L + (i + 2048) * 4096L, P | U | W | A | D);
        }
        g.engine.flush(Flush.PCID, 0, 0);
        g.at(CODE);
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        assertEquals(0, g.cpu.gpr[0]);
        assertEquals(1024, g.engine.rawCounters().pagesDropped);
    }

    @Test
    void moreMappingsThanTheHostAllowsAreEvicted() {
        // every second page of a scattered file range: no two pages can share a mapping
        int pages = 6000;
        DirectEngine small = g.engine;
        small.limitMappings(2000);
        for (int i = 0; i < pages; i++) {
            g.map(g.cpu.cr3, 0x1000_0000L + i * 4096L, 0x100_0000L + (i * 2 % 8192) * 4096L, P | U | W | A | D);
        }
        Assembler a =
                new Assembler().move(3, 0x1000_0000L).xor(0, 0).label("loop").bytes(0x48, 0x03, 0x03);
        g.program(a.addImmediate(3, 4096)
                .compareImmediate(3, (int) (0x1000_0000L + pages * 4096L))
                .jumpIf(5, "loop")
                .syscall());
        g.memory.putLong(0x100_0000L + 2 * 4096, 9);
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        assertTrue(g.cpu.gpr[0] >= 9);
        assertTrue(g.engine.rawCounters().evictions > 0);
    }

    private static void back(TinyGuest g, long physical, int value) throws Exception {
        java.nio.file.Path file = java.nio.file.Files.createTempFile("backing", "");
        byte[] page = new byte[4096];
        page[0] = (byte) value;
        java.nio.file.Files.write(file, page);
        g.memory.give(g.memory.offset(physical), dev.runinvm.engine.os.ReadOnlyFile.open(file));
        java.nio.file.Files.delete(file);
    }

    @Test
    void aBackedPageIsReadFromItsFileAndBecomesTheGuestsOwnWhenItIsWritten() throws Exception {
        back(g, DATA_PHYSICAL, 5);
        assertEquals(5, load());
        assertEquals(1, g.memory.source(g.memory.offset(DATA_PHYSICAL)));
        assertEquals(Trap.Kind.SYSCALL, store(6).kind());
        assertEquals(0, g.memory.source(g.memory.offset(DATA_PHYSICAL)));
        assertEquals(6, load());
        assertEquals(6, g.memory.getLong(DATA_PHYSICAL));
    }

    @Test
    void aWriteIsSeenThroughEveryOtherMappingOfABackedPage() throws Exception {
        back(g, DATA_PHYSICAL, 5);
        long alias = DATA + 0x100_0000;
        g.map(g.cpu.cr3, alias, DATA_PHYSICAL, P | U);
        g.program(new Assembler().move(3, alias).load(0, 3, 0).syscall());
        g.run();
        assertEquals(5, g.cpu.gpr[CpuState.RAX]);
        assertEquals(5, load());
        store(6);
        g.program(new Assembler().move(3, alias).load(0, 3, 0).syscall());
        g.run();
        assertEquals(6, g.cpu.gpr[CpuState.RAX], "through another address");
        long first = g.cpu.cr3;
        long other = g.newSpace();
        g.standard(other);
        g.cpu.cr3 = other;
        assertEquals(6, load(), "in another address space");
        g.cpu.cr3 = first;
        assertEquals(6, load());
    }

    @Test
    void aWriteOfTheKernelIsSeenByGuestCodeThatHasTheBackedPageMapped() throws Exception {
        back(g, DATA_PHYSICAL, 5);
        long other = g.newSpace();
        g.standard(other);
        assertEquals(5, load());
        long first = g.cpu.cr3;
        g.cpu.cr3 = other;
        assertEquals(5, load());
        g.memory.putLong(DATA_PHYSICAL, 9); // as ring 0 does, or a device
        assertEquals(9, load());
        g.cpu.cr3 = first;
        assertEquals(9, load());
    }
}
