package dev.runinvm.agent.bridge;

import dev.runinvm.agent.spi.RunEvents;
import dev.runinvm.agent.spi.RunEvents.PlanNode;
import dev.runinvm.agent.spi.TestRunner;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.UniqueId;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.EngineFilter;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.PostDiscoveryFilter;
import org.junit.platform.launcher.TagFilter;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;
import org.junit.platform.launcher.core.LauncherConfig;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Drives the JUnit Platform launcher of the shipped class path. One request a run, so that what belongs to a class as a
 * whole happens once.
 *
 * <p>Session listeners of the class path are registered, as they may set up what tests need here; execution and discovery
 * listeners and filters are not: they watch and filter on the host.
 */
public final class LauncherBridge implements TestRunner {
    private static final String JUPITER = "junit-jupiter";

    @Override
    public void run(String className, List<String> selected, Map<String, String> configuration, RunEvents events) {
        LauncherConfig config = LauncherConfig.builder()
                .enableTestExecutionListenerAutoRegistration(false)
                .enableLauncherDiscoveryListenerAutoRegistration(false)
                .enablePostDiscoveryFilterAutoRegistration(false)
                .build();
        List<DiscoverySelector> selectors = new ArrayList<>();
        Set<String> engines = new HashSet<>();
        for (String id : selected) {
            UniqueId unique = UniqueId.parse(id);
            selectors.add(DiscoverySelectors.selectUniqueId(unique));
            unique.getEngineId().ifPresent(engines::add);
        }
        if (selected.isEmpty()) {
            selectors.add(DiscoverySelectors.selectClass(className));
            engines.add(JUPITER);
        }
        DiscoveryProblems problems = new DiscoveryProblems();
        try (LauncherSession session = LauncherFactory.openSession(config)) {
            Launcher launcher = session.getLauncher();
            TestPlan plan = launcher.discover(LauncherDiscoveryRequestBuilder.request()
                    .selectors(selectors)
                    .filters(EngineFilter.includeEngines(List.copyOf(engines)))
                    .configurationParameters(configuration)
                    .configurationParameter("junit.platform.discovery.listener.default", "logging")
                    .listeners(problems)
                    .build());
            List<PlanNode> nodes = nodes(plan);
            events.discovered(platformVersion(), nodes, missing(selected, nodes, problems));
            launcher.execute(plan, new Forwarder(events));
        }
    }

    @Override
    public void launch(Request request, RunEvents events) {
        DiscoveryProblems problems = new DiscoveryProblems();
        List<DiscoverySelector> selectors = loadable(request.classes(), problems);
        request.ids().forEach(id -> selectors.add(DiscoverySelectors.selectUniqueId(UniqueId.parse(id))));
        List<PostDiscoveryFilter> tags = new ArrayList<>();
        if (!request.includeTags().isEmpty()) {
            tags.add(TagFilter.includeTags(request.includeTags()));
        }
        if (!request.excludeTags().isEmpty()) {
            tags.add(TagFilter.excludeTags(request.excludeTags()));
        }
        try (LauncherSession session = LauncherFactory.openSession()) {
            Launcher launcher = session.getLauncher();
            TestPlan plan = launcher.discover(LauncherDiscoveryRequestBuilder.request()
                    .selectors(selectors)
                    .filters(tags.toArray(PostDiscoveryFilter[]::new))
                    .configurationParameters(request.configuration())
                    .configurationParameter("junit.platform.discovery.listener.default", "logging")
                    .listeners(problems)
                    .build());
            List<PlanNode> nodes = nodes(plan);
            events.discovered(platformVersion(), nodes, missing(request.ids(), nodes, problems));
            if (request.execute()) {
                launcher.execute(plan, new Forwarder(events));
            }
        }
    }

    /** One class that cannot be loaded must not keep the others from being run: JUnit calls it a critical issue of all. */
    private static List<DiscoverySelector> loadable(List<String> classes, DiscoveryProblems problems) {
        List<DiscoverySelector> selectors = new ArrayList<>();
        ClassLoader loader = Thread.currentThread().getContextClassLoader();
        for (String name : classes) {
            try {
                selectors.add(DiscoverySelectors.selectClass(Class.forName(name, false, loader)));
            } catch (ClassNotFoundException | LinkageError e) {
                problems.unloadable(name, e);
            }
        }
        return selectors;
    }

    private static String platformVersion() {
        String version = Launcher.class.getPackage().getImplementationVersion();
        return version == null ? "unknown" : version;
    }

    private static List<PlanNode> nodes(TestPlan plan) {
        Map<String, PlanNode> nodes = new LinkedHashMap<>();
        plan.getRoots().forEach(root -> collect(plan, root, nodes));
        return List.copyOf(nodes.values());
    }

    private static void collect(TestPlan plan, TestIdentifier node, Map<String, PlanNode> nodes) {
        nodes.put(node.getUniqueId(), node(node));
        plan.getChildren(node).forEach(child -> collect(plan, child, nodes));
    }

    static PlanNode node(TestIdentifier node) {
        return new PlanNode(
                node.getUniqueId(),
                node.getParentId().orElse(null),
                node.getDisplayName(),
                node.isTest(),
                node.isContainer(),
                className(node.getSource().orElse(null)),
                node.getSource().orElse(null) instanceof MethodSource method ? method.getMethodName() : null,
                node.getLegacyReportingName());
    }

    private static @Nullable String className(@Nullable TestSource source) {
        if (source instanceof MethodSource method) {
            return method.getClassName();
        }
        return source instanceof ClassSource c ? c.getClassName() : null;
    }

    /** What is below a template comes into being only while it runs: for it the template counts. */
    private static List<String> missing(List<String> selected, List<PlanNode> nodes, DiscoveryProblems problems) {
        Set<String> found = new HashSet<>();
        for (PlanNode node : nodes) {
            found.add(node.id());
        }
        List<String> missing = new ArrayList<>();
        for (String id : selected) {
            UniqueId unique = UniqueId.parse(id);
            boolean there = found.contains(id);
            while (!there && unique.getSegments().size() > 1) {
                boolean below = isDynamic(unique);
                unique = unique.removeLastSegment();
                there = found.contains(unique.toString()) && (below || isClassTemplate(unique));
            }
            if (!there) {
                missing.add(id);
            }
        }
        missing.addAll(problems.texts());
        return missing;
    }

    private static boolean isClassTemplate(UniqueId id) {
        return id.getLastSegment().getType().endsWith("class-template");
    }

    private static boolean isDynamic(UniqueId id) {
        String type = id.getLastSegment().getType();
        return type.endsWith("-invocation") || type.startsWith("dynamic-");
    }
}
