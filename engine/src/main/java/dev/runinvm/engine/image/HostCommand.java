package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Runs a program of the host with a deadline and keeps its output. */
final class HostCommand {
    private static final int KEPT_LINES = 200_000;

    /**
     * What came of it.
     *
     * @param status exit status
     * @param lines standard output and error, as they came
     */
    record Result(int status, List<String> lines) {
        /** The last lines, for a message. */
        String tail() {
            List<String> last = lines.subList(Math.max(0, lines.size() - 6), lines.size());
            return String.join("\n", last);
        }
    }

    private HostCommand() {}

    /**
     * Runs to the end.
     *
     * @param lineSeen called with each line of output
     * @throws HostLacks if the program is missing or does not end in time
     */
    static Result run(List<String> command, @Nullable Path directory, Duration deadline, Consumer<String> lineSeen) {
        String name = command.get(0);
        Process process;
        try {
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
            if (directory != null) {
                builder.directory(directory.toFile());
            }
            builder.environment().put("LC_ALL", "C");
            builder.redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")));
            process = builder.start();
        } catch (IOException e) {
            throw new HostLacks("cannot run " + name + ": " + e.getMessage(), e);
        }
        Deque<String> lines = new ArrayDeque<>();
        Thread reader = new Thread(() -> read(process, lines, lineSeen), "output of " + name);
        reader.setDaemon(true);
        reader.start();
        try {
            if (!process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS)) {
                end(process);
                throw new HostLacks(
                        name + " did not finish within " + deadline.toSeconds() + " s: " + String.join(" ", command));
            }
            reader.join(5000);
        } catch (InterruptedException e) {
            end(process);
            Thread.currentThread().interrupt();
            throw new HostLacks("interrupted while " + name + " ran", e);
        }
        synchronized (lines) {
            return new Result(process.exitValue(), List.copyOf(lines));
        }
    }

    private static void end(Process process) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }

    private static void read(Process process, Deque<String> lines, Consumer<String> lineSeen) {
        try (BufferedReader in =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            String line;
            while ((line = in.readLine()) != null) {
                synchronized (lines) {
                    lines.add(line);
                    if (lines.size() > KEPT_LINES) {
                        lines.removeFirst();
                    }
                }
                lineSeen.accept(line);
            }
        } catch (IOException e) {
            synchronized (lines) {
                lines.add("(output ended: " + e.getMessage() + ")");
            }
        }
    }
}
