package dev.runinvm.agent;

import java.util.Map;
import java.util.Set;

/** Reads threads' stacks: for a dump, and for who ended the JVM. */
final class LastWords {
    private static final Set<String> EXITS = Set.of(
            "java.lang.System.exit", "java.lang.Runtime.exit", "java.lang.Runtime.halt", "java.lang.Shutdown.exit");

    private LastWords() {}

    /** Why the JVM ends, judged by a thread that is inside System.exit. */
    static String why(Map<Thread, StackTraceElement[]> threads) {
        for (Map.Entry<Thread, StackTraceElement[]> entry : threads.entrySet()) {
            boolean exiting = false;
            for (StackTraceElement frame : entry.getValue()) {
                if (EXITS.contains(frame.getClassName() + "." + frame.getMethodName())) {
                    exiting = true;
                } else if (exiting) {
                    return "System.exit was called at " + frame + " on thread \""
                            + entry.getKey().getName() + "\"";
                }
            }
        }
        return "its JVM is shutting down without System.exit: a signal, or the last of its threads ended";
    }

    static String dump(Map<Thread, StackTraceElement[]> threads) {
        StringBuilder out = new StringBuilder();
        threads.forEach((thread, frames) -> {
            out.append('"').append(thread.getName()).append('"');
            if (thread.isDaemon()) {
                out.append(" daemon");
            }
            out.append(' ').append(thread.getState()).append('\n');
            for (StackTraceElement frame : frames) {
                out.append("    at ").append(frame).append('\n');
            }
            out.append('\n');
        });
        return out.toString();
    }
}
