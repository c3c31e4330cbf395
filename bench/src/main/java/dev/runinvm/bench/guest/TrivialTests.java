package dev.runinvm.bench.guest;

import org.junit.jupiter.api.RepeatedTest;

/** Tests that do nothing: what they cost is what it costs to run a test. */
public class TrivialTests {
    /** How many there are. */
    public static final int COUNT = 1000;

    @RepeatedTest(COUNT)
    void nothing() {}
}
