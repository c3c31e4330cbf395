package example;

import dev.runinvm.engine.Technique;
import dev.runinvm.junit.RunInVM;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** Failsafe runs it, and the extension boots a guest for it; the goal runs it, and the extension lets it be. */
@RunInVM(technique = Technique.FULL)
class AnnotatedIT {
    @Test
    void runsInAGuestEitherWay() throws Exception {
        assertEquals(
                "vm", Files.readString(Path.of("/proc/sys/kernel/hostname")).trim());
    }
}
