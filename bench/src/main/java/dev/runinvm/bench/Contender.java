package dev.runinvm.bench;

import java.util.List;
import java.util.Optional;

/** Something that can run the bench's work. */
interface Contender {
    /** Its name in tables and on the command line. */
    String name();

    /** One line for people: what it is, with its version. */
    String description();

    /** Why it cannot run here; empty when it can. */
    Optional<String> missing();

    /** Whether it can do this kind of work. */
    default boolean runs(Work work) {
        return work != Work.BOOTS && work != Work.OVERHEAD;
    }

    /** What it tells of its start, in order, before the work begins. */
    default List<String> milestones() {
        return List.of(Run.INIT, Run.JVM);
    }

    /**
     * The command that runs the work once and ends. Its standard output and standard error carry the guest's console
     * and its init's reports in any order.
     */
    List<String> command(Work work);
}
