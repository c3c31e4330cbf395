package example;

import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

public class LibraryIT {
    @Test
    void runsOnJUnit6() {
        assertEquals("library", Library.name());
        assertTrue(Test.class.getPackage().getImplementationVersion().startsWith("6."));
    }
}
