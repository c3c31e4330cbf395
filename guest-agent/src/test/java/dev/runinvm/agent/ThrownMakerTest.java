package dev.runinvm.agent;

import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.Thrown;
import java.util.List;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.opentest4j.AssertionFailedError;
import org.opentest4j.MultipleFailuresError;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ThrownMakerTest {
    @Test
    void allOfItIsTaken() {
        IllegalStateException e = new IllegalStateException("message", new Exception("cause"));
        e.addSuppressed(new RuntimeException("besides"));
        Thrown t = ThrownMaker.make(e);
        assertEquals("java.lang.IllegalStateException", t.type());
        assertEquals(
                List.of("java.lang.RuntimeException", "java.lang.Exception", "java.lang.Throwable"), t.supertypes());
        assertEquals("message", t.message());
        assertEquals("allOfItIsTaken", t.stack().get(0).getMethodName());
        assertNotNull(t.cause());
        assertEquals("cause", t.cause().message());
        assertEquals("besides", t.suppressed().get(0).message());
    }

    @Test
    void comparedValuesAreTakenAsTexts() {
        AssertionFailedError e =
                Assertions.assertThrows(AssertionFailedError.class, () -> assertEquals(List.of(1), List.of(2)));
        Thrown t = ThrownMaker.make(e);
        assertEquals("[1]", t.expected());
        assertEquals("[2]", t.actual());
    }

    @Test
    void severalFailuresAreTakenOnce() {
        MultipleFailuresError e = Assertions.assertThrows(
                MultipleFailuresError.class,
                () -> Assertions.assertAll(() -> Assertions.fail("a"), () -> Assertions.fail("b")));
        Thrown t = ThrownMaker.make(e);
        assertEquals(List.of("a", "b"), t.parts().stream().map(Thrown::message).toList());
        assertEquals(List.of(), t.suppressed());
    }

    @Test
    void circlesEnd() {
        RuntimeException a = new RuntimeException("a");
        RuntimeException b = new RuntimeException("b", a);
        a.initCause(b);
        a.addSuppressed(b);
        Thrown t = ThrownMaker.make(a);
        assertEquals("b", t.cause() == null ? null : t.cause().message());
        assertNull(t.cause().cause());
    }

    private static final class Rude extends RuntimeException {
        private static final long serialVersionUID = 1L;

        @Override
        public String getMessage() {
            throw new IllegalStateException("no");
        }
    }

    @Test
    void anExceptionThatThrowsIsStillTold() {
        Thrown t = ThrownMaker.make(new Rude());
        assertEquals(Rude.class.getName(), t.type());
        assertTrue(String.valueOf(t.message()).contains("threw java.lang.IllegalStateException"), t.message());
    }

    @Test
    void nothingGrowsBeyondAMessage() {
        RuntimeException chain = new RuntimeException("x".repeat(1_000_000));
        for (int i = 0; i < 150; i++) {
            chain = new RuntimeException("y".repeat(1_000_000), chain);
        }
        byte[] bytes = GuestMessage.encode(new GuestMessage.RunEnded(null, ThrownMaker.make(chain)));
        assertTrue(bytes.length < 8 << 20, "encoded as " + bytes.length + " bytes");
        GuestMessage.decode(bytes);
    }

    @Test
    void adeepChainStaysDecodable() {
        RuntimeException chain = new RuntimeException("end");
        for (int i = 0; i < 1000; i++) {
            chain = new RuntimeException(chain);
        }
        GuestMessage.decode(GuestMessage.encode(new GuestMessage.RunEnded(null, ThrownMaker.make(chain))));
    }
}
