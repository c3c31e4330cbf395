package dev.runinvm.agent.rehearsal;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;

/** What a guest rehearses with before its snapshot is taken: a little of everything that test classes do. */
final class WarmUpTests {
    @BeforeAll
    static void beforeAll() {}

    @AfterAll
    static void afterAll() {}

    @BeforeEach
    void beforeEach(TestInfo info) {
        Assertions.assertNotNull(info.getDisplayName());
    }

    @AfterEach
    void afterEach() {}

    @Test
    void passes() {
        Assertions.assertEquals(4, 2 + 2);
        Assertions.assertTrue(List.of("a", "b").contains("a"), () -> "no a");
        Assertions.assertThrows(IllegalStateException.class, () -> {
            throw new IllegalStateException("wanted");
        });
    }

    @Test
    @DisplayName("fails, so that failing is rehearsed too")
    void fails() {
        Assertions.assertEquals("expected", "actual", "on purpose");
    }

    @Test
    void aborts() {
        Assumptions.assumeTrue(false, "on purpose");
    }

    @Test
    @Disabled("on purpose")
    void isDisabled() {}

    @Test
    @Timeout(10)
    void reports(TestReporter reporter) {
        reporter.publishEntry("key", "value");
    }

    @RepeatedTest(3)
    void repeats() {}

    @TestFactory
    Stream<DynamicTest> makes() {
        return Stream.of("one", "two").map(name -> DynamicTest.dynamicTest(name, () -> {}));
    }

    @Nested
    final class Inner {
        @Test
        void passes() {}
    }
}
