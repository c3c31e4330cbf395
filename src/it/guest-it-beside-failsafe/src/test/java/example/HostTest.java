package example;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertFalse;

/** Surefire runs it, here. */
class HostTest {
    @Test
    void runsOnTheHost() {
        assertFalse(Files.exists(Path.of("/opt/runinvm/agent.jar")));
    }
}
