package dev.runinvm.junit;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.platform.engine.DiscoverySelector;
import org.junit.platform.launcher.EngineFilter;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;

/** Runs test classes on the host as a build tool would, and keeps what they print there. */
final class Host {
    private String out = "";
    private String err = "";

    /** The Jupiter engine alone, as some tools drive it: no listener of the launcher's is told anything. */
    EngineExecutionResults run(DiscoverySelector... selectors) {
        return capturing(
                () -> EngineTestKit.engine("junit-jupiter").selectors(selectors).execute());
    }

    /** The launcher, as build tools and IDEs drive it, with the listeners that the class path registers. */
    Recorder launch(Map<String, String> parameters, DiscoverySelector... selectors) {
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(selectors)
                .filters(EngineFilter.includeEngines("junit-jupiter"))
                .configurationParameters(parameters)
                .build();
        Recorder recorder = new Recorder();
        return capturing(() -> {
            LauncherFactory.create().execute(request, recorder);
            return recorder;
        });
    }

    /** As {@link #launch}, with what is printed left to whoever has System.out. */
    void launchUncaptured(Recorder recorder, DiscoverySelector... selectors) {
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(selectors)
                .filters(EngineFilter.includeEngines("junit-jupiter"))
                .build();
        LauncherFactory.create().execute(request, recorder);
    }

    private <T> T capturing(Supplier<T> work) {
        PrintStream outBefore = System.out;
        PrintStream errBefore = System.err;
        ByteArrayOutputStream outBytes = new ByteArrayOutputStream();
        ByteArrayOutputStream errBytes = new ByteArrayOutputStream();
        System.setOut(new PrintStream(outBytes, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(errBytes, true, StandardCharsets.UTF_8));
        try {
            return work.get();
        } finally {
            System.setOut(outBefore);
            System.setErr(errBefore);
            out = outBytes.toString(StandardCharsets.UTF_8);
            err = errBytes.toString(StandardCharsets.UTF_8);
        }
    }

    String out() {
        return out;
    }

    String err() {
        return err;
    }
}
