package dev.runinvm.agent.spi;

import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The way from a test's code to the host, by way of the agent. */
public final class HostLine {
    private static volatile @Nullable Supplier<Answer> line;

    private HostLine() {}

    /**
     * What the host sees of this guest.
     *
     * @param counters the engine's counters by name
     * @param console the last lines of the console
     */
    public record Answer(Map<String, Long> counters, List<String> console) {}

    /** Called by the agent: how questions get an answer from now on. */
    public static void open(Supplier<Answer> answers) {
        line = answers;
    }

    /**
     * Asks the host.
     *
     * @throws IllegalStateException if this is no guest, or the host does not answer
     */
    public static Answer ask() {
        Supplier<Answer> open = line;
        if (open == null) {
            throw new IllegalStateException("there is no line to a host here: this is no guest's JVM");
        }
        return open.get();
    }
}
