package dev.runinvm.agent;

import dev.runinvm.agent.spi.RunEvents;
import dev.runinvm.wire.GuestMessage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Turns a run's events into messages, in order with the output printed around them. */
final class Reporter implements RunEvents {
    /** Characters of one message's nodes, about; far below what a message may have, whatever they take as bytes. */
    private static final int PLAN_PART = 512 << 10;

    private final Consumer<GuestMessage> messages;
    private final Runnable flush;
    private final Attribution attribution;
    private final Agent agent;
    private final Map<String, Long> starts = new ConcurrentHashMap<>();

    /**
     * For one run.
     *
     * @param messages takes what there is to say, {@code flush} has it said at once
     */
    Reporter(Consumer<GuestMessage> messages, Runnable flush, Attribution attribution, Agent agent) {
        this.messages = messages;
        this.flush = flush;
        this.attribution = attribution;
        this.agent = agent;
    }

    private void tell(GuestMessage message) {
        messages.accept(message);
        flush.run();
    }

    @Override
    public void discovered(String platformVersion, List<PlanNode> nodes, List<String> missing) {
        List<GuestMessage.Node> part = new ArrayList<>();
        int characters = 0;
        for (PlanNode node : nodes) {
            attribution.node(node.id(), node.parent());
            GuestMessage.Node wired = wire(node);
            // The parent's id and the names in reports are as long at most, mostly.
            characters += 2 * node.id().length() + 2 * node.displayName().length();
            part.add(wired);
            if (characters > PLAN_PART) {
                messages.accept(new GuestMessage.Planned(List.copyOf(part)));
                part.clear();
                characters = 0;
            }
        }
        tell(new GuestMessage.Discovered(platformVersion, part, missing));
    }

    @Override
    public void registered(PlanNode node) {
        attribution.node(node.id(), node.parent());
        // Not flushed: it starts at once, and each flush leaves the guest.
        messages.accept(new GuestMessage.Registered(wire(node)));
    }

    @Override
    public void started(String id) {
        agent.drain();
        tell(new GuestMessage.Started(id));
        attribution.started(id);
        starts.put(id, System.nanoTime());
    }

    @Override
    public void finished(String id, End end, @Nullable Throwable thrown) {
        Long start = starts.remove(id);
        long nanos = start == null ? 0 : System.nanoTime() - start;
        agent.drain();
        attribution.finished(id);
        GuestMessage.Outcome outcome = GuestMessage.Outcome.values()[end.ordinal()];
        tell(new GuestMessage.Finished(id, outcome, thrown == null ? null : ThrownMaker.make(thrown), nanos));
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
        try {
            agent.attach(id, file, mediaType);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static GuestMessage.Node wire(PlanNode n) {
        return new GuestMessage.Node(
                n.id(),
                n.parent(),
                n.displayName(),
                n.test(),
                n.container(),
                n.className(),
                n.methodName(),
                n.reportName());
    }
}
