package dev.runinvm.junit;

import dev.runinvm.client.GuestDebugging;
import dev.runinvm.engine.HostLacks;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class DebugSettingTest {
    private static Optional<GuestDebugging> parse(String text) {
        return GuestDebugging.parse("runinvm.debug", text);
    }

    @Test
    void whatUsersWrite() {
        assertEquals(Optional.of(new GuestDebugging(5005, true)), parse("true"));
        assertEquals(Optional.of(new GuestDebugging(8000, true)), parse("8000"));
        assertEquals(Optional.of(new GuestDebugging(5005, false)), parse("suspend=n"));
        assertEquals(Optional.of(new GuestDebugging(8000, false)), parse(" 8000 , suspend=n"));
        assertEquals(Optional.empty(), parse("false"));
        assertEquals(Optional.empty(), parse(" "));
        assertEquals(Optional.empty(), GuestDebugging.parse("runinvm.debug", null));
    }

    @ParameterizedTest
    @ValueSource(strings = {"yes", "0", "65536", "suspend", "8000;suspend=n", "8000,", "-Xrunjdwp:server=y"})
    void whatIsNone(String text) {
        HostLacks e = assertThrows(HostLacks.class, () -> parse(text));
        assertTrue(e.getMessage().contains("runinvm.debug is \"" + text + "\""), e.getMessage());
    }
}
