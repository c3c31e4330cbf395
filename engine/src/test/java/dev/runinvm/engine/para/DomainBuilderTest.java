package dev.runinvm.engine.para;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.x86.CpuState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What a kernel finds at its first instruction, read through its own page tables. */
class DomainBuilderTest {
    @Test
    void theKernelStartsAsXenStartsOne() {
        try (TestDomain d = new TestDomain()) {
            assertEquals(TestDomain.VIRT_BASE + TestDomain.TEXT, d.s.rip);
            assertEquals(0, d.s.cpl);
            assertEquals(0xe033, d.s.selector[CpuState.CS]);
            assertEquals(0xe02b, d.s.selector[CpuState.SS]);
            assertEquals(0xf4, d.domain.cpu.mmu.read8(d.s.rip));
            d.domain.cpu.mmu.write64(d.s.gpr[CpuState.RSP] - 8, 1); // there is a stack
            assertEquals(1, d.domain.shared.upcallMask());
        }
    }

    @Test
    void startInfoNamesWhatIsThere() {
        try (TestDomain d = new TestDomain()) {
            long info = d.s.gpr[CpuState.RSI];
            byte[] magic = new byte[14];
            d.domain.cpu.mmu.read(info, magic, 0, magic.length);
            assertArrayEquals("xen-3.0-x86_64".getBytes(java.nio.charset.StandardCharsets.US_ASCII), magic);
            assertEquals(d.domain.layout.pages(), d.read64(info + 32));
            assertEquals(d.domain.layout.sharedInfo(), d.read64(info + 40));
            assertEquals(d.s.cr3, d.read64(info + 88) - TestDomain.VIRT_BASE);
            assertEquals(TestDomain.P2M, d.read64(info + 104));
            byte[] line = new byte[13];
            d.domain.cpu.mmu.read(info + 128, line, 0, line.length);
            assertArrayEquals("console=hvc0\0".getBytes(java.nio.charset.StandardCharsets.US_ASCII), line);
        }
    }

    @Test
    void everyFrameIsItsOwnInBothLists() {
        try (TestDomain d = new TestDomain()) {
            long pages = d.domain.layout.pages();
            for (long pfn : new long[] {0, 1, 511, 512, pages / 2, pages - 1}) {
                assertEquals(pfn, d.read64(TestDomain.P2M + 8 * pfn));
                assertEquals(pfn, d.read64(ReservedSlots.MACHINE_TO_PHYS + 8 * pfn));
            }
            assertEquals(-1, d.read64(ReservedSlots.MACHINE_TO_PHYS + 8 * pages));
        }
    }

    @Test
    void allRamBelowTheListIsMapped() {
        try (TestDomain d = new TestDomain()) {
            long info = d.s.gpr[CpuState.RSI];
            long end = d.read64(info + 1152) << 12;
            for (long at = 0; at < end; at += 1 << 20) {
                d.domain.cpu.mmu.probe(TestDomain.VIRT_BASE + at, 1, true);
            }
            assertEquals(0, end % (2 << 20));
        }
    }

    @Test
    void filesLieWhereTheyAreSaidToLie(@TempDir Path directory) throws Exception {
        Path archive = Files.write(directory.resolve("a.cpio"), new byte[] {1, 2, 3, 4, 5});
        Path disk = Files.write(directory.resolve("disk"), new byte[] {9, 8, 7});
        Path second = Files.write(directory.resolve("second"), new byte[] {6});
        try (TestDomain d = new TestDomain(List.of(archive), List.of(disk, second), "", new byte[1], false)) {
            long info = d.s.gpr[CpuState.RSI];
            assertEquals(8, d.domain.cpu.mmu.read32(info + 48) & 8);
            assertEquals(0x0403_0201, d.memory.getInt(d.read64(info + 112) << 12));
            assertEquals(8, d.read64(info + 120)); // padded, as archives behind one another are
            long[] line = d.domain.layout.memoryMap().get(1);
            assertEquals(12, line[2]);
            assertEquals(2 << 20, line[1]);
            assertEquals(9, d.memory.getByte(line[0]));
            assertEquals(2, d.domain.layout.memoryMap().get(2)[2], "without a gap Linux takes both for one");
            line = d.domain.layout.memoryMap().get(3);
            assertEquals(12, line[2]);
            assertEquals(6, d.memory.getByte(line[0]));
        }
    }

    @Test
    void olderKernelsGetTheirHypercallPage() {
        try (TestDomain d = new TestDomain(List.of(), List.of(), "", new byte[1], true)) {
            long page = TestDomain.VIRT_BASE + TestDomain.TEXT + 0x1000;
            // slot 17: push rcx; push r11; mov eax, 17; syscall; ...
            assertEquals(0x11b8_5341_51L, d.read64(page + 17 * 32) & 0xff_ffff_ffffL);
            assertEquals(0x50, d.domain.cpu.mmu.read8(page + 23 * 32 + 3)); // iret's pushes RAX as well
        }
    }

    @Test
    void whatCannotStartIsRefusedByName() {
        assertTrue(assertThrows(
                        HostLacks.class,
                        () -> new TestDomain(List.of(), List.of(), "x".repeat(1024), new byte[1], false))
                .getMessage()
                .contains("1023"));
        byte[] plain = dev.runinvm.engine.boot.FakeKernel.vmlinux();
        var vmlinux = dev.runinvm.engine.boot.Vmlinux.parse(java.nio.ByteBuffer.wrap(plain), "plain", null);
        assertThrows(HostLacks.class, () -> XenNotes.of(vmlinux));
    }
}
