package example;

import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ExitsIT {
    @Test
    @Order(1)
    void passes() {}

    @Test
    @Order(2)
    void exits() {
        System.exit(3);
    }

    @Test
    @Order(3)
    void comesTooLate() {}
}
