package dev.runinvm.client;

import dev.runinvm.engine.HostLacks;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * That the JVM in a guest is to be debugged from the host.
 *
 * @param port on which the host listens for the debugger, on the loopback interface only
 * @param suspend whether the JVM waits for the debugger before it does anything
 */
public record GuestDebugging(int port, boolean suspend) {
    /** The port that debuggers expect. */
    public static final int DEFAULT_PORT = 5005;

    /** In the place of every time-out: nobody knows how long somebody looks. */
    public static final Duration NO_LIMIT = Duration.ofDays(3650);

    private static final int HIGHEST_PORT = 65535;

    /**
     * Reads what a user gives: {@code true}, a port, {@code suspend=n}, or several of these with commas between them;
     * {@code false} or nothing for none.
     *
     * @param name of the setting, for messages
     * @throws HostLacks if it is something else
     */
    public static Optional<GuestDebugging> parse(String name, @Nullable String text) {
        if (text == null || text.isBlank() || text.trim().equalsIgnoreCase("false")) {
            return Optional.empty();
        }
        int port = DEFAULT_PORT;
        boolean suspend = true;
        for (String word : text.trim().split("\\s*,\\s*", -1)) {
            if (word.matches("\\d{1,5}") && Integer.parseInt(word) >= 1 && Integer.parseInt(word) <= HIGHEST_PORT) {
                port = Integer.parseInt(word);
            } else if (word.equals("suspend=n") || word.equals("suspend=y")) {
                suspend = word.endsWith("y");
            } else if (!word.equalsIgnoreCase("true")) {
                throw new HostLacks(name + " is \"" + text
                        + "\"; write true, a port from 1 to 65535, suspend=n, or for example 5006,suspend=n");
            }
        }
        return Optional.of(new GuestDebugging(port, suspend));
    }
}
