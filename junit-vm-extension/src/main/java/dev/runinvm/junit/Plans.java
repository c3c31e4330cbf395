package dev.runinvm.junit;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.UniqueId;
import org.junit.platform.engine.discovery.UniqueIdSelector;
import org.junit.platform.launcher.LauncherDiscoveryListener;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.TestPlan;

/**
 * The test plans being executed in this JVM: an extension is not told which tests were selected, a listener is. Registered
 * as a service with the launcher, for discovery and for execution.
 */
public final class Plans implements TestExecutionListener, LauncherDiscoveryListener {
    private static final List<Plan> ACTIVE = new CopyOnWriteArrayList<>();
    private static final String CLASS_INVOCATION = "class-template-invocation";
    private static final ThreadLocal<Set<String>> SELECTED_IDS = ThreadLocal.withInitial(LinkedHashSet::new);

    /**
     * @param templates what was found below class templates, which the plan itself does not show
     */
    private record Plan(TestPlan plan, Set<String> selectedIds, List<TestDescriptor> templates, Set<String> shown) {}

    /** Called by the launcher's service loader. */
    public Plans() {}

    @Override
    public void launcherDiscoveryStarted(LauncherDiscoveryRequest request) {
        Set<String> ids = SELECTED_IDS.get();
        ids.clear();
        TemplateNodes.clear();
        for (UniqueIdSelector selector : request.getSelectorsByType(UniqueIdSelector.class)) {
            ids.add(selector.getUniqueId().toString());
        }
    }

    @Override
    public void testPlanExecutionStarted(TestPlan plan) {
        ACTIVE.add(new Plan(
                plan,
                Set.copyOf(SELECTED_IDS.get()),
                TemplateNodes.seen(),
                java.util.Collections.synchronizedSet(new LinkedHashSet<>())));
    }

    @Override
    public void testPlanExecutionFinished(TestPlan plan) {
        ACTIVE.removeIf(p -> p.plan == plan);
    }

    @Override
    public void executionSkipped(TestIdentifier node, String reason) {
        shown(node);
    }

    private static void shown(TestIdentifier node) {
        for (Plan p : ACTIVE) {
            if (node.equals(identifier(p.plan, node.getUniqueId()))) {
                p.shown.add(node.getUniqueId());
            }
        }
    }

    @Override
    public void executionFinished(TestIdentifier node, TestExecutionResult result) {
        if (result.getStatus() == TestExecutionResult.Status.FAILED) {
            shown(node);
        }
    }

    /** Whether the host has shown the node with this id, from its engine on, or one above it as skipped or failed. */
    static boolean shown(String engineId) {
        for (Plan p : ACTIVE) {
            synchronized (p.shown) {
                for (String id : p.shown) {
                    if (Ids.within(engineId, Ids.inGuest(id))) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    /**
     * What of a node was selected: ids of tests, and of containers whose children come into being only while they run.
     *
     * @param root the node's id
     * @param ids how ids map to the guest's
     * @param apart nodes that are none of this run's business
     * @return the guest's ids, in order; empty if no plan in execution has the node
     */
    static Optional<List<String>> selected(String root, GuestIds ids, Predicate<TestIdentifier> apart) {
        Plan plan = find(root).orElse(null);
        if (plan == null) {
            return Optional.empty();
        }
        List<String> found = new ArrayList<>();
        UniqueId.Segment last = uniqueId(root).getLastSegment();
        if (last.getType().equals(CLASS_INVOCATION)) {
            collectBelowTemplate(plan, String.valueOf(Ids.parent(root)), root, ids, apart, found);
        } else {
            collect(plan, plan.plan.getTestIdentifier(uniqueId(root)), ids, apart, found);
        }
        return Optional.of(found);
    }

    private static void collect(
            Plan plan, TestIdentifier node, GuestIds ids, Predicate<TestIdentifier> apart, List<String> to) {
        Set<TestIdentifier> children = plan.plan.getChildren(node);
        String id = node.getUniqueId();
        if (TemplateNodes.isTemplate(uniqueId(id).getLastSegment())
                && collectBelowTemplate(plan, id, null, ids, apart, to)) {
            return;
        }
        boolean dynamicChildren = children.stream().anyMatch(Plans::isDynamic);
        if (node.isTest() || children.isEmpty() || dynamicChildren) {
            List<String> below = plan.selectedIds.stream()
                    .filter(other -> !other.equals(id) && Ids.within(other, id))
                    .map(ids::inGuest)
                    .toList();
            if (below.isEmpty()) {
                to.add(ids.inGuest(id));
            } else {
                to.addAll(below);
            }
            return;
        }
        for (TestIdentifier child : children) {
            if (!apart.test(child)) {
                collect(plan, child, ids, apart, to);
            }
        }
    }

    /**
     * What of a class template was selected.
     *
     * @param invocation the only invocation of it that counts; null for all
     * @return whether anything is known of it
     */
    private static boolean collectBelowTemplate(
            Plan plan,
            String template,
            @Nullable String invocation,
            GuestIds ids,
            Predicate<TestIdentifier> apart,
            List<String> to) {
        boolean known = false;
        for (TestDescriptor node : plan.templates) {
            String id = node.getUniqueId().toString();
            if (!Ids.within(id, template) || !TemplateNodes.isLeaf(node) || !TemplateNodes.isKept(node)) {
                continue;
            }
            known = true;
            boolean ofOther = invocation != null
                    && !Ids.within(id, invocation)
                    && id.startsWith(template + "/[" + CLASS_INVOCATION + ":");
            if (!ofOther && !isApart(node, template, apart)) {
                String found = id;
                List<String> below = plan.selectedIds.stream()
                        .filter(other -> !other.equals(found) && Ids.within(other, found))
                        .toList();
                (below.isEmpty() ? List.of(found) : below).forEach(each -> to.add(ids.inGuest(each)));
            }
        }
        if (!known && invocation != null) {
            to.add(ids.inGuest(invocation));
        }
        return known;
    }

    private static boolean isApart(TestDescriptor node, String template, Predicate<TestIdentifier> apart) {
        for (TestDescriptor at = node;
                at != null && !at.getUniqueId().toString().equals(template);
                at = at.getParent().orElse(null)) {
            if (apart.test(TestIdentifier.from(at))) {
                return true;
            }
        }
        return false;
    }

    private static boolean isDynamic(TestIdentifier node) {
        String type = uniqueId(node.getUniqueId()).getLastSegment().getType();
        return type.endsWith("-invocation") || type.startsWith("dynamic-");
    }

    /** JUnit's configuration parameters of the plan that has this node. */
    static Map<String, String> parameters(String root) {
        Map<String, String> all = new LinkedHashMap<>();
        find(root).ifPresent(p -> {
            var parameters = p.plan.getConfigurationParameters();
            for (String key : parameters.keySet()) {
                parameters.get(key).ifPresent(value -> all.put(key, value));
            }
        });
        return all;
    }

    private static Optional<Plan> find(String id) {
        Plan found = null;
        for (Plan p : ACTIVE) {
            if (identifier(p.plan, id) != null) {
                found = p;
            }
        }
        return Optional.ofNullable(found);
    }

    private static @Nullable TestIdentifier identifier(TestPlan plan, String id) {
        try {
            return plan.getTestIdentifier(uniqueId(id));
        } catch (org.junit.platform.commons.PreconditionViolationException e) {
            return null;
        }
    }

    private static UniqueId uniqueId(String id) {
        return UniqueId.parse(id);
    }
}
