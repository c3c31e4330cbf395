package dev.runinvm.junit;

/** What shares a guest. */
public enum Isolation {
    /** The tests of one class: each class has a fresh guest. */
    CLASS,
    /**
     * Nothing: each test method has a fresh guest, all invocations of a parameterized or repeated one together. Lifecycle
     * methods of the class run in each.
     */
    METHOD,
    /**
     * All classes of a launcher's session that ask for it with the same configuration: technique, memory, processors, kernel,
     * class path, files, forwarded properties. They have the guest one after the other, in the same JVM, as they share
     * Surefire's; what one leaves behind the next one finds. Those that run in parallel have a guest each. A guest that ended
     * under a class, or was ended, gets no other, and one that only waits ends when another guest needs its place.
     */
    SESSION
}
