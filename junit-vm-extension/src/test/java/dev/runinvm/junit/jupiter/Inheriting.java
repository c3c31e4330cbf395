package dev.runinvm.junit.jupiter;

import dev.runinvm.junit.RunInVM;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.TestMethodOrder;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** Superclasses, interfaces with tests, one instance for a class, nested classes. */
@RunInVM
@TestInstance(Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.MethodName.class)
public class Inheriting extends InheritedBase implements InheritedContract<String> {
    private int tests;

    @Override
    public String value() {
        return "a text";
    }

    @Test
    @Override
    void overridden() {
        System.out.println("overridden " + ++tests);
    }

    @Test
    void own() {
        System.out.println("own " + ++tests);
    }

    @Test
    void own(org.junit.jupiter.api.TestInfo overload) {
        System.out.println("own " + overload.getDisplayName());
        ++tests;
    }

    @Nested
    @DisplayName("deeper")
    class Inner {
        @Test
        void sees() {
            System.out.println("tests so far " + tests);
        }

        @Nested
        class Innermost extends InheritedBase {
            @Test
            void fails() {
                assertEquals("expected here", "actual here");
            }
        }
    }

    @AfterAll
    void afterAll() {
        System.out.println("after all " + tests);
    }
}
