package dev.runinvm.agent.bridge;

import dev.runinvm.agent.spi.RunEvents;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.reporting.FileEntry;
import org.junit.platform.engine.reporting.ReportEntry;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;

/** Hands JUnit's events over the border. */
final class Forwarder implements TestExecutionListener {
    private final RunEvents events;

    Forwarder(RunEvents events) {
        this.events = events;
    }

    @Override
    public void dynamicTestRegistered(TestIdentifier node) {
        events.registered(LauncherBridge.node(node));
    }

    @Override
    public void executionSkipped(TestIdentifier node, String reason) {
        events.skipped(node.getUniqueId(), reason);
    }

    @Override
    public void executionStarted(TestIdentifier node) {
        events.started(node.getUniqueId());
    }

    @Override
    public void executionFinished(TestIdentifier node, TestExecutionResult result) {
        RunEvents.End end = switch (result.getStatus()) {
            case SUCCESSFUL -> RunEvents.End.SUCCESSFUL;
            case ABORTED -> RunEvents.End.ABORTED;
            case FAILED -> RunEvents.End.FAILED;
        };
        events.finished(node.getUniqueId(), end, result.getThrowable().orElse(null));
    }

    @Override
    public void reportingEntryPublished(TestIdentifier node, ReportEntry entry) {
        events.reported(node.getUniqueId(), entry.getKeyValuePairs());
    }

    @Override
    public void fileEntryPublished(TestIdentifier node, FileEntry file) {
        events.published(node.getUniqueId(), file.getPath(), file.getMediaType().orElse(null));
    }
}
