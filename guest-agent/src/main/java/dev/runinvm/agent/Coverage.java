package dev.runinvm.agent;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** JaCoCo's agent, loaded into this JVM if the host's JVM has it, and what it has recorded. */
final class Coverage {
    private static final int PATIENCE_SECONDS = 60;

    private boolean started;

    /**
     * Loads the agent, once.
     *
     * @param options of the agent's, without a place to write to
     */
    void start(Path jar, String options) throws IOException {
        if (started) {
            return;
        }
        Path output = Files.createTempFile("runinvm-attach", ".log");
        try {
            Process process = new ProcessBuilder(List.of(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-XX:TieredStopAtLevel=1",
                            "-cp",
                            home(),
                            Attacher.class.getName(),
                            String.valueOf(ProcessHandle.current().pid()),
                            jar.toString(),
                            options))
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IOException("JaCoCo's agent was not loaded in the guest within " + PATIENCE_SECONDS + " s");
            }
            if (process.exitValue() != 0) {
                throw new IOException("JaCoCo's agent cannot be loaded in the guest: "
                        + Files.readString(output, StandardCharsets.UTF_8).strip());
            }
            started = true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while JaCoCo's agent was loaded in the guest", e);
        } finally {
            Files.deleteIfExists(output);
        }
    }

    private static String home() throws IOException {
        try {
            return Path.of(Coverage.class
                            .getProtectionDomain()
                            .getCodeSource()
                            .getLocation()
                            .toURI())
                    .toString();
        } catch (URISyntaxException e) {
            throw new IOException(e);
        }
    }

    /** What was recorded since it was asked for last, in the form of JaCoCo's files; empty if there is no agent. */
    byte[] data() throws IOException {
        if (!started) {
            return new byte[0];
        }
        try {
            Class<?> rt = Class.forName("org.jacoco.agent.rt.RT", true, ClassLoader.getSystemClassLoader());
            Object agent = rt.getMethod("getAgent").invoke(null);
            Class<?> type = Class.forName("org.jacoco.agent.rt.IAgent", true, rt.getClassLoader());
            return (byte[]) type.getMethod("getExecutionData", boolean.class).invoke(agent, true);
        } catch (ReflectiveOperationException | LinkageError e) {
            throw new IOException("JaCoCo's agent does not give its data: " + e, e);
        }
    }
}
