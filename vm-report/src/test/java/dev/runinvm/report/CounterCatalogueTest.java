package dev.runinvm.report;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

class CounterCatalogueTest {
    private final CounterCatalogue catalogue = CounterCatalogue.standard();

    @Test
    void aCountersOwnEntryComesBeforeTheOneForItsKind() {
        CounterCatalogue.Entry own = catalogue.explain("exits.port.pic").orElseThrow();
        CounterCatalogue.Entry kind = catalogue.explain("exits.port.newDevice").orElseThrow();

        assertTrue(own.meaning().contains("8259"), own.meaning());
        assertEquals("exits.port.*", kind.pattern());
        assertTrue(kind.general());
    }

    @Test
    void whatNobodyKnowsIsNotExplained() {
        assertEquals(Optional.empty(), catalogue.explain("unheard.of"));
    }

    @Test
    void timesAndBytesAreSaidToBeSuch() {
        assertEquals(
                CounterCatalogue.Unit.NANOS,
                catalogue.explain("cpu.kernelNanos").orElseThrow().unit());
        assertEquals(
                CounterCatalogue.Unit.BYTES,
                catalogue.explain("channel.bytesToGuest").orElseThrow().unit());
    }
}
