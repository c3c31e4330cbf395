package example;

import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

@RunInVM
class LargeClassPathTest {
    private static byte[] resource(String name) throws IOException {
        try (InputStream in = LargeClassPathTest.class.getResourceAsStream("/" + name)) {
            return in.readAllBytes();
        }
    }

    @Test
    void theJarIsThereFromStartToEnd() throws IOException {
        for (int entry : new int[] {1, 200}) {
            byte[] expected = new byte[1 << 20];
            new Random(entry).nextBytes(expected);
            assertArrayEquals(expected, resource("entry" + entry));
        }
    }

    @Test
    void itIsOnADiskThatTakesNoneOfTheMemory() throws IOException {
        String url = LargeClassPathTest.class.getResource("/entry1").toString();
        assertTrue(url.startsWith("jar:file:/opt/runinvm/cp/"), url);
        long kib = Files.readAllLines(Path.of("/proc/meminfo")).stream()
                .filter(line -> line.startsWith("MemTotal:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .sum();
        assertTrue(kib > 700 << 10, kib + " KiB");
        try (var files = Files.walk(Path.of("/tmp"))) {
            assertEquals(0, files.filter(f -> f.toString().endsWith(".jar")).count());
        }
        assertTrue(Files.readString(Path.of("/proc/mounts")).contains("/dev/pmem1 /opt/runinvm/cp erofs ro"));
        assertTrue(Arrays.asList(System.getProperty("java.class.path").split(":")).stream()
                .anyMatch(e -> e.endsWith("/large.jar")));
    }
}
