package dev.runinvm.client;

import dev.runinvm.report.BoundedText;
import dev.runinvm.report.RunDocument.Failure;
import dev.runinvm.report.RunDocument.Outcome;
import dev.runinvm.report.RunDocument.Output;
import dev.runinvm.report.RunDocument.TestEntry;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.Thrown;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A node of the guest's test plan as its document will show it. Texts are a guest's: each has its limit. */
final class RecordedNode {
    private static final int NAME = 2_000;
    private static final int MESSAGE = 16 << 10;
    private static final int STACK = 64 << 10;
    /** Characters kept of what one node prints to one stream. */
    private static final int OUTPUT = 64 << 10;

    private final GuestMessage.Node node;
    private final BoundedText out = new BoundedText(OUTPUT);
    private final BoundedText err = new BoundedText(OUTPUT);
    private boolean started;
    private GuestMessage.@Nullable Outcome outcome;
    private @Nullable String skipReason;
    private @Nullable Failure failure;
    private long nanos;

    RecordedNode(GuestMessage.Node node) {
        this.node = node;
    }

    String id() {
        return node.id();
    }

    @Nullable
    String parent() {
        return node.parent();
    }

    boolean isTest() {
        return node.test();
    }

    void started() {
        started = true;
    }

    /** Gives the number of characters that it keeps. */
    int finished(GuestMessage.Finished m) {
        outcome = m.outcome();
        nanos = Math.max(0, m.nanos());
        Thrown thrown = m.thrown();
        if (thrown == null) {
            return 0;
        }
        Failure made = failure(thrown);
        failure = made;
        return made.stack().length();
    }

    void skipped(String reason) {
        skipReason = cut(reason, MESSAGE);
    }

    /** Gives the number of characters that it keeps. */
    int printed(GuestMessage.Stream stream, String text) {
        BoundedText to = stream == GuestMessage.Stream.OUT ? out : err;
        int before = to.length();
        to.append(text);
        return to.length() - before;
    }

    /** @param above what is known of the node above, null for an engine */
    TestEntry entry(@Nullable TestEntry above) {
        return new TestEntry(
                node.id(),
                node.parent(),
                String.valueOf(cut(node.displayName(), NAME)),
                node.test(),
                outcome(above),
                nanos,
                skipReason != null ? skipReason : reason(above),
                failure,
                output(out),
                output(err));
    }

    private Outcome outcome(@Nullable TestEntry above) {
        if (outcome != null) {
            return switch (outcome) {
                case SUCCESSFUL -> Outcome.PASSED;
                case ABORTED -> Outcome.ABORTED;
                case FAILED -> Outcome.FAILED;
            };
        }
        if (skipReason != null || above != null && above.outcome() == Outcome.SKIPPED) {
            return Outcome.SKIPPED;
        }
        return started ? Outcome.UNFINISHED : Outcome.NOT_RUN;
    }

    /** Why it did not run, if that is for the node above to say. */
    private @Nullable String reason(@Nullable TestEntry above) {
        if (started || outcome != null || above == null) {
            return null;
        }
        return switch (above.outcome()) {
            case SKIPPED, NOT_RUN -> above.reason();
            case FAILED, ABORTED -> above.displayName() + " ended before: " + above.outcome();
            case PASSED, UNFINISHED -> null;
        };
    }

    static @Nullable Output output(BoundedText text) {
        return text.isEmpty() ? null : text.output();
    }

    private static Failure failure(Thrown thrown) {
        BoundedText stack = new BoundedText(STACK);
        write(thrown, "", "", stack, 0);
        return new Failure(
                String.valueOf(cut(thrown.type(), NAME)),
                cut(thrown.message(), MESSAGE),
                stack.output().text(),
                cut(thrown.expected(), MESSAGE),
                cut(thrown.actual(), MESSAGE));
    }

    private static void write(Thrown thrown, String indent, String caption, BoundedText to, int depth) {
        to.append(indent + caption + thrown.text() + "\n");
        for (StackTraceElement frame : thrown.stack()) {
            to.append(indent + "\tat " + frame + "\n");
        }
        if (depth > 20) {
            return;
        }
        for (List<Thrown> several : List.of(thrown.suppressed(), thrown.parts())) {
            for (Thrown t : several) {
                write(t, indent + "\t", several == thrown.parts() ? "Part: " : "Suppressed: ", to, depth + 1);
            }
        }
        if (thrown.cause() != null) {
            write(thrown.cause(), indent, "Caused by: ", to, depth + 1);
        }
    }

    private static @Nullable String cut(@Nullable String text, int limit) {
        if (text == null || text.length() <= limit) {
            return text;
        }
        BoundedText kept = new BoundedText(limit);
        kept.append(text);
        return kept.output().text() + "… (" + kept.output().dropped() + " characters more)";
    }
}
