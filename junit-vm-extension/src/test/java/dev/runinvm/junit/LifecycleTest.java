package dev.runinvm.junit;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** Rules 1 and 2: what belongs to the guest happens there, only there, and once. Protocol only: the guest is a fake. */
class LifecycleTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private final Host host = new Host();

    private static void say(String what) {
        System.out.println((Boolean.getBoolean("runinvm.guest") ? "guest " : "HOST ") + what);
    }

    @RunInVM
    static class Everything {
        @SuppressWarnings("unused")
        private final int field = fieldInitialiser();

        Everything() {
            say("constructor");
        }

        private static int fieldInitialiser() {
            say("field");
            return 1;
        }

        @BeforeAll
        static void beforeAll() {
            say("beforeAll");
        }

        @BeforeEach
        void beforeEach() {
            say("beforeEach");
        }

        @Test
        void test() {
            say("test");
        }

        @AfterEach
        void afterEach() {
            say("afterEach");
        }

        @AfterAll
        static void afterAll() {
            say("afterAll");
        }

        @Nested
        class Inner {
            Inner() {
                say("inner constructor");
            }

            @BeforeAll
            static void innerBeforeAll() {
                say("inner beforeAll");
            }

            @BeforeEach
            void innerBeforeEach() {
                say("inner beforeEach");
            }

            @Test
            void inner() {
                say("inner test");
            }

            @AfterAll
            static void innerAfterAll() {
                say("inner afterAll");
            }
        }
    }

    @Test
    void everythingHappensInTheGuestOnceAndInOrder() {
        EngineExecutionResults results = host.run(selectClass(Everything.class));

        results.testEvents().assertStatistics(s -> s.started(2).succeeded(2).failed(0));
        results.containerEvents().assertStatistics(s -> s.failed(0));
        assertEquals("""
                guest beforeAll
                guest field
                guest constructor
                guest beforeEach
                guest test
                guest afterEach
                guest inner beforeAll
                guest field
                guest constructor
                guest inner constructor
                guest beforeEach
                guest inner beforeEach
                guest inner test
                guest afterEach
                guest inner afterAll
                guest afterAll
                """, host.out(), host.err());
        assertEquals(1, guests.started().size(), "one guest for the class, @Nested or not");
        assertFalse(guests.started().get(0).process().isAlive(), "the guest must not outlive its class");
        assertEquals(0, Guests.alive());
    }

    @RunInVM
    @TestInstance(TestInstance.Lifecycle.PER_CLASS)
    static class OneInstance {
        private int tests;

        OneInstance() {
            say("constructor");
        }

        @BeforeAll
        void beforeAll() {
            say("beforeAll");
        }

        @Test
        void one() {
            say("test " + ++tests);
        }

        @Test
        void two() {
            say("test " + ++tests);
        }

        @AfterAll
        void afterAll() {
            say("afterAll " + tests);
        }
    }

    @Test
    void onePerClassInstanceLivesInTheGuest() {
        EngineExecutionResults results = host.run(selectClass(OneInstance.class));

        results.testEvents().assertStatistics(s -> s.started(2).succeeded(2));
        assertEquals("""
                guest constructor
                guest beforeAll
                guest test 1
                guest test 2
                guest afterAll 2
                """, host.out(), host.err());
        assertEquals(1, guests.started().size());
    }
}
