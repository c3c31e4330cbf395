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

    /**
     * What to launch.
     *
     * @param classes names of classes that may hold tests
     * @param ids unique ids to run instead
     * @param includeTags tag expressions, one of which a test must meet, if there are any
     * @param excludeTags tag expressions, none of which a test may meet
     * @param execute whether to run what was found
     * @param configuration JUnit's configuration parameters
     */
    record Request(
            List<String> classes,
            List<String> ids,
            List<String> includeTags,
            List<String> excludeTags,
            boolean execute,
            Map<String, String> configuration) {}

    /**
     * Finds tests of all engines and runs them, as a launcher of its own would, with what the class path registers.
     *
     * @param events told of everything, on the threads where it happens
     */
    void launch(Request request, RunEvents events);
}
