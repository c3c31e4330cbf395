package example;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class SetUpIT {
    @BeforeAll
    static void fails() {
        throw new IllegalArgumentException("cannot set up");
    }

    @Test
    void neverRuns() {}
}
