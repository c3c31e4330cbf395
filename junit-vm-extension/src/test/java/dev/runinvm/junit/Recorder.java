package dev.runinvm.junit;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.reporting.FileEntry;
import org.junit.platform.engine.reporting.ReportEntry;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;

/** Writes down what the host's launcher reports. */
final class Recorder implements TestExecutionListener {
    private final List<String> ends = new ArrayList<>();
    private final List<String> entries = new ArrayList<>();
    private final List<FileEntry> files = new ArrayList<>();
    private final List<String> templates = new ArrayList<>();
    private final List<Throwable> failures = new ArrayList<>();

    @Override
    public synchronized void executionSkipped(TestIdentifier node, String reason) {
        ends.add(node.getDisplayName() + " SKIPPED " + reason);
    }

    @Override
    public synchronized void executionFinished(TestIdentifier node, TestExecutionResult result) {
        result.getThrowable().ifPresent(failures::add);
        if (node.isTest() || result.getStatus() != TestExecutionResult.Status.SUCCESSFUL) {
            ends.add(node.getDisplayName() + " " + result.getStatus());
        }
    }

    @Override
    public synchronized void reportingEntryPublished(TestIdentifier node, ReportEntry entry) {
        Map<String, String> pairs = new TreeMap<>(entry.getKeyValuePairs());
        pairs.forEach((k, v) -> entries.add(node.getDisplayName() + " " + k + " " + v));
    }

    /** Tests, and containers that did not just succeed: display name and how it ended, in the order of their ends. */
    List<String> ends() {
        return ends;
    }

    List<String> entries() {
        return entries;
    }

    List<Throwable> failures() {
        return failures;
    }

    /** Display names of class templates' invocations, in the order of their starts. */
    List<String> templates() {
        return templates;
    }

    @Override
    public synchronized void executionStarted(TestIdentifier node) {
        if (node.getUniqueIdObject().getLastSegment().getType().equals("class-template-invocation")) {
            templates.add(node.getDisplayName());
        }
    }

    @Override
    public synchronized void fileEntryPublished(TestIdentifier node, FileEntry file) {
        files.add(file);
    }

    /** Files and directories that were published. */
    List<FileEntry> files() {
        return files;
    }
}
