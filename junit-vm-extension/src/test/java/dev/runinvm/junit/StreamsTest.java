package dev.runinvm.junit;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Rule 13: what a test prints in the guest is printed on the host during that test. The guest is a fake. */
class StreamsTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    @RunInVM
    @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
    static class Printing {
        @BeforeAll
        static void beforeAll() {
            System.out.println("before all");
        }

        @Test
        @Order(1)
        void one() {
            System.out.print("out 1");
            System.err.println("err 1 \u00e4\u20ac\ud83d\ude00");
        }

        @Test
        @Order(2)
        void two() throws InterruptedException {
            Thread child = new Thread(() -> System.out.println("out 2 of a child"));
            child.start();
            child.join();
            System.out.print("x".repeat(100_000));
        }

        @AfterAll
        static void afterAll() {
            System.err.print("after all");
        }
    }

    /** JUnit's own capture attributes what is printed to the node that runs on the printing thread, as build tools do. */
    @Test
    void outputIsPrintedDuringItsTest() {
        List<String> entries = new Host()
                .launch(
                        Map.of(
                                "junit.platform.output.capture.stdout", "true",
                                "junit.platform.output.capture.stderr", "true"),
                        DiscoverySelectors.selectClass(Printing.class))
                .entries();
        assertEquals(
                List.of(
                        "one() stderr err 1 \u00e4\u20ac\ud83d\ude00\n",
                        "one() stdout out 1",
                        "two() stdout out 2 of a child\nX",
                        "StreamsTest$Printing stderr after all",
                        "StreamsTest$Printing stdout before all\n"),
                entries.stream().map(e -> e.replace("x".repeat(100_000), "X")).toList());
    }

    @RunInVM
    @Execution(ExecutionMode.CONCURRENT)
    static class AtOnce {
        private static final CyclicBarrier BARRIER = new CyclicBarrier(2);

        @Test
        void left() throws Exception {
            print("left");
        }

        @Test
        void right() throws Exception {
            print("right");
        }

        private static void print(String who) throws Exception {
            for (int i = 0; i < 20; i++) {
                BARRIER.await(30, TimeUnit.SECONDS);
                System.out.println(who);
            }
        }
    }

    @Test
    void outputOfTestsThatRunAtOnceIsToldApart() {
        List<String> entries = new Host()
                .launch(
                        Map.of(
                                "junit.platform.output.capture.stdout", "true",
                                "junit.jupiter.execution.parallel.enabled", "true",
                                "junit.jupiter.execution.parallel.config.strategy", "fixed",
                                "junit.jupiter.execution.parallel.config.fixed.parallelism", "4"),
                        DiscoverySelectors.selectClass(AtOnce.class))
                .entries();
        assertEquals(
                List.of("left() stdout " + "left\n".repeat(20), "right() stdout " + "right\n".repeat(20)),
                entries.stream().sorted().toList());
    }

    @RunInVM
    static class Flooding {
        @Test
        void floods() {
            for (int i = 0; i < 20_000; i++) {
                System.out.println("line " + i + " of a test that prints more than any ring holds");
            }
        }
    }

    @Test
    void aFloodArrivesWhole() {
        Host host = new Host();
        host.run(DiscoverySelectors.selectClass(Flooding.class)).testEvents().assertStatistics(s -> s.succeeded(1));
        List<String> lines = host.out().lines().toList();
        assertEquals(20_000, lines.size());
        assertTrue(lines.get(19_999).startsWith("line 19999 "));
    }
}
