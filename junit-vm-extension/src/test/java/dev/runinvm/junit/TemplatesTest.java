package dev.runinvm.junit;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** Rules 5 and 6: templates by index, dynamic nodes as the guest has them. The guest is a fake. */
class TemplatesTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private final Host host = new Host();

    private static boolean inGuest() {
        return Boolean.getBoolean("runinvm.guest");
    }

    @RunInVM
    static class Repeating {
        @RepeatedTest(3)
        void repeats(RepetitionInfo info) {
            System.out.println("repetition " + info.getCurrentRepetition());
            assertTrue(info.getCurrentRepetition() != 2);
        }

        @ParameterizedTest
        @ValueSource(strings = {"a", "b"})
        void parameters(String value) {
            System.out.println(value);
        }
    }

    @Test
    void eachInvocationRunsOnceAndEndsAsItDid() {
        List<String> ends = host.launch(Map.of(), selectClass(Repeating.class)).ends();

        assertEquals(
                List.of(
                        "[1] value = \"a\" SUCCESSFUL",
                        "[2] value = \"b\" SUCCESSFUL",
                        "repetition 1 of 3 SUCCESSFUL",
                        "repetition 2 of 3 FAILED",
                        "repetition 3 of 3 SUCCESSFUL"),
                ends.stream()
                        .sorted()
                        .map(e -> e.replaceAll("\\] (\\w) ", "] value = \"$1\" "))
                        .toList());
        assertEquals(
                List.of("a", "b", "repetition 1", "repetition 2", "repetition 3"),
                host.out().lines().sorted().toList());
    }

    @Test
    void oneInvocationSelectedByItsIdIsTheOnlyOne() {
        String id = "[engine:junit-jupiter]/[class:" + Repeating.class.getName()
                + "]/[test-template:repeats(org.junit.jupiter.api.RepetitionInfo)]/[test-template-invocation:#3]";
        assertEquals(
                List.of("repetition 3 of 3 SUCCESSFUL"),
                host.launch(Map.of(), DiscoverySelectors.selectUniqueId(id)).ends());
        assertEquals("repetition 3\n", host.out());
    }

    @RunInVM
    static class MoreThere {
        static Stream<Integer> counts() {
            return IntStream.range(0, inGuest() ? 3 : 2).boxed();
        }

        @ParameterizedTest
        @MethodSource("counts")
        void counted(int n) {}
    }

    @Test
    void invocationsThatOnlyTheGuestHasAreAnError() {
        Recorder recorder = host.launch(Map.of(), selectClass(MoreThere.class));
        assertEquals(1, recorder.failures().size(), () -> recorder.ends().toString());
        String message = recorder.failures().get(0).getMessage();
        assertTrue(message.contains("tests that the host does not have") && message.contains("#3"), message);
    }

    @RunInVM
    static class FewerThere {
        static Stream<Integer> counts() {
            return IntStream.range(0, inGuest() ? 1 : 2).boxed();
        }

        @ParameterizedTest
        @MethodSource("counts")
        void counted(int n) {}
    }

    @Test
    void invocationsThatOnlyTheHostHasAreAnError() {
        Recorder recorder = host.launch(Map.of(), selectClass(FewerThere.class));
        assertEquals(1, recorder.failures().size(), () -> recorder.ends().toString());
        String message = recorder.failures().get(0).getMessage();
        assertTrue(message.contains("#2") && message.contains("did not run in the guest"), message);
    }

    @RunInVM
    static class NamedOtherwise {
        static Stream<String> where() {
            return Stream.of(inGuest() ? "guest" : "host");
        }

        @ParameterizedTest
        @MethodSource("where")
        void named(String where) {}
    }

    @Test
    void aNameThatDiffersIsAnErrorThatTellsBoth() {
        Recorder recorder = host.launch(Map.of(), selectClass(NamedOtherwise.class));
        assertEquals(1, recorder.failures().size(), () -> recorder.ends().toString());
        String message = recorder.failures().get(0).getMessage();
        assertTrue(
                message.contains("the host calls") && message.contains("host\"") && message.contains("guest\""),
                message);
    }

    @RunInVM
    static class Factory {
        @TestFactory
        Stream<DynamicNode> nodes() {
            assertTrue(inGuest(), "factories run in the guest only");
            return Stream.of(
                    DynamicTest.dynamicTest("first", () -> System.out.println("ran first")),
                    DynamicContainer.dynamicContainer(
                            "group",
                            Stream.of(
                                    DynamicTest.dynamicTest("inner", () -> System.out.println("ran inner")),
                                    DynamicTest.dynamicTest("broken", () -> {
                                        throw new IllegalStateException("broken");
                                    }))),
                    DynamicTest.dynamicTest("last", () -> {}));
        }

        @TestFactory
        Stream<DynamicNode> failing() {
            return Stream.of(1, 2).map(n -> {
                if (n == 2) {
                    throw new IllegalArgumentException("no more");
                }
                return DynamicTest.dynamicTest("only", () -> {});
            });
        }
    }

    @Test
    void dynamicNodesAppearAsTheGuestHasThem() {
        Recorder recorder = host.launch(Map.of(), DiscoverySelectors.selectMethod(Factory.class, "nodes"));
        assertEquals(
                List.of("first SUCCESSFUL", "inner SUCCESSFUL", "broken FAILED", "last SUCCESSFUL"), recorder.ends());
        assertEquals("broken", recorder.failures().get(0).getMessage());
        assertEquals("ran first\nran inner\n", host.out());
    }

    @Test
    void aFactoryThatFailsHalfwayFails() {
        Recorder recorder = host.launch(Map.of(), DiscoverySelectors.selectMethod(Factory.class, "failing"));
        assertEquals(List.of("only SUCCESSFUL", "failing() FAILED"), recorder.ends());
        assertEquals("no more", recorder.failures().get(0).getMessage());
    }

    @Test
    void oneDynamicTestSelectedByItsIdIsTheOnlyOne() {
        String id = "[engine:junit-jupiter]/[class:" + Factory.class.getName()
                + "]/[test-factory:nodes()]/[dynamic-container:#2]/[dynamic-test:#1]";
        assertEquals(
                List.of("inner SUCCESSFUL"),
                host.launch(Map.of(), DiscoverySelectors.selectUniqueId(id)).ends());
        assertEquals("ran inner\n", host.out());
    }
}
