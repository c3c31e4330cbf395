package example;

import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

class HereTest {
    @Test
    void works() {
        assertEquals("done on the host", Work.here());
    }
}
