package example;

import org.junit.jupiter.api.Test;

class SomeIT {
    @Test
    void neverRuns() {
        throw new AssertionError("no guest should have been started");
    }
}
