package example;

import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

class WorkIT {
    @Test
    void works() {
        assertEquals("done in a guest of the plugin's", Work.inTheGoal());
    }
}
