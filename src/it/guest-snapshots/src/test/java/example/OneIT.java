package example;

import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

class OneIT {
    @Test
    void goesOnFromASnapshot() {
        assertEquals(32, System.getProperty("runinvm.generation").length());
    }
}
