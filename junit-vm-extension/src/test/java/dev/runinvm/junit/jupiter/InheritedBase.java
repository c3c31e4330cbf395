package dev.runinvm.junit.jupiter;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** A class with lifecycle methods and tests. */
@TestMethodOrder(MethodOrderer.MethodName.class)
public class InheritedBase {
    @BeforeAll
    static void beforeBase() {
        System.out.println("before base");
    }

    @BeforeEach
    void beforeEachOfBase() {
        System.out.println("before each of base");
    }

    @Test
    void ofBase() {
        System.out.println("of base");
    }

    @Test
    void overridden() {
        System.out.println("never");
    }
}
