package dev.runinvm.examples;

import dev.runinvm.engine.Technique;
import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A program that looks for a hypervisor finds none, neither in what the kernel tells nor by asking the CPU itself. */
@RunInVM(technique = Technique.FULL)
class PlainHardwareTest {
    private static final int LOAD_ADDRESS = 0x40_0000;
    private static final int HYPERVISOR_BIT = 1 << 31;
    private static final int HYPERVISOR_LEAF = 0x4000_0000;

    /**
     * mov eax,1; xor ecx,ecx; cpuid; push rcx; mov eax,0x40000000; xor ecx,ecx; cpuid; push rbx; push rcx; push rdx;
     * push rax; write(1, rsp, 40); exit(0)
     */
    private static final String CODE = "b80100000031c90fa251b80000004031c90fa253515250"
            + "b801000000bf010000004889e6ba280000000f05b83c00000031ff0f05";

    @TempDir
    Path folder;

    /** More than once: what has been found out about a page of code holds for the next process as well. */
    @RepeatedTest(3)
    void theProcessorNamesNone() throws Exception {
        Path program =
                Files.write(folder.resolve("cpuid"), program(HexFormat.of().parseHex(CODE)));
        assertTrue(program.toFile().setExecutable(true));
        Process process = new ProcessBuilder(program.toString()).start();
        byte[] output = process.getInputStream().readAllBytes();
        assertTrue(process.waitFor(30, TimeUnit.SECONDS));
        assertEquals(0, process.exitValue());
        assertEquals(40, output.length);
        ByteBuffer registers = ByteBuffer.wrap(output).order(ByteOrder.LITTLE_ENDIAN);
        assertEquals(0, (int) registers.getLong(32) & HYPERVISOR_BIT, "CPUID leaf 1, ECX, bit 31");
        int last = (int) registers.getLong(0);
        assertTrue(
                last >= 0 && last < HYPERVISOR_LEAF, () -> "leaf 0x40000000 names a highest hypervisor leaf: " + last);
        byte[] signature = ByteBuffer.allocate(12)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt((int) registers.getLong(24))
                .putInt((int) registers.getLong(16))
                .putInt((int) registers.getLong(8))
                .array();
        String text = new String(signature, StandardCharsets.ISO_8859_1);
        assertFalse(text.matches("[ -~]{4}.*"), () -> "leaf 0x40000000 has a signature: " + text);
    }

    @Test
    void theKernelSeesNone() throws IOException {
        String flags = Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                .filter(line -> line.startsWith("flags"))
                .findFirst()
                .orElseThrow();
        assertFalse(flags.matches(".*\\bhypervisor\\b.*"), flags);
    }

    @Test
    void theFirmwareNamesNone() {
        assertFalse(Files.exists(Path.of("/sys/class/dmi/id/sys_vendor")), "there is no DMI");
        assertFalse(Files.exists(Path.of("/sys/hypervisor/type")));
        assertFalse(Files.exists(Path.of("/proc/device-tree/hypervisor")));
    }

    /** An ELF file with one segment, code behind its headers. */
    private static byte[] program(byte[] code) {
        int headers = 64 + 56;
        ByteBuffer elf = ByteBuffer.allocate(headers + code.length).order(ByteOrder.LITTLE_ENDIAN);
        elf.putInt(0x464c_457f).put((byte) 2).put((byte) 1).put((byte) 1); // 64 bits, little-endian
        elf.putShort(16, (short) 2).putShort(18, (short) 62).putInt(20, 1); // ET_EXEC, x86-64
        elf.putLong(24, LOAD_ADDRESS + headers).putLong(32, 64); // entry, program headers
        elf.putShort(52, (short) 64).putShort(54, (short) 56).putShort(56, (short) 1);
        elf.putInt(64, 1).putInt(68, 5); // PT_LOAD, readable and executable
        elf.putLong(80, LOAD_ADDRESS).putLong(88, LOAD_ADDRESS);
        elf.putLong(96, elf.capacity()).putLong(104, elf.capacity()).putLong(112, 4096);
        elf.put(headers, code);
        return elf.array();
    }
}
