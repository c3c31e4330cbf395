package dev.runinvm.examples;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** Runs commands of the guest's. */
final class Shell {
    /** What a command ended with, and printed on both streams together. */
    record Result(int status, String output) {}

    private Shell() {}

    static Result run(String script) throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder("sh", "-c", script).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Result(process.waitFor(), output.strip());
    }
}
