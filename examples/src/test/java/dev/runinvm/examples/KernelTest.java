package dev.runinvm.examples;

import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The kernel is the one that was asked for, and it is ours alone. */
@RunInVM
class KernelTest {
    @Test
    void runsAsRoot() throws Exception {
        assertEquals("0", Shell.run("id -u").output());
        List<String> status = Files.readAllLines(Path.of("/proc/self/status"));
        assertTrue(
                status.stream().anyMatch(line -> line.matches("Uid:\\s+0\\s+0\\s+0\\s+0")), () -> "status: " + status);
    }

    @Test
    void isThePackagesKernel() throws IOException {
        String version = Files.readString(Path.of("/proc/version"));
        String release = System.getProperty("runinvm.kernelRelease");
        assertTrue(version.startsWith("Linux version " + release + " ("), () -> release + " was asked for: " + version);
        assertEquals(release, System.getProperty("os.version"));
    }
}
