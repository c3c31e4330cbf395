package dev.runinvm.examples;

import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The kernel is stock, so its package's modules fit. */
@RunInVM
class KernelModuleTest {
    private static boolean loaded(String module) throws IOException {
        return Files.readAllLines(Path.of("/proc/modules")).stream().anyMatch(line -> line.startsWith(module + " "));
    }

    @Test
    void loadsAndUnloadsAModule() throws Exception {
        assertFalse(loaded("loop"), "loop is there before it was loaded");
        assertEquals(new Shell.Result(0, ""), Shell.run("modprobe loop"));
        assertTrue(loaded("loop"));
        assertTrue(Files.exists(Path.of("/sys/module/loop")));
        assertEquals(new Shell.Result(0, ""), Shell.run("rmmod loop"));
        assertFalse(loaded("loop"));
    }
}
