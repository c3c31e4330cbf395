package dev.runinvm.examples;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.engine.reporting.ReportEntry;
import org.junit.platform.launcher.EngineFilter;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** Runs test classes on the host as a build tool does: in a session of JUnit's launcher. */
final class HostLauncher {
    private HostLauncher() {}

    /**
     * Runs classes one after the other.
     *
     * @param entries is given what tests publish, with the method's name, when it arrives here
     * @throws AssertionError if a test or container does not succeed
     */
    static void run(
            BiConsumer<String, Map<String, String>> entries, Map<String, String> parameters, Class<?>... classes) {
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(Stream.of(classes)
                        .map(c -> DiscoverySelectors.selectClass(c))
                        .toArray(DiscoverySelector[]::new))
                .filters(EngineFilter.includeEngines("junit-jupiter"))
                .configurationParameters(parameters)
                .build();
        List<Throwable> failures = new ArrayList<>();
        LauncherFactory.create().execute(request, new TestExecutionListener() {
            @Override
            public void reportingEntryPublished(TestIdentifier test, ReportEntry entry) {
                entries.accept(test.getDisplayName(), entry.getKeyValuePairs());
            }

            @Override
            public void executionFinished(TestIdentifier test, TestExecutionResult result) {
                if (result.getStatus() != TestExecutionResult.Status.SUCCESSFUL) {
                    failures.add(result.getThrowable().orElseGet(() -> new AssertionError(test + ": " + result)));
                }
            }
        });
        if (!failures.isEmpty()) {
            AssertionError error = new AssertionError(failures.get(0));
            failures.forEach(error::addSuppressed);
            throw error;
        }
    }
}
