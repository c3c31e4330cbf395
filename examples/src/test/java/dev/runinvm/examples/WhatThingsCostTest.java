package dev.runinvm.examples;

import dev.runinvm.engine.Technique;
import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import org.junit.jupiter.api.ClassTemplate;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * What one system call, page fault, port access and plain computation costs in a guest. The figures are printed, and are the
 * report's to compare: what is asserted is that the work was really done. A technique that cannot run on a machine is skipped
 * there, with the reason.
 */
@ClassTemplate
@RunInVM(
        technique = {Technique.FULL, Technique.PARA, Technique.HW},
        disabledWithout = true)
class WhatThingsCostTest {
    private static final int PAGE = 4096;

    /** Something done so many times. */
    private interface Work {
        long run(int times) throws IOException;
    }

    /** The quickest of three rounds, after one that only warms up. */
    private static long measure(String what, int times, Work work) throws IOException {
        long result = work.run(times);
        long best = Long.MAX_VALUE;
        for (int round = 0; round < 3; round++) {
            long start = System.nanoTime();
            result = work.run(times);
            best = Math.min(best, System.nanoTime() - start);
        }
        System.out.println(String.format(Locale.ROOT, "%s: %.2f us each", what, best / 1000.0 / times));
        return result;
    }

    /** Programs run on the real processor under every technique: this costs what it costs on the host. */
    @Test
    void computation() throws IOException {
        long sum = measure("a thousand additions", 10_000, times -> {
            long s = 0;
            for (int i = 0; i < times * 1000; i++) {
                s += i ^ s << 1;
            }
            return s;
        });
        assertTrue(sum != 0);
    }

    /** The way into the kernel and back: lseek, which does next to nothing there. */
    @Test
    void systemCall() throws IOException {
        Path file = Files.createTempFile("cost", "");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.allocate(3));
            assertEquals(3, measure("a system call (lseek)", 2_000, times -> {
                long position = 0;
                for (int i = 0; i < times; i++) {
                    position = channel.position();
                }
                return position;
            }));
        } finally {
            Files.delete(file);
        }
    }

    /** First touches of pages of a file in memory: each is a fault that the guest's kernel answers. */
    @Test
    void pageFault() throws IOException {
        Path file = Files.createTempFile(Path.of("/dev/shm"), "cost", "");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            long pages = measure("a page fault (first write to a shared page)", 1_000, times -> {
                MappedByteBuffer memory = channel.map(FileChannel.MapMode.READ_WRITE, 0, (long) times * PAGE);
                for (int i = 0; i < times; i++) {
                    memory.put(i * PAGE, (byte) 1);
                }
                return times;
            });
            assertEquals(pages * PAGE, channel.size());
        } finally {
            Files.delete(file);
        }
    }

    /**
     * A read of PCI configuration: the kernel executes an OUT and an IN, and the system call around them. A paravirtual
     * machine has no ports to speak of, and no PCI.
     */
    @Test
    void portAccess() throws IOException {
        Path bridge = Path.of("/sys/bus/pci/devices/0000:00:00.0/config");
        if (!Files.exists(bridge)) {
            System.out.println("port access: no PCI bus, so no device is reached by ports");
            assertEquals("PARA", System.getProperty("runinvm.technique"), "only a paravirtual machine has no PCI bus");
            return;
        }
        try (FileChannel configuration = FileChannel.open(bridge, StandardOpenOption.READ)) {
            long vendor = measure("a port access (a system call, an OUT, an IN)", 500, times -> {
                ByteBuffer word = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
                for (int i = 0; i < times; i++) {
                    configuration.read(word.clear(), 0);
                }
                return word.getShort(0) & 0xffff;
            });
            String file = Files.readString(bridge.resolveSibling("vendor")).strip();
            assertEquals(file, String.format(Locale.ROOT, "0x%04x", vendor));
        }
    }
}
