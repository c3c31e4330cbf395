package dev.runinvm.junit;

import dev.runinvm.wire.Thrown;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.engine.TestExecutionResult;
import org.opentest4j.AssertionFailedError;
import org.opentest4j.MultipleFailuresError;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

/** Rule 9: throwables in three tiers. The guest is a fake. */
class ThrowablesTest {
    @RegisterExtension
    final FakeGuests guests = new FakeGuests();

    private final Host host = new Host();

    /** Needs what nobody can guess, and says something of its own. */
    static final class Odd extends Exception {
        private static final long serialVersionUID = 1L;

        Odd(List<String> parts) {
            super("odd " + parts);
        }
    }

    static final class Cyclic extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Cyclic() {
            super("round");
            RuntimeException other = new RuntimeException("about", this);
            addSuppressed(other);
        }
    }

    @RunInVM
    static class Throwing {
        @Test
        void comparison() {
            assertEquals("one\ntwo", "one\nthree", "texts differ");
        }

        @Test
        void several() {
            Assertions.assertAll(
                    "heading", () -> assertEquals(1, 2), () -> Assertions.fail("second"), () -> assertTrue(true));
        }

        @Test
        void chain() {
            UncheckedIOException e = new UncheckedIOException("outer", new IOException("inner"));
            e.addSuppressed(new IllegalStateException("besides"));
            throw e;
        }

        @Test
        void odd() throws Odd {
            throw new Odd(List.of("a", "b"));
        }

        @Test
        void cyclic() {
            throw new Cyclic();
        }

        @Test
        void deep() {
            deep();
        }

        @Test
        void withoutMessage() {
            throw new NullPointerException();
        }
    }

    @Test
    void throwablesAreWhatTheyWere() {
        Map<String, Throwable> thrown = host.run(selectClass(Throwing.class)).testEvents().failed().stream()
                .collect(Collectors.toMap(
                        e -> e.getTestDescriptor().getDisplayName(),
                        e -> e.getRequiredPayload(TestExecutionResult.class)
                                .getThrowable()
                                .orElseThrow()));

        AssertionFailedError comparison = assertInstanceOf(AssertionFailedError.class, thrown.get("comparison()"));
        assertEquals("one\ntwo", comparison.getExpected().getStringRepresentation());
        assertEquals("one\nthree", comparison.getActual().getStringRepresentation());
        assertTrue(comparison.getMessage().startsWith("texts differ ==> expected: <one"), comparison.getMessage());
        assertTrue(
                List.of(comparison.getStackTrace()).stream()
                        .anyMatch(f -> f.getClassName().equals(Throwing.class.getName())
                                && f.getMethodName().equals("comparison")
                                && f.getLineNumber() > 0),
                "the guest's frames are kept");

        MultipleFailuresError several = assertInstanceOf(MultipleFailuresError.class, thrown.get("several()"));
        assertTrue(several.getMessage().startsWith("heading (2 failures)"), several.getMessage());
        assertEquals(
                List.of("expected: <1> but was: <2>", "second"),
                several.getFailures().stream().map(Throwable::getMessage).toList());
        assertEquals(2, several.getSuppressed().length);

        UncheckedIOException chain = assertInstanceOf(UncheckedIOException.class, thrown.get("chain()"));
        assertEquals("outer", chain.getMessage());
        assertEquals(
                "inner", assertInstanceOf(IOException.class, chain.getCause()).getMessage());
        assertEquals("besides", chain.getSuppressed()[0].getMessage());

        assertEquals(
                "odd [a, b]", assertInstanceOf(Odd.class, thrown.get("odd()")).getMessage());
        assertEquals(
                "round", assertInstanceOf(Cyclic.class, thrown.get("cyclic()")).getMessage());
        assertInstanceOf(StackOverflowError.class, thrown.get("deep()"));
        assertNull(assertInstanceOf(NullPointerException.class, thrown.get("withoutMessage()"))
                .getMessage());
    }

    private final ThrownRebuilder rebuilder = new ThrownRebuilder(getClass().getClassLoader());

    private static Thrown unknown(String message, String expected, String... supertypes) {
        return new Thrown(
                "only.in.the.Guest",
                List.of(supertypes),
                message,
                "only.in.the.Guest: " + message,
                List.of(new StackTraceElement("only.in.the.Code", "run", "Code.java", 7)),
                new Thrown(
                        "x.Y",
                        List.of("java.io.IOException"),
                        "why",
                        "",
                        List.of(),
                        null,
                        List.of(),
                        List.of(),
                        null,
                        null),
                List.of(),
                List.of(),
                expected,
                expected);
    }

    @Test
    void anUnknownTypeComesAsItsNearestKnownSupertype() {
        Throwable t = rebuilder.rebuild(
                unknown("m", null, "only.in.the.Other", "java.lang.IllegalStateException", "java.lang.Throwable"));
        assertSame(IllegalStateException.class, t.getClass());
        assertEquals("only.in.the.Guest: m", t.getMessage());
        assertEquals(
                "x.Y: why", assertInstanceOf(IOException.class, t.getCause()).getMessage());
        assertArrayEquals(
                new StackTraceElement[] {new StackTraceElement("only.in.the.Code", "run", "Code.java", 7)},
                t.getStackTrace());
    }

    @Test
    void anUnknownComparisonKeepsItsValues() {
        Throwable t = rebuilder.rebuild(unknown("m", "value", "java.lang.AssertionError", "java.lang.Error"));
        AssertionFailedError e = assertInstanceOf(AssertionFailedError.class, t);
        assertEquals("value", e.getExpected().getStringRepresentation());
        assertEquals("only.in.the.Guest: m", e.getMessage());
    }

    @Test
    void withoutAnyKnownTypeTheTextIsLeft() {
        Throwable t = rebuilder.rebuild(unknown("m", null, "nothing.Known"));
        assertSame(RuntimeException.class, t.getClass());
        assertEquals("only.in.the.Guest: m", t.getMessage());
    }

    @Test
    void aNameThatIsNoThrowableIsNotMadeOne() {
        Thrown t = new Thrown(
                "java.lang.ProcessBuilder",
                List.of("java.lang.String"),
                "m",
                "text",
                List.of(),
                null,
                List.of(),
                List.of(),
                null,
                null);
        assertSame(RuntimeException.class, rebuilder.rebuild(t).getClass());
    }
}
