package dev.runinvm.maven;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * The user's terminal in raw mode: every key goes to the guest, whose own terminal echoes and edits. Closing it
 * restores what was set before; so does the JVM's end.
 */
final class Terminal implements AutoCloseable {
    private final String settings;
    private final Thread atExit;

    private Terminal(String settings) {
        this.settings = settings;
        this.atExit = new Thread(() -> stty(settings), "vm-terminal-restore");
    }

    /** Puts standard input into raw mode; empty when it is no terminal, or stty cannot be run. */
    static Optional<Terminal> raw() {
        Optional<String> before = stty("-g");
        if (before.isEmpty() || stty("raw", "-echo").isEmpty()) {
            return Optional.empty();
        }
        Terminal terminal = new Terminal(before.get().trim());
        Runtime.getRuntime().addShutdownHook(terminal.atExit);
        return Optional.of(terminal);
    }

    @Override
    public void close() {
        stty(settings);
        Runtime.getRuntime().removeShutdownHook(atExit);
    }

    private static Optional<String> stty(String... arguments) {
        String[] command = new String[arguments.length + 1];
        command[0] = "stty";
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        try {
            Process process = new ProcessBuilder(command)
                    .redirectInput(ProcessBuilder.Redirect.INHERIT)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            if (!process.waitFor(5, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                return Optional.empty();
            }
            String answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return process.exitValue() == 0 ? Optional.of(answer) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty(); // no stty, no terminal: the shell works line by line then
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }
}
