package example;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class TaggedIT {
    @Test
    @Tag("fast")
    void one() {}

    @Test
    void twoAndMore() {}

    @Test
    @Tag("fast")
    @Tag("net")
    void three() {
        throw new AssertionError("not selected");
    }
}
