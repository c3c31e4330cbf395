package dev.runinvm.agent.spi;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What happens in a run. */
public interface RunEvents {
    /** A node of the test plan. */
    record PlanNode(
            String id,
            @Nullable String parent,
            String displayName,
            boolean test,
            boolean container,
            @Nullable String className,
            @Nullable String methodName,
            String reportName) {}

    /** How a node ended. */
    enum End {
        SUCCESSFUL,
        ABORTED,
        FAILED
    }

    /**
     * Tests were found.
     *
     * @param platformVersion of the JUnit Platform
     * @param missing selected ids without a node, with the reason where JUnit gave one
     */
    void discovered(String platformVersion, List<PlanNode> nodes, List<String> missing);

    void registered(PlanNode node);

    void started(String id);

    void finished(String id, End end, @Nullable Throwable thrown);

    void skipped(String id, String reason);

    void reported(String id, Map<String, String> entries);

    /**
     * A test published a file or directory.
     *
     * @param mediaType null for a directory
     */
    void published(String id, Path file, @Nullable String mediaType);
}
