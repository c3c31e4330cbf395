package dev.runinvm.junit.jupiter;

import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** A test by a default method. */
public interface InheritedContract<T> {
    T value();

    @Test
    default void equalsItself() {
        System.out.println("contract of " + value());
        assertEquals(value(), value());
    }
}
