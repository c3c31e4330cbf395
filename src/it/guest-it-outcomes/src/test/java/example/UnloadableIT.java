package example;

import org.junit.jupiter.api.Test;

class UnloadableIT extends Gone {
    @Test
    void neverRuns() {}
}
