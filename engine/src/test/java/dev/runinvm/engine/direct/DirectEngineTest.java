package dev.runinvm.engine.direct;

import dev.runinvm.engine.os.Host;
import dev.runinvm.engine.os.MemFile;
import dev.runinvm.engine.x86.CpuException;
import dev.runinvm.engine.x86.CpuState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import static dev.runinvm.engine.direct.TinyGuest.*;
import static org.junit.jupiter.api.Assertions.*;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

@Timeout(30)
class DirectEngineTest {
    private final TinyGuest g = new TinyGuest();

    @AfterEach
    void close() {
        g.close();
    }

    @Test
    void aSystemCallArrivesWithAllRegisters() {
        for (int i = 0; i < 16; i++) {
            g.cpu.gpr[i] = 0x1111_1111_1111_1111L * i + 7;
        }
        g.program(0x0f, 0x05); // syscall
        long[] before = g.cpu.gpr.clone();
        g.cpu.setRflags(CpuState.FLAG_IF | CpuState.FLAG_CF | CpuState.FLAG_DF);
        g.cpu.base[CpuState.FS] = 0x1234_5000;
        g.cpu.base[CpuState.GS] = 0x7000_1234_5000L;
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        for (int i = 0; i < 16; i++) {
            if (i == CpuState.RCX) {
                assertEquals(CODE + 2, g.cpu.gpr[i]);
            } else if (i != 11) {
                assertEquals(before[i], g.cpu.gpr[i], "register " + i);
            }
        }
        assertEquals(CODE + 2, g.cpu.rip);
        assertEquals(CpuState.FLAG_IF | CpuState.FLAG_CF | CpuState.FLAG_DF | 2, g.cpu.rflags());
        assertEquals(0x1234_5000, g.cpu.base[CpuState.FS]);
        assertEquals(0x7000_1234_5000L, g.cpu.base[CpuState.GS]);
    }

    @Test
    void basesSetByTheGuestAreReadBack() {
        g.program(new Assembler()
                .move(0, 0x5555_0000L)
                .wrfsbase(0)
                .move(0, 0x6666_0000L)
                .wrgsbase(0)
                .syscall());
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        assertEquals(0x5555_0000L, g.cpu.base[CpuState.FS]);
        assertEquals(0x6666_0000L, g.cpu.base[CpuState.GS]);
    }

    @Test
    void basesSetByTheGuestSurviveAFaultThatIsNotTheGuests() {
        assumeTrue(Host.hasFsGsBase(), "a kernel that knows nothing of WRFSBASE forgets what user code sets with it");
        g.cpu.base[CpuState.FS] = 0x1111_0000L;
        g.cpu.base[CpuState.GS] = 0x2222_0000L;
        g.program(new Assembler()
                .move(0, 0x5555_0000L)
                .wrfsbase(0)
                .move(0, 0x6666_0000L)
                .wrgsbase(0)
                .move(3, DATA)
                .load(0, 3, 8)
                .syscall());
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        assertEquals(1, g.engine.rawCounters().faultsMapped - 1, "code and data");
        assertEquals(0x5555_0000L, g.cpu.base[CpuState.FS]);
        assertEquals(0x6666_0000L, g.cpu.base[CpuState.GS]);
    }

    /** As when a preemption request comes between the two. */
    @Test
    void basesLoadedTwiceBeforeTheGuestRunsAreThere() throws Stub.BatchFailed {
        try (MemFile file = MemFile.create("runinvm-test", 4096);
                Stub stub = new Stub(new int[] {file.fd()}, false)) {
            file.map(0, 4096).put(0, (byte) 0xcc);
            Batch batch = new Batch();
            batch.map(CODE, 4096, Batch.PROT_READ | Batch.PROT_EXEC, 0, true);
            CpuState s = g.cpu;
            s.rip = CODE;
            s.base[CpuState.FS] = 0x1111_0000L;
            s.base[CpuState.GS] = 0x2222_0000L;
            stub.load(s);
            stub.load(s);
            assertTrue(stub.resume(batch, 5000));
            stub.save(s);
            assertEquals(CODE + 1, s.rip);
            assertEquals(0x1111_0000L, s.base[CpuState.FS]);
            assertEquals(0x2222_0000L, s.base[CpuState.GS]);
        }
    }

    @Test
    void aLoadIsMappedAndSetsAccessedOnly() {
        g.memory.putLong(DATA_PHYSICAL + 8, 0x1234_5678_9abcL);
        g.program(new Assembler().move(3, DATA).load(0, 3, 8).syscall());
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        assertEquals(0x1234_5678_9abcL, g.cpu.gpr[0]);
        assertEquals(A, g.leaf(DATA) & (A | D));
        assertFalse(g.becameWritable.contains(DATA_PHYSICAL));
    }

    @Test
    void aStoreSetsDirtyAndIsSeenInGuestMemory() {
        g.program(new Assembler()
                .move(3, DATA)
                .load(0, 3, 8)
                .move(2, 99)
                .store(3, 8, 2)
                .syscall());
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        assertEquals(99, g.memory.getLong(DATA_PHYSICAL + 8));
        assertEquals(A | D, g.leaf(DATA) & (A | D));
        assertTrue(g.becameWritable.contains(DATA_PHYSICAL));
    }

    @Test
    void anAbsentPageFaultsInTheGuest() {
        g.program(new Assembler().move(3, 0x1234_5000).load(0, 3, 8).syscall());
        Trap t = g.run();
        assertEquals(Trap.Kind.EXCEPTION, t.kind());
        assertEquals(CpuException.PF, t.vector());
        assertEquals(4, t.errorCode());
        assertEquals(0x1234_5008, t.address());
        assertEquals(CODE + 10, g.cpu.rip);
        g.map(g.cpu.cr3, 0x1234_5000, DATA_PHYSICAL, P | U);
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
    }

