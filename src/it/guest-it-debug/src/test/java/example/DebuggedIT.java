package example;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class DebuggedIT {
    @Test
    void aDebuggerChangesTheNumber() {
        assertEquals(43, addOne(6), "the debugger was to make 42 of the 6");
        assertTrue(Files.exists(Path.of("/opt/runinvm/agent.jar")), "runs in a guest");
    }

    private static int addOne(int number) {
        return number + 1;
    }
}
