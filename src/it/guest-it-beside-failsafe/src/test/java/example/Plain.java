package example;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** Only the goal's includes name it. */
class Plain {
    @Test
    void runsInAGuest() throws Exception {
        assertEquals(
                "vm", Files.readString(Path.of("/proc/sys/kernel/hostname")).trim());
    }
}
