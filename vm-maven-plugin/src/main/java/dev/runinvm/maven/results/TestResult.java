package dev.runinvm.maven.results;

import dev.runinvm.maven.results.Attempt.Outcome;
import java.util.ArrayList;
import java.util.List;

/** One test, or one class that could not be run as a whole, and all its executions: more than one if it was run again. */
public final class TestResult {
    private final String id;
    private final String name;
    private final List<Attempt> attempts = new ArrayList<>();

    TestResult(String id, String name) {
        this.id = id;
        this.name = name;
    }

    /** Its unique id in JUnit; empty if it has none, since it was never found. */
    public String id() {
        return id;
    }

    /** What reports call it. */
    public String name() {
        return name;
    }

    /** Adds an execution. */
    void add(Attempt attempt) {
        attempts.add(attempt);
    }

    /** Its executions, in order; at least one. */
    public List<Attempt> attempts() {
        return attempts;
    }

    /** Whether it failed at first and passed later. */
    public boolean flaky() {
        return attempts.get(0).outcome().failed() && attempts.stream().anyMatch(a -> a.outcome() == Outcome.PASSED);
    }

    /** What it counts as: passed if it passed once, else what it was at first. */
    public Outcome outcome() {
        return flaky() ? Outcome.PASSED : attempts.get(0).outcome();
    }
}
