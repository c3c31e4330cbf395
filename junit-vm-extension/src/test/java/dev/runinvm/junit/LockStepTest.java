package dev.runinvm.junit;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.Event;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** Rules 3 and 4: the host's node lasts as long as the guest's, and a node is known by its whole id. The guest is a fake. */
class LockStepTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private final Host host = new Host();

    @RunInVM
    @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
    static class Slow {
        @Test
        @Order(1)
        void quick() {}

        @Test
        @Order(2)
        void slow() throws InterruptedException {
            Thread.sleep(600);
        }

        @Test
        @Order(3)
        void quickAgain() {}
    }

    @Test
    void theHostsNodeTakesAsLongAsTheGuests() {
        List<Event> events = host.run(selectClass(Slow.class)).testEvents().list();

        assertEquals(
                List.of("quick()", "quick()", "slow()", "slow()", "quickAgain()", "quickAgain()"),
                events.stream().map(e -> e.getTestDescriptor().getDisplayName()).toList());
        Duration slow =
                Duration.between(events.get(2).getTimestamp(), events.get(3).getTimestamp());
        assertTrue(slow.toMillis() >= 500, "600 ms of sleep are shown as " + slow);
    }

    abstract static class Base {
        @Test
        void inherited() {
            assertEquals("Sub", getClass().getSimpleName());
        }

        @Test
        void overloaded() {}
    }

    @RunInVM
    static class Sub extends Base {
        @Test
        void overloaded(org.junit.jupiter.api.TestInfo info) {
            throw new IllegalStateException(info.getDisplayName());
        }

        @Nested
        class Inner {
            @Test
            void overloaded() {
                throw new IllegalArgumentException("inner");
            }
        }

        @Nested
        class Other {
            @Test
            void overloaded() {}
        }
    }

    @Test
    void sameNamesAreToldApartByTheirIds() {
        EngineExecutionResults results = host.run(selectClass(Sub.class));

        Map<String, String> outcomes = results.testEvents().finished().stream()
                .collect(Collectors.toMap(
                        e -> e.getTestDescriptor().getUniqueId().toString().replaceFirst(".*Sub]/", ""),
                        e -> e.getRequiredPayload(TestExecutionResult.class)
                                .getThrowable()
                                .map(t -> t.getClass().getSimpleName())
                                .orElse("passed")));
        assertEquals(
                Map.of(
                        "[method:inherited()]", "passed",
                        "[method:overloaded()]", "passed",
                        "[method:overloaded(org.junit.jupiter.api.TestInfo)]", "IllegalStateException",
                        "[nested-class:Inner]/[method:overloaded()]", "IllegalArgumentException",
                        "[nested-class:Other]/[method:overloaded()]", "passed"),
                outcomes);
    }
}
