package dev.runinvm.bench.guest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests so small that the time to the first one's result is the time that starting takes. */
public class StartTests {
    @Test
    void computes() {
        assertEquals("1, 2, 3", List.of(1, 2, 3).stream().map(Object::toString).collect(Collectors.joining(", ")));
    }

    @Test
    void seesItsKernel() throws IOException {
        assertTrue(Files.readString(Path.of("/proc/version")).startsWith("Linux version"));
    }
}
