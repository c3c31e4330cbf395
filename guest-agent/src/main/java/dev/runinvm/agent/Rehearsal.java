package dev.runinvm.agent;

import dev.runinvm.agent.spi.RunEvents;
import dev.runinvm.agent.spi.TestRunner;
import dev.runinvm.wire.GuestMessage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Runs a small test class over and over, as the host's orders would have it run, but tells nobody: afterwards classes of
 * JUnit and agent are loaded, and their code is compiled.
 */
final class Rehearsal implements RunEvents {
    private static final String TESTS = "dev.runinvm.agent.bridge.WarmUpTests";
    private static final int ROUNDS = 60;
    private static final long LONGEST_NANOS = 6_000_000_000L;

    private int tests;
    private long bytes;

    private Rehearsal() {}

    /**
     * Does all rounds, or as many as there is time for.
     *
     * @throws IllegalStateException if no test was run
     */
    static void run(TestRunner runner) {
        long start = System.nanoTime();
        for (int i = 0; i < ROUNDS && System.nanoTime() - start < LONGEST_NANOS; i++) {
            Rehearsal rehearsal = new Rehearsal();
            runner.run(TESTS, List.of(), Map.of(), rehearsal);
            if (rehearsal.tests == 0) {
                throw new IllegalStateException(
                        "no test of " + TESTS + " was found, " + rehearsal.bytes + " bytes told");
            }
        }
    }

    private void tell(GuestMessage message) {
        bytes += GuestMessage.encode(message).length;
    }

    @Override
    public void discovered(String platformVersion, List<PlanNode> nodes, List<String> missing) {
        List<GuestMessage.Node> all = new ArrayList<>();
        nodes.forEach(n -> all.add(Reporter.wire(n)));
        tell(new GuestMessage.Discovered(platformVersion, all, missing));
    }

    @Override
    public void registered(PlanNode node) {
        tell(new GuestMessage.Registered(Reporter.wire(node)));
    }

    @Override
    public void started(String id) {
        tell(new GuestMessage.Started(id));
    }

    @Override
    public void finished(String id, End end, @Nullable Throwable thrown) {
        tests++;
        GuestMessage.Outcome outcome = GuestMessage.Outcome.values()[end.ordinal()];
        tell(new GuestMessage.Finished(id, outcome, thrown == null ? null : ThrownMaker.make(thrown), 0));
    }

    @Override
    public void skipped(String id, String reason) {
        tell(new GuestMessage.Skipped(id, reason));
    }

    @Override
    public void reported(String id, Map<String, String> entries) {
        tell(new GuestMessage.Reported(id, entries));
    }

    @Override
    public void published(String id, Path file, @Nullable String mediaType) {
        // None of these tests publishes a file.
    }
}
