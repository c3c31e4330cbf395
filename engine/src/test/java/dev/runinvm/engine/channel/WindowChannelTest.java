package dev.runinvm.engine.channel;

import dev.runinvm.engine.GuestFailure;
import dev.runinvm.wire.FrameReader;
import dev.runinvm.wire.FrameWriter;
import dev.runinvm.wire.Window;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

@Timeout(30)
class WindowChannelTest {
    private static final Duration NONE = Duration.ZERO;
    private static final Duration LONG = Duration.ofSeconds(20);

    private final ByteBuffer memory = ByteBuffer.allocateDirect(Window.SIZE + 8).alignedSlice(8);
    private final WindowChannel channel = new WindowChannel(memory, Duration.ofMillis(300));
    private final Window guest = Window.open(memory);
    private final FrameWriter fromGuest = new FrameWriter(guest.writer());
    private final FrameReader atGuest = new FrameReader(guest.reader());

    private static byte[] text(String s) {
        return s.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void whatTheGuestWroteIsThereAfterItsFlush() throws Exception {
        fromGuest.add(text("one"));
        fromGuest.add(text("two"));
        assertEquals(Optional.empty(), channel.receive(NONE));
        channel.flush();
        assertArrayEquals(text("one"), channel.receive(NONE).orElseThrow());
        assertArrayEquals(text("two"), channel.receive(NONE).orElseThrow());
        assertEquals(Optional.empty(), channel.receive(NONE));
    }

    @Test
    void awaitReturnsAtOnceWhenACommandIsThere() {
        channel.send(text("command"));
        channel.await(60_000);
        assertArrayEquals(text("command"), atGuest.poll());
    }

    @Test
    void awaitReturnsWhenACommandComes() throws Exception {
        CompletableFuture<Void> vcpu = CompletableFuture.runAsync(() -> channel.await(60_000));
        assertThrows(TimeoutException.class, () -> vcpu.get(50, TimeUnit.MILLISECONDS));
        channel.send(text("command"));
        vcpu.get(10, TimeUnit.SECONDS);
        assertArrayEquals(text("command"), atGuest.poll());
    }

    @Test
    void awaitReturnsWhenItsTimeIsOver() {
        long start = System.nanoTime();
        channel.await(30);
        assertTrue(System.nanoTime() - start >= 30_000_000);
    }

    @Test
    void endWakesEverybodyWithTheReason() throws Exception {
        CompletableFuture<Void> vcpu = CompletableFuture.runAsync(() -> channel.await(60_000));
        CompletableFuture<Optional<byte[]>> user = CompletableFuture.supplyAsync(() -> {
            try {
                return channel.receive(LONG);
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        assertThrows(TimeoutException.class, () -> user.get(50, TimeUnit.MILLISECONDS));
        channel.end("the kernel panicked");
        channel.end("a later reason");
        vcpu.get(10, TimeUnit.SECONDS);
        ExecutionException e = assertThrows(ExecutionException.class, () -> user.get(10, TimeUnit.SECONDS));
        assertEquals(
                "the kernel panicked",
                assertInstanceOf(GuestFailure.class, e.getCause()).getMessage());
        assertThrows(GuestFailure.class, () -> channel.send(text("x")));
    }

    @Test
    void whatCameBeforeTheEndCanStillBeTaken() throws Exception {
        fromGuest.add(text("last"));
        channel.flush();
        channel.end("gone");
        assertArrayEquals(text("last"), channel.receive(NONE).orElseThrow());
        assertThrows(GuestFailure.class, () -> channel.receive(NONE));
    }

    @Test
    void goodbyeTakesTheLastMessagesAndEndsInOrder() throws Exception {
        fromGuest.add(text("last"));
        assertFalse(channel.saidGoodbye());
        channel.goodbye();
        assertTrue(channel.saidGoodbye());
        assertArrayEquals(text("last"), channel.receive(NONE).orElseThrow());
        assertThrows(GuestFailure.class, () -> channel.receive(NONE));
    }

    @Test
    void aGuestThatWritesNonsenseEndsTheChannelAndNothingElse() {
        byte[] nonsense = new byte[100];
        guest.writer().write(nonsense, 0, nonsense.length);
        channel.flush();
        GuestFailure e = assertThrows(GuestFailure.class, () -> channel.receive(LONG));
        assertTrue(e.getMessage().contains("broke the channel's protocol: no frame starts here"), e.getMessage());
        channel.flush();
        channel.await(60_000);
    }

    @Test
    void messagesLongerThanTheRingGoBothWays() throws Exception {
        byte[] much = new byte[3 * Window.RING_SIZE];
        much[much.length - 1] = 7;
        channel.send(much);
        byte[] got = null;
        while (got == null) {
            channel.await(1000);
            got = atGuest.poll();
        }
        assertArrayEquals(much, got);
        fromGuest.add(much);
        while (fromGuest.queued() > 0) {
            channel.flush();
            fromGuest.pump();
        }
        channel.flush();
        assertArrayEquals(much, channel.receive(NONE).orElseThrow());
    }

    @Test
    void aGuestThatTakesNothingStopsTheSender() {
        byte[] part = new byte[1 << 20];
        GuestFailure e = assertThrows(GuestFailure.class, () -> {
            for (int i = 0; i < 20; i++) {
                channel.send(part);
            }
        });
        assertTrue(e.getMessage().contains("has taken nothing"), e.getMessage());
    }

    @Test
    void aHostThatTakesNothingMakesTheGuestWaitThenEnds() {
        byte[] part = new byte[400_000];
        int sent = 0;
        while (channel.ended().isEmpty()) {
            fromGuest.add(part);
            channel.flush();
            assertTrue(++sent < 200, "grows without bound");
        }
        assertTrue(channel.ended().orElseThrow().contains("the host has taken nothing"));
        assertTrue(sent * (long) part.length > WindowChannel.MAX_INBOUND);
    }

    @Test
    void doorbellsAndBytesAreCounted() {
        fromGuest.add(new byte[84]);
        channel.flush();
        channel.send(new byte[4]);
        channel.await(0);
        assertEquals(1, channel.counters().get("channel.flushes"));
        assertEquals(1, channel.counters().get("channel.waits"));
        assertEquals(100, channel.counters().get("channel.bytesFromGuest"));
        assertEquals(20, channel.counters().get("channel.bytesToGuest"));
    }
}
