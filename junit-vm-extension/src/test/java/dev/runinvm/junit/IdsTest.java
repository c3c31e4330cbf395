package dev.runinvm.junit;

import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

class IdsTest {
    private static final String PLAIN = "[engine:junit-jupiter]/[class:a.B]/[method:c(java.lang.String%5B%5D)]";

    @Test
    void aSuitesPartIsTheHostsOnly() {
        assertEquals(PLAIN, Ids.inGuest("[engine:junit-platform-suite]/[suite:x.Y]/" + PLAIN));
        assertEquals(PLAIN, Ids.inGuest(PLAIN));
    }

    @Test
    void oneNameIsNotWithinAnotherThatStartsAlike() {
        assertTrue(Ids.within("[engine:e]/[class:a]", "[engine:e]"));
        assertTrue(Ids.within("[engine:e]", "[engine:e]"));
        assertFalse(Ids.within("[engine:e]/[class:a]2", "[engine:e]/[class:a]"));
        assertFalse(Ids.within("[engine:e]", "[engine:e]/[class:a]"));
    }

    @Test
    void parents() {
        assertEquals("[engine:junit-jupiter]/[class:a.B]", Ids.parent(PLAIN));
        assertNull(Ids.parent("[engine:e]"));
    }
}
