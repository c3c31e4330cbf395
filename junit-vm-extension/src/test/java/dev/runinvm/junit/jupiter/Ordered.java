package dev.runinvm.junit.jupiter;

import dev.runinvm.junit.RunInVM;
import org.junit.jupiter.api.ClassOrderer;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestClassOrder;
import org.junit.jupiter.api.TestMethodOrder;

/** Orders of methods and of classes, names. */
@RunInVM
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@TestClassOrder(ClassOrderer.OrderAnnotation.class)
@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
public class Ordered {
    @Test
    @Order(3)
    void third_of_them() {
        System.out.println("third");
    }

    @Test
    @Order(1)
    void first_of_them() {
        System.out.println("first");
    }

    @Test
    @Order(2)
    @DisplayName("the \"second\" / of [them] \u2713")
    void second_of_them() {
        System.out.println("second");
    }

    @Nested
    @Order(2)
    class Later {
        @Test
        void test() {
            System.out.println("later");
        }
    }

    @Nested
    @Order(1)
    @TestMethodOrder(MethodOrderer.Random.class)
    class Sooner {
        @Test
        void a() {
            System.out.println("a");
        }

        @Test
        void b() {
            System.out.println("b");
        }

        @Test
        void c() {
            System.out.println("c");
        }
    }
}
