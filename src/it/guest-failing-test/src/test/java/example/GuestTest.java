package example;

import dev.runinvm.engine.Technique;
import dev.runinvm.junit.RunInVM;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

@RunInVM(technique = Technique.FULL)
class GuestTest {
    @Test
    void passes() {}

    @Test
    void isWrong() {
        assertEquals("expected in the guest", "found in the guest");
    }

    @Test
    void breaks() {
        throw new IllegalStateException("broken in the guest");
    }
}
