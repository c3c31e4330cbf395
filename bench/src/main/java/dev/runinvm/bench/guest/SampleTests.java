package dev.runinvm.bench.guest;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Two ordinary tests, as a project's smoke test has them: collections and lambdas, files and a process. */
public class SampleTests {
    @Test
    void collections() {
        Map<Integer, Long> byLength = IntStream.range(0, 10_000)
                .mapToObj(Integer::toString)
                .collect(Collectors.groupingBy(String::length, TreeMap::new, Collectors.counting()));
        assertEquals(Map.of(1, 10L, 2, 90L, 3, 900L, 4, 9000L), byLength);
    }

    @Test
    void filesAndProcesses(@TempDir Path folder) throws IOException, InterruptedException {
        Path file = folder.resolve("file");
        Files.writeString(file, "text\n");
        Process cat = new ProcessBuilder("cat", file.toString()).start();
        assertEquals("text\n", new String(cat.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        assertEquals(0, cat.waitFor());
        assertTrue(Files.readString(Path.of("/proc/version")).startsWith("Linux version"));
    }
}
