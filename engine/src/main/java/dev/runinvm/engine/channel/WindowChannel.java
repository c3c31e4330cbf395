package dev.runinvm.engine.channel;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.GuestChannel;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.machine.DoorbellHandler;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.wire.Frame;
import dev.runinvm.wire.FrameReader;
import dev.runinvm.wire.FrameWriter;
import dev.runinvm.wire.OutOfBand;
import dev.runinvm.wire.ProtocolException;
import dev.runinvm.wire.Window;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The channel over a window of shared memory and a doorbell. The vCPU's thread calls {@link #flush}, {@link #await} and
 * {@link #goodbye} when the guest writes the doorbell; everybody else sends and receives.
 *
 * <p>The guest's ring is drained on the vCPU's thread only. When the host does not take the messages fast enough, the guest
 * waits in its doorbell, and then the channel ends with an error instead of growing without bound.
 */
public final class WindowChannel implements GuestChannel, DoorbellHandler {
    /** Bytes of messages waiting to be received at which the guest is made to wait. */
    static final long MAX_INBOUND = 32L << 20;
    /** Bytes of messages waiting to be sent at which senders are made to wait. */
    static final long MAX_OUTBOUND = 4L << 20;

    private static final Duration DEFAULT_STALL = Duration.ofSeconds(60);

    private final Duration stall;
    private final FrameReader reader;
    private final FrameWriter writer;
    private final OutOfBand outOfBand;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ArrayDeque<byte[]> inbound = new ArrayDeque<>();
    private long inboundBytes;
    private @Nullable String ended;
    private boolean saidGoodbye;
    private boolean waitInterrupted;
    private long flushes;
    private long waits;
    private long waitNanos;

    /**
     * Lays out the window.
     *
     * @param memory the window, {@link Window#SIZE} bytes
     */
    public WindowChannel(ByteBuffer memory) {
        this(memory, DEFAULT_STALL);
    }

    WindowChannel(ByteBuffer memory, Duration stall) {
        this(Window.create(memory), stall);
    }

    /**
     * Takes over the window of a guest that comes from a snapshot.
     *
     * @param memory the window with the snapshot's content
     * @param in where {@link #save} wrote
     */
    public static WindowChannel restore(ByteBuffer memory, StateReader in) {
        in.section("channel", 1);
        try {
            WindowChannel channel = new WindowChannel(Window.adopt(memory), DEFAULT_STALL);
            channel.reader.resume(in.getInt("nextFromGuest"));
            channel.writer.resume(in.getInt("nextToGuest"));
            return channel;
        } catch (ProtocolException e) {
            throw new HostLacks("the snapshot's channel window is damaged: " + e.getMessage(), e);
        }
    }

    private WindowChannel(Window window, Duration stall) {
        this.reader = new FrameReader(window.reader());
        this.writer = new FrameWriter(window.writer());
        this.outOfBand = window.outOfBand();
        this.stall = stall;
    }

    @Override
    public void send(byte[] message) {
        if (message.length > Frame.MAX_PAYLOAD) {
            throw new EngineBug("a message of " + message.length + " bytes; at most " + Frame.MAX_PAYLOAD);
        }
        lock.lock();
        try {
            long deadline = System.nanoTime() + stall.toNanos();
            while (ended == null && writer.queued() > MAX_OUTBOUND) {
                if (!waitUntil(deadline)) {
                    throw new GuestFailure("the guest has taken nothing from the channel for " + stall.toSeconds()
                            + " s while " + writer.queued() + " bytes wait for it");
                }
            }
            requireOpen();
            guarded(() -> writer.add(message));
            requireOpen();
            changed.signalAll();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new GuestFailure("interrupted while waiting for the guest to take messages", e);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Optional<byte[]> receive(Duration timeout) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            long deadline = System.nanoTime() + timeout.toNanos();
            while (inbound.isEmpty()) {
                requireOpen();
                if (!waitUntil(deadline)) {
                    return Optional.empty();
                }
            }
            byte[] message = inbound.remove();
            inboundBytes -= message.length;
            changed.signalAll();
            return Optional.of(message);
        } finally {
            lock.unlock();
        }
    }

    /** Behind the lock and only while the channel is open: afterwards its memory may be gone. */
    @Override
    public OutOfBand outOfBand() {
        return new OutOfBand() {
            @Override
            public byte @Nullable [] poll() {
                lock.lock();
                try {
                    requireOpen();
                    return outOfBand.poll();
                } finally {
                    lock.unlock();
                }
            }

            @Override
            public boolean offer(byte[] message) {
                lock.lock();
                try {
                    requireOpen();
                    return outOfBand.offer(message);
                } finally {
                    lock.unlock();
                }
            }
        };
    }

    /** The guest rang {@link dev.runinvm.wire.ChannelHardware#BELL_FLUSH}: takes all it wrote. */
    @Override
    public void flush() {
        lock.lock();
        try {
            flushes++;
            drain();
        } finally {
            lock.unlock();
        }
    }

    /**
     * The guest rang {@link dev.runinvm.wire.ChannelHardware#BELL_WAIT}: takes all it wrote, then returns once its ring has
     * bytes, the time is over or the channel has ended.
     *
     * @param millis the most to wait, unsigned 32 bits
     */
    @Override
    public void await(long millis) {
        lock.lock();
        try {
            waits++;
            drain();
            long start = System.nanoTime();
            long deadline = start + TimeUnit.MILLISECONDS.toNanos(millis & 0xffff_ffffL);
            guarded(writer::pump);
            while (ended == null && !waitInterrupted && guestHasRead() && waitUntil(deadline)) {
                guarded(writer::pump);
            }
            waitInterrupted = false;
            changed.signalAll();
            waitNanos += System.nanoTime() - start;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lock.unlock();
        }
    }

    /** The guest rang {@link dev.runinvm.wire.ChannelHardware#BELL_GOODBYE}. */
    @Override
    public void goodbye() {
        lock.lock();
        try {
            drain();
            saidGoodbye = true;
            end("the agent has said goodbye");
        } finally {
            lock.unlock();
        }
    }

    /** Whether no message is on its way: none half-taken or waiting to be received, none waiting for room in the ring. */
    public boolean atRest() {
        lock.lock();
        try {
            drain();
            return ended == null && !reader.inside() && inbound.isEmpty() && writer.queued() == 0;
        } finally {
            lock.unlock();
        }
    }

    /** Writes down what is not in the window itself. Only {@linkplain #atRest at rest} is that all. */
    public void save(StateWriter out) {
        lock.lock();
        try {
            out.section("channel", 1);
            out.putInt("nextFromGuest", reader.sequence());
            out.putInt("nextToGuest", writer.sequence());
        } finally {
            lock.unlock();
        }
    }

    /** Has the guest's thread come back from {@link #await}; the guest finds nothing, and waits again. */
    public void interruptWait() {
        lock.lock();
        try {
            waitInterrupted = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Whether the agent ended in order. */
    public boolean saidGoodbye() {
        lock.lock();
        try {
            return saidGoodbye;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Ends the channel: everybody who waits or comes later hears the reason. Messages received before can still be taken.
     * The first reason stays.
     */
    public void end(String reason) {
        lock.lock();
        try {
            if (ended == null) {
                ended = reason;
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Why the channel ended, or empty while it is open. */
    public Optional<String> ended() {
        lock.lock();
        try {
            return Optional.ofNullable(ended);
        } finally {
            lock.unlock();
        }
    }

    /** Counters by name: doorbells, time spent in waits, bytes each way. */
    public Map<String, Long> counters() {
        lock.lock();
        try {
            return Map.of(
                    "channel.flushes", flushes,
                    "channel.waits", waits,
                    "channel.waitNanos", waitNanos,
                    "channel.bytesToGuest", writer.bytes(),
                    "channel.bytesFromGuest", reader.bytes());
        } finally {
            lock.unlock();
        }
    }

    /** Takes what the guest wrote, and gives it what waits for it: at a doorbell it has usually made room. */
    private void drain() {
        guarded(() -> {
            byte[] message;
            while (ended == null && (message = reader.poll()) != null) {
                if (!makeRoom()) {
                    return;
                }
                inbound.add(message);
                inboundBytes += message.length;
            }
            writer.pump();
        });
        changed.signalAll();
    }

    private boolean makeRoom() {
        long deadline = System.nanoTime() + stall.toNanos();
        try {
            while (ended == null && inboundBytes > MAX_INBOUND) {
                changed.signalAll();
                if (!waitUntil(deadline)) {
                    end("the host has taken nothing from the channel for " + stall.toSeconds() + " s while "
                            + inboundBytes + " bytes wait for it");
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            end("the guest's thread was interrupted");
        }
        return ended == null;
    }

    private boolean guestHasRead() {
        try {
            return writer.pending() == 0;
        } catch (ProtocolException e) {
            end("the guest broke the channel's protocol: " + e.getMessage());
            return false;
        }
    }

    private void guarded(Runnable step) {
        if (ended != null) {
            return;
        }
        try {
            step.run();
        } catch (ProtocolException e) {
            end("the guest broke the channel's protocol: " + e.getMessage());
        }
    }

    private boolean waitUntil(long deadline) throws InterruptedException {
        long left = deadline - System.nanoTime();
        return left > 0 && changed.awaitNanos(left) > 0;
    }

    private void requireOpen() {
        if (ended != null) {
            throw new GuestFailure(ended);
        }
    }
}
