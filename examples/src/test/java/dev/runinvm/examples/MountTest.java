package dev.runinvm.examples;

import dev.runinvm.junit.RunInVM;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Mounting takes root and changes the machine: here it is the guest's. */
@RunInVM
class MountTest {
    private final Path point = Path.of("/root/mounted");

    @BeforeEach
    void mount() throws Exception {
        Files.createDirectories(point);
        Process mount = new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=1m", "none", point.toString())
                .inheritIO()
                .start();
        assertEquals(0, mount.waitFor());
    }

    @AfterEach
    void unmount() throws Exception {
        assertEquals(new Shell.Result(0, ""), Shell.run("umount " + point));
        assertFalse(Files.exists(point.resolve("file")));
    }

    @Test
    void mountsATmpfs() throws Exception {
        Files.writeString(point.resolve("file"), "in memory");
        assertEquals("tmpfs", Files.getFileStore(point).type());
        assertTrue(Files.readString(Path.of("/proc/mounts")).contains(" " + point + " tmpfs "));
    }

    @Test
    void aFullFileSystemSaysSo() throws Exception {
        Shell.Result result = Shell.run("dd if=/dev/zero of=" + point + "/file bs=64k count=32");
        assertEquals(1, result.status());
        assertTrue(result.output().contains("No space left on device"), result.output());
        assertEquals(1 << 20, Files.size(point.resolve("file")));
    }
}
