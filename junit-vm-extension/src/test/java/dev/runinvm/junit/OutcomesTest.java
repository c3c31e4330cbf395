package dev.runinvm.junit;

import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Disabled;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EventType;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** Rule 8: outcomes map one to one. The guest is a fake. */
class OutcomesTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private final Host host = new Host();

    /** Display name to outcome and message, containers included where they did not just succeed. */
    private Map<String, String> outcomes(Class<?> type) {
        EngineExecutionResults results = host.run(selectClass(type));
        Map<String, String> all = new LinkedHashMap<>();
        results.allEvents().list().forEach(event -> {
            String name = event.getTestDescriptor().getDisplayName();
            if (event.getType() == EventType.SKIPPED) {
                all.put(name, "SKIPPED " + event.getRequiredPayload(String.class));
            } else if (event.getType() == EventType.FINISHED) {
                TestExecutionResult result = event.getRequiredPayload(TestExecutionResult.class);
                if (event.getTestDescriptor().isTest() || result.getStatus() != TestExecutionResult.Status.SUCCESSFUL) {
                    all.put(
                            name,
                            result.getStatus()
                                    + result.getThrowable().map(t -> " " + t).orElse(""));
                }
            }
        });
        return all;
    }

    @RunInVM
    static class Mixed {
        @Test
        void passes() {}

        @Test
        void fails() {
            fail("no");
        }

        @Test
        void errs() {
            throw new IllegalStateException("broken");
        }

        @Test
        void aborts() {
            Assumptions.assumeTrue(false, "not today");
        }

        @Test
        @Disabled("never")
        void isDisabled() {}

        @Test
        @DisabledIfSystemProperty(named = "runinvm.guest", matches = "true", disabledReason = "no guests")
        void isDisabledThere() {}
    }

    @Test
    void testsEndAsTheyDidInTheGuest() {
        Map<String, String> outcomes = outcomes(Mixed.class);

        assertEquals("SUCCESSFUL", outcomes.get("passes()"));
        assertEquals("FAILED org.opentest4j.AssertionFailedError: no", outcomes.get("fails()"));
        assertEquals("FAILED java.lang.IllegalStateException: broken", outcomes.get("errs()"));
        assertEquals(
                "ABORTED org.opentest4j.TestAbortedException: Assumption failed: not today", outcomes.get("aborts()"));
        assertEquals("SKIPPED never", outcomes.get("isDisabled()"));
        String there = outcomes.get("isDisabledThere()");
        assertTrue(
                there.startsWith("ABORTED") && there.contains("disabled in the guest") && there.contains("no guests"),
                there);
        assertEquals(6, outcomes.size(), outcomes::toString);
    }

    @RunInVM
    static class BeforeAllFails {
        @BeforeAll
        static void beforeAll() {
            throw new IllegalStateException("beforeAll");
        }

        @Test
        void never() {
            fail("must not run");
        }
    }

    @Test
    void aFailingBeforeAllFailsTheClass() {
        assertEquals(
                Map.of("OutcomesTest$BeforeAllFails", "FAILED java.lang.IllegalStateException: beforeAll"),
                outcomes(BeforeAllFails.class));
    }

    @RunInVM
    static class AfterAllFails {
        @Test
        void passes() {}

        @AfterAll
        static void afterAll() {
            throw new IllegalStateException("afterAll");
        }
    }

    @Test
    void aFailingAfterAllFailsTheClassAfterItsTests() {
        assertEquals(
                Map.of(
                        "passes()", "SUCCESSFUL",
                        "OutcomesTest$AfterAllFails", "FAILED java.lang.IllegalStateException: afterAll"),
                outcomes(AfterAllFails.class));
    }

    @RunInVM
    static class Partly {
        @BeforeEach
        void beforeEach() {
            throw new IllegalStateException("beforeEach");
        }

        @Test
        void fails() {}

        @Nested
        class Inner {
            @BeforeAll
            static void innerBeforeAll() {
                Assumptions.abort("inner");
            }

            @Test
            void never() {}
        }
    }

    @Test
    void hooksFailWhatTheyBelongTo() {
        assertEquals(
                Map.of(
                        "fails()", "FAILED java.lang.IllegalStateException: beforeEach",
                        "Inner", "ABORTED org.opentest4j.TestAbortedException: inner"),
                outcomes(Partly.class));
    }

    @RunInVM
    static class ConstructorFails {
        ConstructorFails() {
            throw new IllegalStateException("constructor");
        }

        @Test
        void fails() {}
    }

    @Test
    void aFailingConstructorFailsTheTest() {
        assertEquals(
                Map.of("fails()", "FAILED java.lang.IllegalStateException: constructor"),
                outcomes(ConstructorFails.class));
    }

    @RunInVM
    @DisabledIfSystemProperty(named = "runinvm.guest", matches = "true")
    static class DisabledThere {
        @Test
        void never() {}
    }

    @Test
    void aClassDisabledInTheGuestIsAborted() {
        Map<String, String> outcomes = outcomes(DisabledThere.class);
        String outcome = outcomes.get("OutcomesTest$DisabledThere");
        assertTrue(outcome.startsWith("ABORTED") && outcome.contains("disabled in the guest"), outcomes::toString);
        assertEquals(1, outcomes.size());
    }
}
