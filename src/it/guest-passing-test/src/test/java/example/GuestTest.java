package example;

import dev.runinvm.engine.Technique;
import dev.runinvm.junit.RunInVM;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

@RunInVM(technique = Technique.FULL)
class GuestTest {
    @Test
    void firstProcessIsTheGuestsInit() throws Exception {
        assertTrue(Files.readString(Path.of("/proc/1/cmdline")).contains("/init"));
        System.out.println("kernel: " + Files.readString(Path.of("/proc/version")));
    }

    @Test
    void mountsAsRoot() throws Exception {
        Process mount = new ProcessBuilder("mount", "-t", "tmpfs", "none", "/mnt")
                .inheritIO()
                .start();
        assertEquals(0, mount.waitFor());
    }
}
