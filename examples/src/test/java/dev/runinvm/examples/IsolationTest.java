package dev.runinvm.examples;

import dev.runinvm.junit.Isolation;
import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.Timeout;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** Runs on the host: which tests have a guest in common. Each tells who has been in its guest before it. */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class IsolationTest {
    private static final Path VISITORS = Path.of("/tmp/visitors");

    /** Leaves its name in the guest, and tells whose names it found there. */
    @TestMethodOrder(MethodOrderer.OrderAnnotation.class)
    abstract static class Visits {
        private static int inThisJvm;

        @Test
        @Order(1)
        void one(TestInfo test, TestReporter reporter) throws IOException {
            visit(test, reporter);
        }

        @Test
        @Order(2)
        void two(TestInfo test, TestReporter reporter) throws IOException {
            visit(test, reporter);
        }

        private void visit(TestInfo test, TestReporter reporter) throws IOException {
            String me = getClass().getSimpleName() + "."
                    + test.getTestMethod().orElseThrow().getName();
            List<String> before = Files.exists(VISITORS) ? Files.readAllLines(VISITORS) : List.of();
            Files.write(VISITORS, List.of(me), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            assertEquals(before.size(), inThisJvm++, "tests of the same guest are in the same JVM");
            reporter.publishEntry("visit", me + " after " + before);
        }
    }

    @RunInVM(isolation = Isolation.METHOD)
    static class MethodA extends Visits {}

    @RunInVM(isolation = Isolation.METHOD)
    static class MethodB extends Visits {}

    @RunInVM(isolation = Isolation.CLASS)
    static class ClassA extends Visits {}

    @RunInVM(isolation = Isolation.CLASS)
    static class ClassB extends Visits {}

    @RunInVM(isolation = Isolation.SESSION)
    static class SessionA extends Visits {}

    @RunInVM(isolation = Isolation.SESSION)
    static class SessionB extends Visits {}

    /** By default. */
    @RunInVM
    static class DefaultA extends Visits {}

    private static List<String> visits(Class<?>... classes) {
        List<String> visits = new ArrayList<>();
        HostLauncher.run((test, entry) -> visits.add(entry.getOrDefault("visit", "")), Map.of(), classes);
        return visits;
    }

    @Test
    void methodsHaveAGuestEach() {
        assertEquals(
                List.of("MethodA.one after []", "MethodA.two after []", "MethodB.one after []", "MethodB.two after []"),
                visits(MethodA.class, MethodB.class));
    }

    @Test
    void classesHaveAGuestEach() {
        assertEquals(
                List.of(
                        "ClassA.one after []",
                        "ClassA.two after [ClassA.one]",
                        "ClassB.one after []",
                        "ClassB.two after [ClassB.one]"),
                visits(ClassA.class, ClassB.class));
    }

    @Test
    void aSessionHasOneGuestAndThoseOfAnotherIsolationHaveTheirs() {
        assertEquals(
                List.of(
                        "SessionA.one after []",
                        "SessionA.two after [SessionA.one]",
                        "SessionB.one after [SessionA.one, SessionA.two]",
                        "SessionB.two after [SessionA.one, SessionA.two, SessionB.one]",
                        "ClassA.one after []",
                        "ClassA.two after [ClassA.one]"),
                visits(SessionA.class, SessionB.class, ClassA.class));
    }

    @Test
    void theNextSessionHasAnother() {
        List<String> first = List.of("SessionA.one after []", "SessionA.two after [SessionA.one]");
        assertEquals(first, visits(SessionA.class));
        assertEquals(first, visits(SessionA.class));
    }

    @Test
    void aSettingSaysWhatAnAnnotationLeavesOpen() {
        List<String> visits = new ArrayList<>();
        HostLauncher.run(
                (test, entry) -> visits.add(entry.getOrDefault("visit", "")),
                Map.of("runinvm.isolation", "method"),
                DefaultA.class,
                ClassA.class);
        assertEquals(
                List.of(
                        "DefaultA.one after []",
                        "DefaultA.two after []",
                        "ClassA.one after []",
                        "ClassA.two after [ClassA.one]"),
                visits);
    }
}
