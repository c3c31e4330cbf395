package dev.runinvm.engine.x86;

import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.MmioDevice;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import static dev.runinvm.engine.x86.TestMachine.G;
import static dev.runinvm.engine.x86.TestMachine.KERNEL;
import static dev.runinvm.engine.x86.TestMachine.LARGE;
import static dev.runinvm.engine.x86.TestMachine.NX;
import static dev.runinvm.engine.x86.TestMachine.P;
import static dev.runinvm.engine.x86.TestMachine.U;
import static dev.runinvm.engine.x86.TestMachine.W;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class MmuTest {
    private static final long VA = 0x40_0000;

    private final TestMachine m = new TestMachine();
    private final Mmu mmu = m.mmu;

    @AfterEach
    void close() {
        m.close();
    }

    private static void pageFault(long address, int error, Executable access) {
        CpuException e = assertThrows(CpuException.class, access);
        assertEquals(CpuException.PF, e.vector());
        assertEquals(error, e.errorCode(), "error code");
        assertEquals(address, e.address(), "CR2");
    }

    private static void generalProtection(Executable access) {
        CpuException e = assertThrows(CpuException.class, access);
        assertEquals(CpuException.GP, e.vector());
        assertEquals(0, e.errorCode());
    }

    @Test
    void valuesOfAllSizesAreLittleEndianAndZeroExtended() {
        m.map(VA, 0x20_0000, P | W);
        mmu.write64(VA + 8, 0xf1f2_f3f4_f5f6_f7f8L);
        assertEquals(0xf1f2_f3f4_f5f6_f7f8L, mmu.read64(VA + 8));
        assertEquals(0xf5f6_f7f8L, mmu.read32(VA + 8));
        assertEquals(0xf7f8L, mmu.read16(VA + 8));
        assertEquals(0xf8L, mmu.read8(VA + 8));
        mmu.write8(VA + 8, 0x1ffL);
        mmu.write16(VA + 10, 0x2_1234L);
        mmu.write32(VA + 12, 0x9_8765_4321L);
        assertEquals(0x8765_4321_1234_f7ffL, m.memory.getLong(0x20_0008));
        assertEquals(0x8765_4321_1234_f7ffL, mmu.readRmw64(VA + 8));
        assertEquals(0x1234_f7ffL, mmu.readRmw32(VA + 8));
        assertEquals(0xf7ffL, mmu.readRmw16(VA + 8));
        assertEquals(0xffL, mmu.readRmw8(VA + 8));
    }

    @Test
    void accessesMayCrossPagesThatLieApart() {
        m.map(VA, 0x20_0000, P | W);
        m.map(VA + 4096, 0x30_0000, P | W);
        for (int size = 2; size <= 8; size *= 2) {
            for (int before = 1; before < size; before++) {
                long at = VA + 4096 - before;
                long value = 0x8877_6655_4433_2211L >>> 64 - 8 * size;
                if (size == 2) {
                    mmu.write16(at, value);
                    assertEquals(value, mmu.read16(at));
                    assertEquals(value, mmu.readRmw16(at));
                } else if (size == 4) {
                    mmu.write32(at, value);
                    assertEquals(value, mmu.read32(at));
                    assertEquals(value, mmu.readRmw32(at));
                } else {
                    mmu.write64(at, value);
                    assertEquals(value, mmu.read64(at));
                    assertEquals(value, mmu.readRmw64(at));
                }
                assertEquals(value & 0xff, m.memory.getByte(0x20_1000 - before) & 0xff);
                assertEquals(value >>> 8 * before & 0xff, m.memory.getByte(0x30_0000) & 0xff);
            }
        }
    }

    @Test
    void aCrossingWriteThatFaultsOnTheSecondPageWritesNothing() {
        m.map(VA, 0x20_0000, P | W);
        m.map(VA + 4096, 0x30_0000, P);
        pageFault(VA + 4096, 3, () -> mmu.write64(VA + 4092, -1));
        assertEquals(0, m.memory.getInt(0x20_0ffc));
        pageFault(VA + 4096, 3, () -> mmu.readRmw64(VA + 4092));
    }

    @Test
    void nonCanonicalAddressesAreGeneralProtectionFaults() {
        generalProtection(() -> mmu.read8(0x8000_0000_0000L));
        generalProtection(() -> mmu.write64(0xffff_7fff_ffff_fff8L, 0));
        generalProtection(() -> mmu.fetch(1L << 62));
        m.map(0x7fff_ffff_f000L, 0x20_0000, P | W);
        generalProtection(() -> mmu.read64(0x7fff_ffff_fffcL));
        generalProtection(() -> mmu.write64(0x7fff_ffff_fffcL, -1));
        assertEquals(0, m.memory.getInt(0x20_0ffc));
    }

    @Test
    void accessedAndDirtyBitsFollowTheAccesses() {
        m.map(VA, 0x20_0000, P | W | U);
        long entry = m.entryAddress(VA, 12);
        mmu.read8(VA);
        assertEquals(PageWalker.ACCESSED, m.memory.getLong(entry) & (PageWalker.ACCESSED | PageWalker.DIRTY));
        mmu.readRmw8(VA);
        assertEquals(
                PageWalker.ACCESSED | PageWalker.DIRTY,
                m.memory.getLong(entry) & (PageWalker.ACCESSED | PageWalker.DIRTY));
        m.memory.putLong(entry, m.memory.getLong(entry) & ~PageWalker.DIRTY);
        mmu.invalidatePage(VA);
        mmu.write8(VA, 1);
        assertTrue((m.memory.getLong(entry) & PageWalker.DIRTY) != 0);
        assertTrue((m.memory.getLong(m.entryAddress(VA, 39)) & PageWalker.ACCESSED) != 0, "upper levels too");
    }

    @Test
    void writeProtectBindsTheSupervisorOnlyWithWp() {
        m.map(VA, 0x20_0000, P);
        pageFault(VA + 1, 3, () -> mmu.write8(VA + 1, 1));
        SystemInstructions.writeCr(m.cpu, 0, m.s.cr0 & ~CpuState.CR0_WP);
        mmu.write8(VA + 1, 7);
        assertEquals(7, m.memory.getByte(0x20_0001));
        SystemInstructions.writeCr(m.cpu, 0, m.s.cr0 | CpuState.CR0_WP);
        pageFault(VA + 1, 3, () -> mmu.write8(VA + 1, 1));
    }

    @Test
    void smapAllowsUserPagesOnlyWhileAcIsSet() {
        m.map(VA, 0x20_0000, P | W | U);
        assertEquals(0, mmu.read8(VA));
        SystemInstructions.writeCr(m.cpu, 4, m.s.cr4 | CpuState.CR4_SMAP);
        pageFault(VA, 1, () -> mmu.read8(VA));
        SystemInstructions.stac(m.cpu);
        mmu.write8(VA, 5);
        assertEquals(5, mmu.read8(VA));
        mmu.write8(KERNEL + 0x30_0000, 9);
        pageFaultOfSystem();
        SystemInstructions.clac(m.cpu);
        assertEquals(9, mmu.read8(KERNEL + 0x30_0000));
        pageFault(VA, 3, () -> mmu.write8(VA, 1));
        m.user(VA, VA);
        assertEquals(5, mmu.read8(VA));
        pageFault(KERNEL, 5, () -> mmu.read8(KERNEL));
        assertEquals(m.memory.getLong(TestMachine.GDT + 16), mmu.readSystem(KERNEL + TestMachine.GDT + 16, 8));
        pageFault(KERNEL, 5, () -> mmu.read8(KERNEL));
    }

    private void pageFaultOfSystem() {
        pageFault(VA, 1, () -> mmu.readSystem(VA, 8)); // implicit accesses do not care for AC
    }

    @Test
    void fetchesObeyNxAndSmep() {
        m.map(VA, 0x20_0000, P | W | U);
        m.map(VA + 4096, 0x20_1000, P | W | NX);
        assertEquals(0x20_0123, mmu.fetch(VA + 0x123));
        assertEquals(0x20_0124, mmu.fetch(VA + 0x124));
        pageFault(VA + 4096, 0x11, () -> mmu.fetch(VA + 4096));
        SystemInstructions.writeCr(m.cpu, 4, m.s.cr4 | CpuState.CR4_SMEP);
        pageFault(VA, 0x11, () -> mmu.fetch(VA));
        pageFault(VA + 8192, 0x10, () -> mmu.fetch(VA + 8192));
        m.user(VA, VA);
        assertEquals(0x20_0000, mmu.fetch(VA));
        pageFault(KERNEL, 0x15, () -> mmu.fetch(KERNEL));
    }

    @Test
    void largePagesAreTranslatedWhole() {
        m.map(VA, 0x20_0000, P | W | LARGE, 21);
        mmu.write32(VA + 0x12_3456, 0xcafe);
        assertEquals(0xcafe, m.memory.getInt(0x32_3456));
        m.map(1L << 39, 0, P | W | LARGE, 30);
        mmu.write32((1L << 39) + 0x30_0000, 0xbeef);
        assertEquals(0xbeef, m.memory.getInt(0x30_0000));
        mmu.write64(VA + 0x10_0ffd, 0x1122_3344_5566_7788L);
        assertEquals(
                0x1122_3344_5566_7788L, m.memory.getLong(0x30_0ffd - 5) >>> 40 | m.memory.getLong(0x30_1000) << 24);
    }

    @Test
    void invlpgDropsEveryPieceOfALargePageAndNothingElse() {
        m.map(VA, 0x20_0000, P | W | LARGE, 21);
        m.map(1L << 40, 0x20_0000, P | W);
        mmu.write8(VA, 1);
        mmu.write8(VA + 0x10_0000, 2);
        mmu.read8(1L << 40);
        m.map(VA, 0, P | W | LARGE, 21);
        m.map(1L << 40, 0x30_0000, P | W);
        assertEquals(2, mmu.read8(VA + 0x10_0000), "still the old translation");
        mmu.invalidatePage(VA + 0x5000);
        assertEquals(m.memory.getByte(0x10_0000) & 0xff, mmu.read8(VA + 0x10_0000));
        assertEquals(0, mmu.read8(VA));
        assertEquals(1, mmu.read8(1L << 40), "other pages keep theirs");
        mmu.invalidatePage(1L << 40);
        assertEquals(2, mmu.read8(1L << 40));
    }

    @Test
    void loadingCr3KeepsGlobalPages() {
        m.map(VA, 0x20_0000, P | W);
        m.map(KERNEL + (1L << 30), 0x20_1000, P | W | G);
        mmu.write8(VA, 1);
        mmu.write8(KERNEL + (1L << 30), 2);
        mmu.fetch(VA);
        m.map(VA, 0x30_0000, P | W);
        m.map(KERNEL + (1L << 30), 0x30_1000, P | W | G);
        SystemInstructions.writeCr(m.cpu, 3, m.s.cr3);
        assertEquals(0, mmu.read8(VA));
        assertEquals(0x30_0000, mmu.fetch(VA));
        assertEquals(2, mmu.read8(KERNEL + (1L << 30)), "global: kept");
        SystemInstructions.writeCr(m.cpu, 4, m.s.cr4 & ~CpuState.CR4_PGE);
        assertEquals(0, mmu.read8(KERNEL + (1L << 30)));
    }

    @Test
    void theListenerHearsOfMaintenance() {
        List<String> heard = new ArrayList<>();
        mmu.setListener(new AddressSpaceListener() {
            @Override
            public void cr3Loaded(long oldCr3, long newCr3, boolean noFlush) {
                heard.add("cr3 " + (newCr3 & 0xfff) + " " + noFlush);
            }

            @Override
            public void invlpg(long linear) {
                heard.add("invlpg " + linear);
            }

            @Override
            public void flush(Flush kind, int pcid, long linear) {
                heard.add(kind + " " + pcid + " " + linear);
            }
        });
        SystemInstructions.writeCr(m.cpu, 4, m.s.cr4 | CpuState.CR4_PCIDE);
        SystemInstructions.writeCr(m.cpu, 3, m.s.cr3 | 5);
        SystemInstructions.writeCr(m.cpu, 3, m.s.cr3 & ~0xfffL | 6 | 1L << 63);
        assertEquals(6, m.s.cr3 & 0xfff);
        assertTrue(m.s.cr3 > 0, "NOFLUSH is not kept");
        SystemInstructions.invlpg(m.cpu, 0x1234);
        m.memory.putLong(0x20_0000, 6);
        m.memory.putLong(0x20_0008, 0x5678);
        for (int type = 0; type < 4; type++) {
            SystemInstructions.invpcid(m.cpu, type, KERNEL + 0x20_0000);
        }
        assertEquals(
                List.of(
                        "ALL 0 0",
                        "cr3 5 false",
                        "cr3 6 true",
                        "invlpg " + 0x1234,
                        "ADDRESS 6 " + 0x5678,
                        "PCID 6 " + 0x5678,
                        "ALL 6 " + 0x5678,
                        "ALL_BUT_GLOBAL 6 " + 0x5678),
                heard);
    }

    @Test
    void devicesSeeWholeAccesses() {
        List<String> heard = new ArrayList<>();
        m.mmio.register(0xd000_0000L, 4096, new MmioDevice() {
            @Override
            public long read(long offset, int size) {
                heard.add("r" + size + "@" + offset);
                return -1;
            }

            @Override
            public void write(long offset, int size, long value) {
                heard.add("w" + size + "@" + offset + "=" + Long.toHexString(value));
            }
        });
        m.map(VA, 0xd000_0000L, P | W);
        m.map(VA + 4096, 0xd000_1000L, P | W);
        assertEquals(0xffff_ffffL, mmu.read32(VA + 16));
        mmu.write16(VA + 18, 0x1_2345);
        assertEquals(0xff, mmu.readRmw8(VA));
        assertEquals(-1, mmu.read64(VA + 4096), "nobody there");
        assertEquals(List.of("r4@16", "w2@18=2345", "r1@0"), heard);
        assertEquals(0, mmu.strings.fill(VA, 0, 8, 10));
        assertEquals(0, mmu.strings.copyForward(KERNEL, VA, 64, 8));
    }

    @Test
    void writesToProtectedCodeAreTold() {
        List<String> heard = new ArrayList<>();
        CodeListener listener = (physical, length) -> heard.add(Long.toHexString(physical) + "+" + length);
        mmu.setCodeListener(listener);
        m.map(VA, 0x20_0000, P | W);
        mmu.write64(VA, 1);
        mmu.write64(KERNEL + 0x20_0000, 1);
        assertEquals(List.of(), heard);
        mmu.protectCode(0x20_0010);
        assertTrue(mmu.isCode(0x20_0fff));
        assertFalse(mmu.isCode(0x20_1000));
        mmu.write64(VA + 8, 5);
        mmu.write8(KERNEL + 0x20_0003, 5);
        assertEquals(0, mmu.strings.fill(VA, 0, 1, 100), "bulk stores stay away");
        mmu.write(VA + 0xffe, new byte[] {1, 2}, 0, 2);
        assertEquals(5, mmu.readRmw64(VA + 8));
        mmu.write64(VA + 8, 6);
        mmu.writeSystem(VA, 4, 6);
        mmu.memoryChanged(0x1f_fff0, 0x2000);
        assertEquals(
                List.of("200008+8", "200003+1", "200ffe+1", "200fff+1", "200008+8", "200000+4", "200000+4096"), heard);
        assertEquals(6, m.memory.getLong(0x20_0008));
        heard.clear();
        mmu.unprotectCode(0x20_0000);
        mmu.write64(VA + 8, 7);
        mmu.write64(VA + 8, 8);
        assertEquals(100, mmu.strings.fill(VA, 0, 1, 100));
        assertEquals(List.of(), heard);
    }

    @Test
    void bytesAreCheckedBeforeTheFirstIsCopied() {
        m.map(VA, 0x20_0000, P | W);
        m.map(VA + 4096, 0x20_3000, P | W);
        byte[] data = new byte[5000];
        for (int i = 0; i < data.length; i++) {
            data[i] = (byte) (i * 7);
        }
        mmu.write(VA + 100, data, 0, 5000);
        byte[] back = new byte[5000];
        mmu.read(VA + 100, back, 0, 5000);
        org.junit.jupiter.api.Assertions.assertArrayEquals(data, back);
        assertEquals(data[3996], m.memory.getByte(0x20_3000));
        pageFault(VA + 8192, 2, () -> mmu.write(VA, new byte[9000], 0, 9000));
        assertEquals(data[0], m.memory.getByte(0x20_0000 + 100));
    }

    @Test
    void memoryBehindTheWindowIsMemoryToo() {
        m.map(VA, GuestMemory.WINDOW_BASE, P | W);
        mmu.write32(VA + 4, 77);
        assertEquals(77, m.memory.window().getInt(4));
        mmu.protectCode(GuestMemory.WINDOW_BASE);
        assertTrue(mmu.isCode(GuestMemory.WINDOW_BASE + 5));
    }

    @Test
    void codeIsLookedUpAgainOnlyWhenItsTranslationMayHaveChanged() {
        long code = KERNEL + 0x20_0000;
        m.map(VA, 0x20_0000, P | W | U);
        m.user(VA, VA);
        mmu.fetch(VA);
        m.kernel();
        mmu.fetch(code);
        int generation = mmu.codeGeneration;
        SystemInstructions.writeCr(m.cpu, 3, m.s.cr3);
        SystemInstructions.invlpg(m.cpu, KERNEL + (64L << 21));
        assertEquals(generation, mmu.codeGeneration, "global code, other pages");
        SystemInstructions.invlpg(m.cpu, code + 0x5000);
        assertTrue(generation != mmu.codeGeneration, "a piece of the same large page");
        generation = mmu.codeGeneration;
        mmu.fetch(VA);
        SystemInstructions.writeCr(m.cpu, 3, m.s.cr3);
        assertTrue(generation != mmu.codeGeneration, "code in a page that is not global");
        generation = mmu.codeGeneration;
        SystemInstructions.writeCr(m.cpu, 3, m.s.cr3);
        assertEquals(generation, mmu.codeGeneration);
        SystemInstructions.writeCr(m.cpu, 4, m.s.cr4 ^ CpuState.CR4_PGE);
        assertTrue(generation != mmu.codeGeneration);
    }

    @Test
    void aBackedPageIsReadInPlaceAndEveryAddressOfItSeesTheFirstWrite() throws Exception {
        java.nio.file.Path file = java.nio.file.Files.createTempFile("backing", "");
        byte[] page = new byte[4096];
        page[8] = 5;
        java.nio.file.Files.write(file, page);
        m.memory.give(0x20_0000, dev.runinvm.engine.os.ReadOnlyFile.open(file));
        java.nio.file.Files.delete(file);
        m.map(VA, 0x20_0000, P | W);
        m.map(VA + 4096, 0x20_0000, P | W);
        assertEquals(5, mmu.read64(VA + 8));
        assertEquals(5, mmu.read64(VA + 4096 + 8));
        assertEquals(5, mmu.read64(TestMachine.KERNEL + 0x20_0008));
        assertEquals(1, m.memory.source(0x20_0000), "reading leaves it where it is");
        mmu.write64(VA + 8, 6);
        assertEquals(0, m.memory.source(0x20_0000));
        assertEquals(6, mmu.read64(VA + 8));
        assertEquals(6, mmu.read64(VA + 4096 + 8));
        assertEquals(6, mmu.read64(TestMachine.KERNEL + 0x20_0008));
        mmu.write64(TestMachine.KERNEL + 0x20_0008, 7);
        assertEquals(7, mmu.read64(VA + 8));
    }
}
