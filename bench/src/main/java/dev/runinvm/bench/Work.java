package dev.runinvm.bench;

import java.util.Locale;

/** What is measured. */
enum Work {
    /** From nothing to the results of a JUnit test class. */
    JUNIT("junit"),
    /** Processor-bound programs. */
    CPU("cpu"),
    /** What the kernel's basic services cost: system call, page fault, process, context switch. */
    MICRO("micro"),
    /** As {@link #JUNIT}, by our engine alone and many times in a row: not one may fail. */
    BOOTS("junit"),
    /** A thousand tests that do nothing, as a user has them run: what one costs. */
    OVERHEAD("overhead"),
    /** Guests that boot beside guests from a snapshot, and what memory they take; see {@link Starts}. */
    RESTORE("junit"),
    /** Guests from a snapshot, many in a row: not one may fail, and nothing may be left over. */
    RESTORES("junit");

    private final String guestArgument;

    Work(String guestArgument) {
        this.guestArgument = guestArgument;
    }

    /** What {@link dev.runinvm.bench.guest.GuestMain} is told to do. */
    String guestArgument() {
        return guestArgument;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
