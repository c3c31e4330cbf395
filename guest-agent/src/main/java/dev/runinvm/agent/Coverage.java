package dev.runinvm.agent;

import java.io.IOException;

/** What JaCoCo's agent has recorded, if this JVM was started with it. */
final class Coverage {
    private static final String AGENT = "org.jacoco.agent.rt.RT";

    private Coverage() {}

    /** What was recorded since it was asked for last, in the form of JaCoCo's files; empty if nothing measures. */
    static byte[] take() throws IOException {
        Class<?> rt;
        try {
            // A Java agent's jar is on the JVM's own class path, behind this one, whatever the tests have on theirs.
            rt = Class.forName(AGENT, true, Coverage.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            return new byte[0];
        }
        try {
            Object agent = rt.getMethod("getAgent").invoke(null);
            Class<?> type = Class.forName("org.jacoco.agent.rt.IAgent", true, rt.getClassLoader());
            return (byte[]) type.getMethod("getExecutionData", boolean.class).invoke(agent, true);
        } catch (ReflectiveOperationException | LinkageError e) {
            throw new IOException("JaCoCo's agent does not give its data: " + e, e);
        }
    }
}
