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
            rt = Class.forName(AGENT, true, ClassLoader.getSystemClassLoader());
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
