package example;

import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import static org.junit.jupiter.api.Assertions.assertFalse;

@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class FlakyIT {
    private static boolean disturbed;

    @Test
    @Order(1)
    void disturbs() {
        disturbed = true;
    }

    @Test
    @Order(2)
    void passesAlone() {
        System.out.println("disturbed: " + disturbed);
        assertFalse(disturbed, "run alone I pass");
    }
}
