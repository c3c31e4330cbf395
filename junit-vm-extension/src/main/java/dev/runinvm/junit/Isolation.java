package dev.runinvm.junit;

/** What shares a guest. */
public enum Isolation {
    /** The tests of one class: each class has a fresh guest. */
    CLASS,
    /**
     * Nothing: each test method has a fresh guest, all invocations of a parameterized or repeated one together. Lifecycle
     * methods of the class run in each.
     */
    METHOD
}
