package dev.runinvm.engine.guest;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.GuestFailure;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Where the thread of a guest's one processor stands still for others, between two instructions. */
public final class RestPoint {
    private final Runnable wake;
    private final AtomicReference<@Nullable Request> request = new AtomicReference<>();
    private volatile boolean finished;

    /** @param wake makes the processor's thread come here soon; called on any thread */
    public RestPoint(Runnable wake) {
        this.wake = wake;
    }

    /** Something to be done while the processor stands still. */
    private record Request(Runnable action, boolean idleOnly, CompletableFuture<Void> done) {}

    /**
     * Has something done on the processor's thread, between two instructions; returns when that is done. Any other thread.
     *
     * @param idleOnly only while the processor is halted and nothing waits for it
     * @return false if the processor was never found so within the time
     * @throws GuestFailure if the processor has stopped for good
     */
    public boolean atRest(Runnable action, boolean idleOnly, Duration patience) throws InterruptedException {
        Request mine = new Request(action, idleOnly, new CompletableFuture<>());
        request.set(mine);
        wake.run();
        if (finished) {
            throw new GuestFailure("the guest has ended");
        }
        try {
            mine.done.get(patience.toNanos(), TimeUnit.NANOSECONDS);
            return true;
        } catch (TimeoutException e) {
            if (request.compareAndSet(mine, null)) {
                return false;
            }
            // It is under way, and takes as long as it takes.
            mine.done.handle((nothing, thrown) -> nothing).join();
            return true;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new EngineBug("what was to be done while the processor stood still failed", e.getCause());
        }
    }

    /** Does what somebody asked for. The processor's thread. */
    public void reached(boolean idle) {
        Request asked = request.get();
        if (asked != null && (idle || !asked.idleOnly) && request.compareAndSet(asked, null)) {
            try {
                asked.action.run();
                asked.done.complete(null);
            } catch (RuntimeException | Error e) {
                asked.done.completeExceptionally(e);
            }
        }
    }

    /** The processor has stopped for good. */
    public void finish() {
        finished = true;
        Request asked = request.get();
        if (asked != null) {
            asked.done.completeExceptionally(new GuestFailure("the guest has ended"));
        }
    }
}
