package example;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

class OutcomesIT {
    static {
        if (!Files.isDirectory(Path.of("/opt/runinvm"))) {
            throw new AssertionError("this class must not be loaded on the host");
        }
    }

    @Test
    void aPasses() throws Exception {
        assertTrue(Files.readString(Path.of("/proc/1/cmdline")).contains("/init"));
        System.out.println("printed by aPasses \u20ac ]]> \u0001");
        System.err.println("complained of by aPasses");
    }

    @Test
    void bIsWrong() {
        assertEquals("expected in the guest", "found in the guest");
    }

    @Test
    void cBreaks() {
        throw new IllegalStateException("broken in the guest", new RuntimeException("the cause"));
    }

    @Test
    @Disabled("for a reason")
    void dIsDisabled() {}

    @Test
    void eAssumesTooMuch() {
        assumeTrue(false, "assumed too much");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void fTakes(int number) {
        assertEquals(1, number);
    }

    @RepeatedTest(2)
    void gIsRepeated() {}

    @TestFactory
    Stream<DynamicTest> hMakes() {
        return Stream.of("x", "y").map(name -> DynamicTest.dynamicTest(name, () -> {}));
    }

    @Test
    void iIsConfigured() throws Exception {
        assertEquals("guest-it-outcomes", System.getProperty("from.the.pom"));
        assertEquals("a b", System.getProperty("with.space"));
        assertEquals(System.getProperty("technique.expected"), System.getProperty("runinvm.technique"));
        assertTrue(Runtime.getRuntime().maxMemory() < 400L << 20);
        assertTrue(OutcomesIT.class.desiredAssertionStatus());
        assertEquals(OutcomesIT.class.getClassLoader(), ClassLoader.getSystemClassLoader());
        assertEquals(OutcomesIT.class.getClassLoader(), Thread.currentThread().getContextClassLoader());
        assertEquals(
                "resource",
                new String(OutcomesIT.class.getResourceAsStream("/resource.txt").readAllBytes()).trim());
        assertEquals(List.of("main"), List.of(new Main().name()));
    }

    @Nested
    class Inner {
        @Test
        void isNested() {}
    }
}
