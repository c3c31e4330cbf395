package dev.runinvm.engine.os;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class MemFileTest {
    private static final int SIZE = 64 << 20;
    private static final int PAGE = 4096;

    /** Kilobytes of this process's memory that are shared files. */
    private static long sharedKilobytes() throws IOException {
        List<String> status = Files.readAllLines(Path.of("/proc/self/status"));
        String line = status.stream()
                .filter(l -> l.startsWith("RssShmem:"))
                .findFirst()
                .orElseThrow();
        return Long.parseLong(line.replaceAll("\\D", ""));
    }

    @Test
    void closingGivesTheMemoryBackThoughMappingsStay() throws IOException {
        MemFile file = MemFile.create("test", SIZE);
        ByteBuffer mapping = file.map(0, SIZE);
        long before = sharedKilobytes();
        for (int i = 0; i < SIZE; i += PAGE) {
            mapping.put(i, (byte) 1);
        }
        assertTrue(sharedKilobytes() - before > SIZE / 2048, "touching the pages takes memory");
        assertTrue(file.touchedBytes() >= SIZE, "they are counted");
        file.close();
        file.close();
        assertTrue(file.touchedBytes() >= SIZE, "and stay counted");
        assertTrue(sharedKilobytes() - before < SIZE / 8192, "closing gives it back");
        assertEquals(0, mapping.get(PAGE));
    }
}
