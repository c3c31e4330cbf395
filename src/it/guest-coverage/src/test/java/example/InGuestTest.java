package example;

import dev.runinvm.junit.RunInVM;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

@RunInVM
class InGuestTest {
    @Test
    void works() {
        assertEquals("done in the guest", Work.there());
    }
}
