package dev.runinvm.maven.results;

import dev.runinvm.wire.Thrown;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Writes a guest's throwable as {@link Throwable#printStackTrace()} would have there. */
final class StackTraces {
    private final boolean trim;
    private final String testClass;
    private final StringBuilder out = new StringBuilder();

    private StackTraces(boolean trim, String testClass) {
        this.trim = trim;
        this.testClass = testClass;
    }

    /**
     * The problem that a throwable is.
     *
     * @param trim whether to leave out what is below the test class's own frames
     */
    static Problem problem(Thrown thrown, String testClass, boolean trim) {
        StackTraces text = new StackTraces(trim, testClass);
        text.write(thrown, "", "", List.of());
        return new Problem(thrown.type(), thrown.message(), text.out.toString(), text.line(thrown));
    }

    static boolean isAssertion(Thrown thrown) {
        return thrown.type().equals("java.lang.AssertionError")
                || thrown.supertypes().contains("java.lang.AssertionError");
    }

    private int line(@Nullable Thrown thrown) {
        for (Thrown t = thrown; t != null; t = t.cause()) {
            for (StackTraceElement frame : t.stack()) {
                if (isOfTest(frame)) {
                    return Math.max(0, frame.getLineNumber());
                }
            }
        }
        return 0;
    }

    private boolean isOfTest(StackTraceElement frame) {
        String name = frame.getClassName();
        return name.equals(testClass) || name.startsWith(testClass + "$");
    }

    private void write(Thrown thrown, String indent, String caption, List<StackTraceElement> enclosing) {
        out.append(indent).append(caption).append(thrown.text()).append('\n');
        List<StackTraceElement> frames = thrown.stack();
        int shown = frames.size() - inCommon(frames, enclosing);
        if (trim) {
            shown = Math.min(shown, trimmed(frames));
        }
        for (StackTraceElement frame : frames.subList(0, shown)) {
            out.append(indent).append("\tat ").append(frame).append('\n');
        }
        if (shown < frames.size()) {
            out.append(indent).append("\t... ").append(frames.size() - shown).append(" more\n");
        }
        thrown.parts().forEach(part -> write(part, indent + "\t", "Suppressed: ", frames));
        thrown.suppressed().forEach(other -> write(other, indent + "\t", "Suppressed: ", frames));
        if (thrown.cause() != null) {
            write(thrown.cause(), indent, "Caused by: ", frames);
        }
    }

    private static int inCommon(List<StackTraceElement> frames, List<StackTraceElement> enclosing) {
        int n = 0;
        while (n < frames.size()
                && n < enclosing.size()
                && frames.get(frames.size() - 1 - n).equals(enclosing.get(enclosing.size() - 1 - n))) {
            n++;
        }
        return n;
    }

    /** Frames up to the outermost of the test class; all, if there is none. */
    private int trimmed(List<StackTraceElement> frames) {
        for (int i = frames.size() - 1; i >= 0; i--) {
            if (isOfTest(frames.get(i))) {
                return i + 1;
            }
        }
        return frames.size();
    }
}
