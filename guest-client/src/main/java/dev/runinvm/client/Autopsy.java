package dev.runinvm.client;

import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.Vm;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Words for what happened to a guest: technique, test in flight, what ended, the console's last lines, where the rest is. */
public final class Autopsy {
    private static final int LINES = 25;
    private static final Duration END_TIME = Duration.ofSeconds(5);

    private final Vm vm;
    private final String name;
    private @Nullable String lastWords;

    /**
     * For one guest.
     *
     * @param name what it runs, for people
     */
    public Autopsy(Vm vm, String name) {
        this.vm = vm;
        this.name = name;
    }

    /** Keeps what the agent said when its JVM was ending. */
    public void lastWords(String why) {
        lastWords = why;
    }

    /** The guest ended while these tests ran. */
    public GuestFailure ended(List<String> inFlight, GuestFailure cause) {
        return ended(
                inFlight.isEmpty() ? "while no test was running" : "while running " + String.join(", ", inFlight),
                cause);
    }

    /** The guest ended at some moment of its life. */
    public GuestFailure ended(String when, GuestFailure cause) {
        Optional<GuestEnd> end = end();
        StringBuilder text = new StringBuilder("the guest of " + name + " (" + vm.technique() + ") ended " + when);
        end.ifPresentOrElse(
                e -> text.append(": ").append(e), () -> text.append(": ").append(cause.getMessage()));
        vm.console()
                .exitStatus()
                .ifPresent(
                        s -> text.append("; the test JVM exited with status ").append(s));
        if (lastWords != null) {
            text.append("; ").append(lastWords);
        }
        return failure(text.toString(), cause);
    }

    private Optional<GuestEnd> end() {
        try {
            vm.awaitEnd(END_TIME);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return vm.end();
    }

    /** The host gave up waiting. */
    public GuestFailure timedOut(String what, String limit, List<String> inFlight, @Nullable String threads) {
        String text = "the guest of " + name + " (" + vm.technique() + ") was ended: no word of " + what
                + " within " + limit
                + (inFlight.isEmpty() ? "" : " while running " + String.join(", ", inFlight))
                + (threads == null
                        ? "; its agent does not answer"
                        : "\nThe guest's threads:\n" + threads.stripTrailing());
        return failure(text, null);
    }

    /** Anything else, with the console's tail. */
    public GuestFailure failure(String text, @Nullable Throwable cause) {
        StringBuilder message = new StringBuilder(text);
        List<String> tail = vm.console().tail(LINES);
        if (!tail.isEmpty()) {
            message.append("\nThe last lines of its console:");
            tail.forEach(line -> message.append("\n  | ").append(line));
        }
        vm.console().log().ifPresent(log -> message.append("\nAll of it: ").append(log));
        return new GuestFailure(message.toString(), cause);
    }
}
