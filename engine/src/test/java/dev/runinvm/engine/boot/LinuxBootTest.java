package dev.runinvm.engine.boot;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.x86.CpuState;
import dev.runinvm.engine.x86.PageWalker;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class LinuxBootTest {
    private static final long MIB = 1 << 20;

    @TempDir
    Path directory;

    private final CpuState cpu = new CpuState();

    private static Vmlinux kernel() throws IOException {
        return KernelImage.parse(ByteBuffer.wrap(FakeKernel.bzImage(Compression.GZIP, FakeKernel.vmlinux())), "vmlinuz")
                .vmlinux();
    }

    private Path file(String name, int size) throws IOException {
        byte[] content = new byte[size];
        new Random(size).nextBytes(content);
        return Files.write(directory.resolve(name), content);
    }

    private Path sparse(String start, long size) throws IOException {
        Path file = Files.writeString(directory.resolve("sparse"), start);
        try (RandomAccessFile f = new RandomAccessFile(file.toFile(), "rw")) {
            f.setLength(size);
        }
        return file;
    }

    private static byte[] read(GuestMemory memory, long at, int length) {
        byte[] bytes = new byte[length];
        memory.read(at, bytes, 0, length);
        return bytes;
    }

    private static List<String> e820(GuestMemory memory) {
        List<String> lines = new ArrayList<>();
        int count = memory.getByte(LinuxBoot.BOOT_PARAMS + 0x1e8) & 0xff;
        for (int i = 0; i < count; i++) {
            long at = LinuxBoot.BOOT_PARAMS + 0x2d0 + i * 20L;
            long start = memory.getLong(at);
            long length = memory.getLong(at + 8);
            lines.add(String.format("%x-%x %d", start, start + length, memory.getInt(at + 16)));
        }
        return lines;
    }

    @Test
    void loadsSegmentsInitramfsAndCommandLine() throws IOException {
        Path first = file("first", 100_001);
        Path second = file("second", 50_000);
        Vmlinux kernel = kernel();
        try (GuestMemory memory = GuestMemory.create(128 * MIB)) {
            LinuxBoot.Layout layout = LinuxBoot.load(memory, kernel, List.of(first, second), "console=ttyS0 ü", cpu);

            byte[] text = Arrays.copyOfRange(FakeKernel.vmlinux(), 0x1000, 0x1000 + FakeKernel.TEXT_SIZE);
            assertArrayEquals(text, read(memory, FakeKernel.PHYSICAL, text.length));
            assertArrayEquals(Files.readAllBytes(first), read(memory, layout.initramfsStart(), 100_001));
            assertArrayEquals(Files.readAllBytes(second), read(memory, layout.initramfsStart() + 100_004, 50_000));
            assertEquals(0, layout.initramfsStart() % 4096);
            assertEquals(150_004, layout.initramfsSize());
            assertTrue(128 * MIB - layout.initramfsStart() - 150_004 < 4096, "at the top of memory");

            long p = LinuxBoot.BOOT_PARAMS;
            assertEquals((int) layout.initramfsStart(), memory.getInt(p + 0x218));
            assertEquals(150_004, memory.getInt(p + 0x21c));
            assertEquals((byte) 0xff, memory.getByte(p + 0x210));
            assertEquals(1, memory.getByte(p + 0x211) & 1);
            assertEquals(0x5372_6448, memory.getInt(p + 0x202));
            assertEquals((short) 0xaa55, memory.getShort(p + 0x1fe));
            assertEquals(1 << 20, memory.getInt(p + 0x260), "copied from the bzImage");
            byte[] line = "console=ttyS0 ü\0".getBytes(StandardCharsets.UTF_8);
            assertArrayEquals(line, read(memory, memory.getInt(p + 0x228), line.length));
        }
    }

    @Test
    void tellsOfRamWithoutTheHoleOfPcs() throws IOException {
        try (GuestMemory memory = GuestMemory.create(256 * MIB)) {
            LinuxBoot.load(memory, kernel(), List.of(), "", cpu);
            assertEquals(List.of("0-9fc00 1", "100000-10000000 1", "e0000000-e0200000 2"), e820(memory));
            assertEquals(0, memory.getInt(LinuxBoot.BOOT_PARAMS + 0x218));
        }
    }

    @Test
    void tellsOfRamAbove4GiB() throws IOException {
        try (GuestMemory memory = GuestMemory.create(5 * 1024 * MIB)) {
            LinuxBoot.Layout layout = LinuxBoot.load(memory, kernel(), List.of(file("i", 5000)), "", cpu);
            assertEquals(
                    List.of("0-9fc00 1", "100000-c0000000 1", "e0000000-e0200000 2", "100000000-180000000 1"),
                    e820(memory));
            assertTrue(layout.initramfsStart() < 0x7fff_ffffL, "below initrd_addr_max");
        }
    }

    @Test
    void disksBecomePersistentMemory() throws IOException {
        Path one = file("one", 3_000_000);
        Path two = file("two", 4096);
        try (GuestMemory memory = GuestMemory.create(128 * MIB + 4096)) {
            LinuxBoot.Layout layout =
                    LinuxBoot.load(memory, kernel(), List.of(file("i", 5000)), List.of(one, two), "", cpu);
            assertEquals(List.of(120 * MIB, 126 * MIB), layout.diskStarts());
            assertArrayEquals(Files.readAllBytes(one), read(memory, 120 * MIB, 3_000_000));
            assertArrayEquals(Files.readAllBytes(two), read(memory, 126 * MIB, 4096));
            assertTrue(layout.initramfsStart() + 5000 <= 120 * MIB);
            assertEquals(
                    List.of(
                            "0-9fc00 1",
                            "100000-7800000 1",
                            "7800000-7c00000 12",
                            "7c00000-7e00000 2", // or Linux takes both for one
                            "7e00000-8000000 12",
                            "8000000-8001000 1",
                            "e0000000-e0200000 2"),
                    e820(memory));
        }
    }

    @Test
    void startsIn64BitModeWithMemoryMappedOneToOne() throws IOException {
        try (GuestMemory memory = GuestMemory.create(128 * MIB)) {
            cpu.gpr[CpuState.RAX] = 5;
            LinuxBoot.load(memory, kernel(), List.of(), "", cpu);

            assertEquals(FakeKernel.PHYSICAL, cpu.rip);
            assertEquals(LinuxBoot.BOOT_PARAMS, cpu.gpr[CpuState.RSI]);
            assertEquals(0, cpu.gpr[CpuState.RAX]);
            assertEquals(CpuState.CR0_PE | CpuState.CR0_PG, cpu.cr0 & (CpuState.CR0_PE | CpuState.CR0_PG));
            assertEquals(1 << 5, cpu.cr4);
            assertEquals(CpuState.EFER_LME | CpuState.EFER_LMA, cpu.efer);
            assertEquals(2, cpu.rflags());
            assertEquals(1 << 13, cpu.access[CpuState.CS] & 3 << 13, "L set, D clear");
            PageWalker walker = new PageWalker(memory);
            for (long va : new long[] {0, 0x7123, FakeKernel.PHYSICAL, 0xfee0_0300L, 0xffff_ffffL}) {
                assertTrue(walker.walk(cpu.cr3, va, true, false, false, cpu.cr4, false, cpu.cr0, false));
                assertEquals(va, walker.physical);
                assertEquals(21, walker.pageShift);
            }
            assertTrue(!walker.find(cpu.cr3, 1L << 32, false));
            // the hidden parts of the segments are those of the descriptors (SDM vol. 3, 3.4.5)
            for (int s : new int[] {CpuState.CS, CpuState.DS, CpuState.SS}) {
                long descriptor = memory.getLong(cpu.gdtrBase + cpu.selector[s]);
                assertEquals(cpu.access[s], (int) (descriptor >>> 40 & 0xf0ff));
                assertEquals(0xfffff, (descriptor & 0xffff) | (descriptor >>> 32 & 0xf0000));
            }
            assertTrue(cpu.selector[CpuState.DS] + 7 <= cpu.gdtrLimit);
        }
    }

    @Test
    void tooLittleMemoryIsToldWithTheAmountNeeded() throws IOException {
        Path initramfs = sparse("", 100 * MIB);
        try (GuestMemory memory = GuestMemory.create(128 * MIB)) {
            String error = assertThrows(
                            HostLacks.class, () -> LinuxBoot.load(memory, kernel(), List.of(initramfs), "", cpu))
                    .getMessage();
            assertTrue(error.contains("128 MiB is too small") && error.contains("at least 165 MiB"), error);
            assertEquals(0, memory.getLong(FakeKernel.PHYSICAL), "nothing loaded");
        }
        try (GuestMemory memory = GuestMemory.create(16 * MIB)) {
            assertThrows(HostLacks.class, () -> LinuxBoot.load(memory, kernel(), List.of(), "", cpu));
        }
    }

    @Test
    void aPlainArchiveNeedsMemoryTwiceMore() throws IOException {
        Path archive = sparse("070701", 20 * MIB);
        try (GuestMemory memory = GuestMemory.create(120 * MIB)) {
            assertThrows(HostLacks.class, () -> LinuxBoot.load(memory, kernel(), List.of(archive), "", cpu));
        }
    }

    @Test
    void badInputIsRefused() throws IOException {
        try (GuestMemory memory = GuestMemory.create(128 * MIB)) {
            Vmlinux kernel = kernel();
            String longLine = "x".repeat(2048);
            assertTrue(assertThrows(HostLacks.class, () -> LinuxBoot.load(memory, kernel, List.of(), longLine, cpu))
                    .getMessage()
                    .contains("at most 2047"));
            assertThrows(HostLacks.class, () -> LinuxBoot.load(memory, kernel, List.of(), "a\0b", cpu));
            Path missing = directory.resolve("missing");
            assertTrue(assertThrows(HostLacks.class, () -> LinuxBoot.load(memory, kernel, List.of(missing), "", cpu))
                    .getMessage()
                    .contains(missing.toString()));
        }
    }

    @Test
    void aBareVmlinuxGetsAHeaderOfOurOwn() throws IOException {
        Vmlinux bare = Vmlinux.parse(ByteBuffer.wrap(FakeKernel.vmlinux()), "vmlinux", null);
        try (GuestMemory memory = GuestMemory.create(128 * MIB)) {
            LinuxBoot.load(memory, bare, List.of(file("i", 5000)), "quiet", cpu);
            assertEquals(0x5372_6448, memory.getInt(LinuxBoot.BOOT_PARAMS + 0x202));
            assertEquals((int) LinuxBoot.COMMAND_LINE, memory.getInt(LinuxBoot.BOOT_PARAMS + 0x228));
        }
    }
}
