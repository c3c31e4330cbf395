package dev.runinvm.junit;

import java.util.ArrayList;
import java.util.List;
import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.UniqueId;
import org.junit.platform.launcher.PostDiscoveryFilter;

/**
 * What was discovered below class templates: JUnit keeps it out of the test plan until the template runs, and only filters see
 * it. Registered as a service with the launcher; lets everything pass.
 */
public final class TemplateNodes implements PostDiscoveryFilter {
    private static final ThreadLocal<List<TestDescriptor>> SEEN = ThreadLocal.withInitial(ArrayList::new);

    /** Called by the launcher's service loader. */
    public TemplateNodes() {}

    @Override
    public FilterResult apply(TestDescriptor node) {
        if (isBelowTemplate(node.getUniqueId())) {
            SEEN.get().add(node);
        }
        return FilterResult.included("RunInVM only looks");
    }

    /** Forgets what the last discovery on this thread has found. */
    static void clear() {
        SEEN.remove();
    }

    /** What the last discovery on this thread has found, filtered or not. */
    static List<TestDescriptor> seen() {
        return List.copyOf(SEEN.get());
    }

    private static boolean isBelowTemplate(UniqueId id) {
        List<UniqueId.Segment> segments = id.getSegments();
        return segments.subList(0, segments.size() - 1).stream().anyMatch(TemplateNodes::isTemplate);
    }

    /** Whether a class template is what this segment stands for. */
    static boolean isTemplate(UniqueId.Segment segment) {
        return segment.getType().endsWith("class-template");
    }

    /** Whether a node is still there after all filters: those excluded are cut off from their parents. */
    static boolean isKept(TestDescriptor node) {
        TestDescriptor top = node;
        for (TestDescriptor at = node; at != null; at = at.getParent().orElse(null)) {
            top = at;
        }
        return top.getUniqueId().getLastSegment().getType().equals("engine");
    }

    /** Whether tests or what makes tests stand here, not nodes that were found on their own. */
    static boolean isLeaf(TestDescriptor node) {
        return node.getChildren().isEmpty();
    }
}
