package dev.runinvm.junit;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;

/** Test classes that ask for trouble: a clear error where something is wrong, no hang, no false green. The guest is a fake. */
class BadInputTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private final Host host = new Host();

    private static boolean inGuest() {
        return Boolean.getBoolean("runinvm.guest");
    }

    @RunInVM
    static class NotLoadable {
        static final Object BROKEN = inGuest() ? broken() : "fine on the host";

        private static Object broken() {
            throw new IllegalStateException("cannot be initialised there");
        }

        @Test
        void test() {}
    }

    @Test
    void aClassThatCannotBeInitialisedInTheGuestFailsWithTheReason() {
        Recorder recorder = host.launch(Map.of(), selectClass(NotLoadable.class));
        assertEquals(List.of("test() FAILED"), recorder.ends());
        Throwable t = recorder.failures().get(0);
        assertTrue(t instanceof ExceptionInInitializerError, t.toString());
        assertEquals("cannot be initialised there", t.getCause().getMessage());
    }

    @RunInVM
    static class Nameless {
        static Stream<Object> things() {
            return Stream.of(new Object(), (Runnable) () -> {}, new Thread());
        }

        @ParameterizedTest
        @MethodSource("things")
        void things(Object thing) {
            System.out.println(thing != null);
        }
    }

    @Test
    void argumentsThatCannotBeSerialisedAndHaveNoNamesAreAsGoodAsOthers() {
        Recorder recorder = host.launch(Map.of(), selectClass(Nameless.class));
        assertEquals(List.of(), recorder.failures());
        assertEquals("true\ntrue\ntrue\n", host.out());
    }

    @RunInVM
    static class Prints {
        @Test
        void much() {
            String line = "x".repeat(99);
            for (int i = 0; i < 1_000_000; i++) {
                System.out.println(line);
            }
        }

        @Test
        void muchInOneLine() {
            System.out.print("y".repeat(20_000_000));
        }
    }

    @Test
    void aHundredMegabytesOfOutputArriveWhole() {
        Counter counter = new Counter();
        PrintStream before = System.out;
        System.setOut(new PrintStream(counter));
        Recorder recorder;
        try {
            recorder = new Recorder();
            host.launchUncaptured(recorder, selectMethod(Prints.class, "much"));
        } finally {
            System.setOut(before);
        }
        assertEquals(List.of("much() SUCCESSFUL"), recorder.ends());
        assertEquals(100_000_000, counter.bytes);
    }

    @Test
    void aLineWithoutEndArrivesWhole() {
        Recorder recorder = host.launch(Map.of(), selectMethod(Prints.class, "muchInOneLine"));
        assertEquals(List.of("muchInOneLine() SUCCESSFUL"), recorder.ends());
        assertEquals(20_000_000, host.out().length());
    }

    private static final class Counter extends OutputStream {
        private long bytes;

        @Override
        public synchronized void write(int b) {
            bytes++;
        }

        @Override
        public synchronized void write(byte[] b, int from, int length) throws IOException {
            bytes += length;
        }
    }

    @RunInVM
    static class Many {
        static IntStream numbers() {
            return IntStream.range(0, 10_000);
        }

        @ParameterizedTest
        @MethodSource("numbers")
        void number(int n) {
            assertTrue(n != 9_998, "the last but one fails");
        }
    }

    @Test
    void tenThousandInvocationsEndAsTheyDid() {
        Recorder recorder = host.launch(Map.of(), selectClass(Many.class));
        assertEquals(10_000, recorder.ends().size());
        assertEquals(1, recorder.failures().size());
        assertTrue(
                recorder.ends().get(9_998).endsWith("FAILED"), recorder.ends().get(9_998));
    }

    @RunInVM
    static class SameNames {
        @Test
        @DisplayName("same")
        void one() {}

        @Test
        @DisplayName("same")
        void two() {
            fail("the second");
        }

        @ParameterizedTest(name = "same")
        @ValueSource(ints = {1, 2, 3})
        @DisplayName("same")
        void each(int n) {
            assertTrue(n != 2, "invocation " + n);
        }

        @TestFactory
        @DisplayName("same")
        Stream<DynamicTest> dynamic() {
            return IntStream.range(1, 4)
                    .mapToObj(n -> DynamicTest.dynamicTest("same", () -> assertTrue(n != 3, "dynamic " + n)));
        }
    }

    @Test
    void testsThatAreAllCalledTheSameEndEachAsItDid() {
        Recorder recorder = host.launch(Map.of(), selectClass(SameNames.class));
        assertEquals(
                Map.of("same SUCCESSFUL", 5L, "same FAILED", 3L),
                recorder.ends().stream().collect(Collectors.groupingBy(end -> end, Collectors.counting())));
        assertEquals(
                List.of("dynamic 3", "invocation 2", "the second"),
                recorder.failures().stream()
                        .map(t -> t.getMessage().replaceAll(" ==>.*", ""))
                        .sorted()
                        .toList());
    }

    @RunInVM
    static class Circle {
        @Test
        void circle() {
            Exception first = new Exception("first");
            Exception second = new IllegalStateException("second", first);
            first.initCause(second);
            first.addSuppressed(second);
            throw (IllegalStateException) second;
        }
    }

    @Test
    void causesInACircleEnd() {
        Recorder recorder = host.launch(Map.of(), selectClass(Circle.class));
        Throwable t = recorder.failures().get(0);
        assertEquals("java.lang.IllegalStateException: second", t.toString());
        assertEquals("first", t.getCause().getMessage());
    }

    /** Works in the guest only. */
    public static final class OnHostOnly implements BeforeEachCallback {
        @Override
        public void beforeEach(ExtensionContext context) {
            if (!inGuest()) {
                throw new UnsupportedOperationException("not here");
            }
        }
    }

    @RunInVM
    @ExtendWith(OnHostOnly.class)
    static class ThrowsHere {
        @Test
        void test() {
            System.out.println("ran");
        }
    }

    @Test
    void anExtensionThatThrowsOnTheHostOnlyFailsTheTest() {
        Recorder recorder = host.launch(Map.of(), selectClass(ThrowsHere.class));
        assertEquals(List.of("test() FAILED"), recorder.ends());
        assertEquals("not here", recorder.failures().get(0).getMessage());
        assertEquals("ran\n", host.out());
    }
}
