package dev.runinvm.wire;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

@Timeout(30)
class OutOfBandTest {
    private final ByteBuffer memory =
            ByteBuffer.allocateDirect(Window.SIZE + 8).alignedSlice(8).order(ByteOrder.LITTLE_ENDIAN);
    private final Window hostWindow = Window.create(memory);
    private final Window guestWindow = Window.open(memory);
    private final OutOfBand host = hostWindow.outOfBand();
    private final OutOfBand guest = guestWindow.outOfBand();

    @Test
    void messagesArriveWholeAndInOrderBothWays() {
        Random random = new Random(1);
        for (int round = 0; round < 200; round++) {
            byte[] there = new byte[1 + random.nextInt(OutOfBand.MAX_MESSAGE)];
            byte[] back = new byte[1 + random.nextInt(OutOfBand.MAX_MESSAGE)];
            random.nextBytes(there);
            random.nextBytes(back);
            assertTrue(host.offer(there));
            assertTrue(guest.offer(back));
            assertArrayEquals(there, guest.poll());
            assertArrayEquals(back, host.poll());
        }
        assertNull(host.poll());
        assertNull(guest.poll());
    }

    @Test
    void whatDoesNotFitIsNotTaken() {
        byte[] large = new byte[OutOfBand.MAX_MESSAGE];
        int taken = 0;
        while (guest.offer(large)) {
            taken++;
        }
        assertEquals(3, taken);
        assertArrayEquals(large, host.poll());
        assertTrue(guest.offer(large));
        assertThrows(IllegalArgumentException.class, () -> guest.offer(new byte[OutOfBand.MAX_MESSAGE + 1]));
        assertThrows(IllegalArgumentException.class, () -> guest.offer(new byte[0]));
    }

    @Test
    void theAgentsMessagesAreNotInTheWay() {
        byte[] all = new byte[Window.RING_SIZE];
        Arrays.fill(all, (byte) 0xff);
        assertEquals(all.length, guestWindow.writer().write(all, 0, all.length));
        assertEquals(all.length, hostWindow.writer().write(all, 0, all.length));
        assertTrue(guest.offer(new byte[] {1, 2, 3}));
        assertArrayEquals(new byte[] {1, 2, 3}, host.poll());
        byte[] back = new byte[all.length];
        assertEquals(all.length, hostWindow.reader().read(back, 0, back.length));
        assertArrayEquals(all, back);
    }

    /** A length of nothing, of more than may be, of more than is there. */
    @ParameterizedTest
    @ValueSource(ints = {0, 5, OutOfBand.MAX_MESSAGE + 1, 0xffff})
    void aLengthThatIsNoneIsNamed(int length) {
        memory.put(Window.OUT_OF_BAND_GUEST_RING_AT, (byte) length);
        memory.put(Window.OUT_OF_BAND_GUEST_RING_AT + 1, (byte) (length >> 8));
        memory.putLong(Window.OUT_OF_BAND_GUEST_PUT_AT, 6);
        ProtocolException e = assertThrows(ProtocolException.class, host::poll);
        assertTrue(e.getMessage().contains("claims " + length + " bytes"), e.getMessage());
    }

    @Test
    void aCounterThatMakesNoSenseIsNamed() {
        memory.putLong(Window.OUT_OF_BAND_GUEST_PUT_AT, Window.OUT_OF_BAND_SIZE + 1L);
        assertThrows(ProtocolException.class, host::poll);
    }

    /** Both ends in one thread: a debugger's socket, and the listening socket of what is debugged. */
    private static final class Ends implements AutoCloseable {
        final ServerSocketChannel debugged = listen();
        final ServerSocketChannel port = listen();
        final SocketRelay hosts;
        final SocketRelay guests;
        boolean up = true;

        Ends(OutOfBand host, OutOfBand guest) throws IOException {
            hosts = new SocketRelay(host, () -> {
                throw new ProtocolException("nobody connects from the guest");
            });
            guests = new SocketRelay(guest, this::connect);
        }

        private @Nullable SocketChannel connect() throws IOException {
            return up ? SocketChannel.open(debugged.getLocalAddress()) : null;
        }

        private static ServerSocketChannel listen() throws IOException {
            return ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        }

        SocketChannel debugger() throws IOException {
            SocketChannel channel = SocketChannel.open(port.getLocalAddress());
            channel.configureBlocking(false);
            hosts.open(port.accept());
            return channel;
        }

        void step() throws IOException {
            hosts.step();
            guests.step();
        }

        @Override
        public void close() throws IOException {
            hosts.close();
            guests.close();
            debugged.close();
            port.close();
        }
    }

    private static byte[] move(Ends ends, SocketChannel from, SocketChannel to, byte[] bytes) throws IOException {
        ByteBuffer out = ByteBuffer.wrap(bytes);
        ByteBuffer in = ByteBuffer.allocate(bytes.length);
        while (in.hasRemaining()) {
            from.write(out);
            ends.step();
            assertTrue(to.read(in) >= 0, "closed early");
        }
        return in.array();
    }

    @Test
    void aConnectionCarriesMuchBothWaysAndAnotherFollows() throws IOException {
        byte[] much = new byte[1_000_000];
        new Random(2).nextBytes(much);
        try (Ends ends = new Ends(host, guest)) {
            for (int i = 0; i < 2; i++) {
                SocketChannel debugger = ends.debugger();
                ends.step();
                ends.step();
                SocketChannel debugged = ends.debugged.accept();
                debugged.configureBlocking(false);
                assertArrayEquals(much, move(ends, debugger, debugged, much));
                assertArrayEquals(much, move(ends, debugged, debugger, much));
                debugger.close();
                long start = System.nanoTime();
                while (debugged.read(ByteBuffer.allocate(1)) >= 0) {
                    ends.step();
                    assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(10), "never closed");
                }
                assertFalse(ends.hosts.isOpen());
                debugged.close();
            }
        }
    }

    @Test
    void whatComesBeforeTheOtherEndListensIsKept() throws IOException {
        byte[] greeting = "JDWP-Handshake".getBytes(StandardCharsets.US_ASCII);
        try (Ends ends = new Ends(host, guest)) {
            ends.up = false;
            SocketChannel debugger = ends.debugger();
            debugger.write(ByteBuffer.wrap(greeting));
            for (int i = 0; i < 10; i++) {
                ends.step();
            }
            ends.up = true;
            ends.step();
            SocketChannel debugged = ends.debugged.accept();
            debugged.configureBlocking(false);
            ByteBuffer in = ByteBuffer.allocate(greeting.length);
            while (in.hasRemaining()) {
                ends.step();
                assertTrue(debugged.read(in) >= 0, "closed early");
            }
            assertArrayEquals(greeting, in.array());
        }
    }

    @Test
    void aMessageOfNoKindIsRefused() throws IOException {
        try (Ends ends = new Ends(host, guest)) {
            assertTrue(guest.offer(new byte[] {9}));
            assertThrows(ProtocolException.class, ends.hosts::step);
            assertTrue(guest.offer(new byte[] {1}));
            assertFalse(ends.hosts.isOpen());
            ends.hosts.step();
            assertThrows(ProtocolException.class, ends.hosts::step);
        }
    }
}
