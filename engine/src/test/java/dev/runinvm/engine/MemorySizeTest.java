package dev.runinvm.engine;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class MemorySizeTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "4096, 4096",
        "64k, 65536",
        "512M, 536870912",
        "1G, 1073741824",
        "1 GiB, 1073741824",
        "2gb, 2147483648",
        "1T, 1099511627776",
        "10B, 10"
    })
    void readsWhatPeopleWrite(String text, long bytes) {
        assertEquals(bytes, MemorySize.parse(text));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "G", "1.5G", "-1", "1X", "1GG", "lots", "99999999999999999999", "999999999999T"})
    void refusesTheRestAndSaysWhatToWrite(String text) {
        HostLacks refusal = assertThrows(HostLacks.class, () -> MemorySize.parse(text));
        assertTrue(String.valueOf(refusal.getMessage()).contains("\"" + text + "\""), refusal.getMessage());
    }

    @Test
    void writesTheLargestWholeUnit() {
        assertEquals("1 GiB", MemorySize.format(1L << 30));
        assertEquals("1536 MiB", MemorySize.format(1536L << 20));
        assertEquals("1000 B", MemorySize.format(1000));
        assertEquals("0 B", MemorySize.format(0));
    }
}