    @Test
    void aStoreToAReadOnlyPageFaultsInTheGuest() {
        g.program(new Assembler().move(3, CODE).store(3, 8, 2).syscall());
        Trap t = g.run();
        assertEquals(CpuException.PF, t.vector());
        assertEquals(7, t.errorCode());
        assertEquals(CODE + 8, t.address());
    }

    @Test
    void aJumpToANoExecutePageFaultsInTheGuest() {
        g.at(DATA);
        Trap t = g.run();
        assertEquals(CpuException.PF, t.vector());
        assertEquals(0x15, t.errorCode());
        assertEquals(DATA, t.address());
    }

    @Test
    void aSupervisorPageFaultsInTheGuest() {
        g.map(g.cpu.cr3, 0x1000_0000, DATA_PHYSICAL, P | W);
        g.program(new Assembler().move(3, 0x1000_0000).load(0, 3, 8).syscall());
        Trap t = g.run();
        assertEquals(CpuException.PF, t.vector());
        assertEquals(5, t.errorCode());
    }

    @Test
    void whatIsNoMemoryIsToBeInterpreted() {
        g.map(g.cpu.cr3, 0x1000_0000, 0xfee0_0000L, P | U | W);
        g.program(new Assembler().move(3, 0x1000_0000).store(3, 8, 0).syscall());
        Trap t = g.run();
        assertEquals(Trap.Kind.EMULATE, t.kind());
        assertEquals(0x1000_0008, t.address());
        assertEquals(CODE + 10, g.cpu.rip);
    }

    @Test
    void int80Arrives() {
        g.program(0xcd, 0x80);
        Trap t = g.run();
        if (t.kind() == Trap.Kind.EMULATE) {
            assertEquals(CODE, g.cpu.rip, "a host without 32-bit calls (IA32_EMULATION) leaves it to the interpreter");
            return;
        }
        assertEquals(Trap.Kind.INT80, t.kind());
        assertEquals(CODE + 2, g.cpu.rip);
    }

    @Test
    void exceptionsArriveWithTheirVectors() {
        assertException(CpuException.UD, CODE, 0x0f, 0x0b);
        assertException(CpuException.BP, CODE + 1, 0xcc);
        assertException(CpuException.DE, CODE + 4, 0x31, 0xc9, 0x31, 0xd2, 0xf7, 0xf1);
    }

    @Test
    void aSingleStepIsADebugException() {
        g.cpu.setRflags(CpuState.FLAG_IF | CpuState.FLAG_TF);
        assertException(CpuException.DB, CODE + 1, 0x90, 0x90);
        assertNotEquals(0, g.cpu.rflags() & CpuState.FLAG_TF);
    }

    private void assertException(int vector, long rip, int... code) {
        g.program(code);
        Trap t = g.run();
        assertEquals(Trap.Kind.EXCEPTION, t.kind());
        assertEquals(vector, t.vector());
        assertEquals(rip, g.cpu.rip);
    }

    @Test
    void privilegedInstructionsAreToBeInterpreted() {
        int[][] codes = {
            {0xf4}, {0xe4, 0x60}, {0xe6, 0x80}, {0xec}, {0x0f, 0x20, 0xd8}, {0x0f, 0x32}, {0xfa}, {0xcd, 0x21}
        };
        for (int[] code : codes) {
            g.program(code);
            Trap t = g.run();
            assertEquals(Trap.Kind.EMULATE, t.kind(), () -> "code " + java.util.Arrays.toString(code));
            assertEquals(CODE, g.cpu.rip);
        }
    }

    @Test
    void aNonCanonicalAddressIsToBeInterpreted() {
        g.program(new Assembler().move(3, 0x8000_0000_0000_0000L).load(0, 3, 8).syscall());
        assertEquals(Trap.Kind.EMULATE, g.run().kind());
    }

    @Test
    void manyPagesAreMappedWithFewFaults() {
        for (int i = 0; i < 256; i++) {
            g.map(g.cpu.cr3, 0x1000_0000L + i * 4096L, 0x100_0000L + i * 4096L, P | U | W);
            g.memory.putLong(0x100_0000L + i * 4096L, i);
        }
        // mov rbx, start; xor eax,eax; loop: add rax,[rbx]; add rbx,4096; cmp rbx,end; jne loop
        Assembler a =
                new Assembler().move(3, 0x1000_0000L).xor(0, 0).label("loop").bytes(0x48, 0x03, 0x03);
        g.program(a.addImmediate(3, 4096)
                .compareImmediate(3, 0x1010_0000)
                .jumpIf(5, "loop")
                .syscall());
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        assertEquals(255 * 128, g.cpu.gpr[0]);
        assertTrue(
                g.engine.rawCounters().faultsMapped <= 18,
                g.engine.rawCounters().toString());
    }

    @Test
    void largePagesAreMapped() {
        g.mapLarge(g.cpu.cr3, 0x2000_0000L, 0x100_0000L, P | U | W);
        g.memory.putLong(0x110_0000L, 4711);
        g.program(new Assembler()
                .move(3, 0x2010_0000L)
                .load(0, 3, 0)
                .store(3, 8, 0)
                .syscall());
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        assertEquals(4711, g.cpu.gpr[0]);
        assertEquals(4711, g.memory.getLong(0x110_0008L));
        assertEquals(A | D, g.memory.getLong(g.leafAddress(g.cpu.cr3, 0x2000_0000L, 21)) & (A | D));
    }
}
