package dev.runinvm.junit;

import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** Rule 19: one guest serves one class at a time, and their number is bounded. The guests are fakes. */
@Timeout(120)
class ParallelTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private static final Map<String, String> PARALLEL = Map.of(
            "junit.jupiter.execution.parallel.enabled", "true",
            "junit.jupiter.execution.parallel.mode.default", "concurrent",
            "junit.jupiter.execution.parallel.config.strategy", "fixed",
            "junit.jupiter.execution.parallel.config.fixed.parallelism", "4");

    private final Host host = new Host();

    @RunInVM
    static class One {
        @Test
        void a() throws InterruptedException {
            Thread.sleep(100);
            System.out.println("one a");
        }

        @Test
        void b() {
            System.out.println("one b");
        }

        @Test
        @Execution(ExecutionMode.SAME_THREAD)
        void c() {
            throw new IllegalStateException("one c");
        }
    }

    @RunInVM
    static class Two {
        @Test
        void a() {
            System.out.println("two a");
        }

        @Test
        void b() {
            throw new IllegalStateException("two b");
        }
    }

    @RunInVM
    static class Three {
        @Test
        void a() {
            System.out.println("three a");
        }
    }

    @Test
    void parallelClassesAndMethodsEndAsTheyShould() {
        AtomicInteger most = new AtomicInteger();
        AtomicInteger starting = new AtomicInteger();
        guests.use(config -> {
            most.accumulateAndGet(starting.incrementAndGet() + Guests.alive(), Math::max);
            try {
                return new FakeVm(config);
            } finally {
                starting.decrementAndGet();
            }
        });
        Recorder recorder =
                host.launch(PARALLEL, selectClass(One.class), selectClass(Two.class), selectClass(Three.class));

        assertEquals(
                List.of(
                        "a() SUCCESSFUL",
                        "a() SUCCESSFUL",
                        "a() SUCCESSFUL",
                        "b() FAILED",
                        "b() SUCCESSFUL",
                        "c() FAILED"),
                recorder.ends().stream().sorted().toList());
        assertEquals(
                List.of("one c", "two b"),
                recorder.failures().stream().map(Throwable::getMessage).sorted().toList());
        assertEquals(
                List.of("one a", "one b", "three a", "two a"),
                host.out().lines().sorted().toList());
        assertEquals(3, guests.started().size());
        assertTrue(most.get() <= Math.max(1, Runtime.getRuntime().availableProcessors() / 2), "alive at once: " + most);
    }
}
