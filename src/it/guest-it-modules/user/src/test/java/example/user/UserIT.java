package example.user;

import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

class UserIT {
    @Test
    void usesAModuleOfTheReactor() {
        assertEquals("user of library", User.name());
    }
}
