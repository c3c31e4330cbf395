package example;

import dev.runinvm.junit.Guest;
import dev.runinvm.junit.GuestFiles;
import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.nio.file.Files;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

@RunInVM(files = "pom.xml:/data/pom.xml")
class Junit6Test {
    static int classes;

    @BeforeAll
    static void once() {
        classes++;
    }

    @Test
    void isInAGuest(Guest guest) throws IOException {
        assertEquals(1, classes);
        assertEquals("1", ProcessHandle.current().parent().orElseThrow().pid() + "");
        assertEquals(System.getProperty("runinvm.technique"), guest.technique().name());
        assertTrue(Files.readString(java.nio.file.Path.of("/proc/version")).contains(guest.kernelRelease()));
        assertTrue(guest.counters().size() > 3, guest.counters().toString());
        assertTrue(
                guest.console().stream().anyMatch(l -> l.contains("Linux version")),
                guest.console().toString());
        Files.copy(
                java.nio.file.Path.of("/data/pom.xml"), GuestFiles.directory().resolve("back.xml"));
        System.out.println("counters: " + guest.counters());
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "b"})
    void parameters(String value) {
        System.out.println("parameter " + value);
    }

    @RepeatedTest(3)
    void repeats() {}

    @TestFactory
    Stream<DynamicTest> factory() {
        return Stream.of("x", "y").map(n -> DynamicTest.dynamicTest(n, () -> {}));
    }

    @Test
    @Disabled("a reason")
    void disabled() {}

    @Nested
    @ParameterizedClass
    @ValueSource(ints = {1, 2})
    class Inner {
        @Parameter
        int number;

        @Test
        void inner() {
            System.out.println("inner " + number);
        }
    }
}
