package dev.runinvm.engine.guest;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.GuestEnd;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/** The thread of a guest's one processor, and how it ends: the guest's own way, from outside, or by an error of ours. */
public final class GuestThread {
    /** How long a guest that was told to stop may take before it is called stuck. */
    private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);

    private final Thread thread;
    private final CountDownLatch ended = new CountDownLatch(1);
    private final String logger;
    private final Supplier<GuestEnd> life;
    private final Supplier<String> where;
    private final Consumer<GuestEnd> release;
    private volatile @Nullable GuestEnd end;

    /**
     * Makes a thread that has yet to be started.
     *
     * @param name of the technique, in lower case
     * @param life runs the processor until the guest ends
     * @param where tells where the processor is, for messages
     * @param release called on the thread when the guest has ended, to give everything back
     */
    public GuestThread(String name, Supplier<GuestEnd> life, Supplier<String> where, Consumer<GuestEnd> release) {
        this.logger = "vm." + name;
        this.life = life;
        this.where = where;
        this.release = release;
        thread = new Thread(this::run, "vm-" + name + "-vcpu");
        thread.setDaemon(true);
    }

    /** Starts it. */
    public void start() {
        thread.start();
    }

    private void run() {
        GuestEnd how;
        try {
            how = life.get();
        } catch (RuntimeException | Error e) {
            how = new GuestEnd(
                    GuestEnd.Kind.ENGINE_ERROR,
                    (e instanceof EngineBug ? "" : e.getClass().getName() + ": ") + e.getMessage() + ", at "
                            + where.get());
            LoggerFactory.getLogger(logger).error("the engine failed at {}", where.get(), e);
        }
        end = how;
        try {
            release.accept(how);
        } finally {
            ended.countDown();
        }
    }

    /** How the guest ended, once everything has been given back. */
    public Optional<GuestEnd> end() {
        return ended.getCount() == 0 ? Optional.ofNullable(end) : Optional.empty();
    }

    /**
     * Waits for the end.
     *
     * @return whether it came in time
     */
    public boolean awaitEnd(Duration timeout) throws InterruptedException {
        return ended.await(timeout.toNanos(), TimeUnit.NANOSECONDS);
    }

    /**
     * Waits for the end of a guest that was told to stop.
     *
     * @throws EngineBug if it does not stop
     */
    public void awaitStop() {
        boolean interrupted = false;
        try {
            if (!awaitEnd(STOP_TIMEOUT)) {
                throw new EngineBug(
                        "the guest's thread did not stop within " + STOP_TIMEOUT.toSeconds() + " s, at " + where.get());
            }
        } catch (InterruptedException e) {
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
