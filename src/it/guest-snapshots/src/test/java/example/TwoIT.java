package example;

import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertNotNull;

class TwoIT {
    @Test
    void goesOnFromASnapshot() {
        assertNotNull(System.getProperty("runinvm.generation"));
    }
}
