package dev.runinvm.agent.spi;

import java.util.List;
import java.util.Map;

/** Runs tests with a JUnit that the agent itself does not know. */
public interface TestRunner {
    /**
     * Runs them all and returns when the last has ended.
     *
     * @param className the test class, run whole if {@code selected} is empty
     * @param selected unique ids
     * @param configuration JUnit's configuration parameters
     * @param events told of everything, on the threads where it happens
     */
    void run(String className, List<String> selected, Map<String, String> configuration, RunEvents events);
}
