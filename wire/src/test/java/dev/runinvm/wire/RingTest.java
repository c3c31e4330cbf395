package dev.runinvm.wire;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class RingTest {
    private final ByteBuffer memory =
            ByteBuffer.allocateDirect(Window.SIZE + 8).alignedSlice(8).order(ByteOrder.LITTLE_ENDIAN);
    private final Window host = Window.create(memory);
    private final Window guest = Window.open(memory);

    @Test
    void bytesArriveInOrderAroundTheEnd() {
        Random random = new Random(1);
        byte[] sent = new byte[5 * Window.RING_SIZE];
        random.nextBytes(sent);
        byte[] received = new byte[sent.length];
        int in = 0;
        int out = 0;
        while (out < sent.length) {
            in += guest.writer().write(sent, in, Math.min(sent.length - in, random.nextInt(200_000)));
            out += host.reader().read(received, out, Math.min(received.length - out, random.nextInt(200_000)));
        }
        assertArrayEquals(sent, received);
    }

    @Test
    void aFullRingTakesNothing() {
        byte[] much = new byte[Window.RING_SIZE + 1];
        assertEquals(Window.RING_SIZE, host.writer().write(much, 0, much.length));
        assertEquals(0, host.writer().write(much, 0, 1));
        assertEquals(Window.RING_SIZE, host.writer().pending());
        assertEquals(100, guest.reader().read(much, 0, 100));
        assertEquals(100, host.writer().space());
    }

    @Test
    void theRingsDoNotOverlap() {
        assertTrue(Window.OUT_OF_BAND_GUEST_PUT_AT + Long.BYTES <= Window.HOST_RING_AT);
        assertTrue(Window.HOST_RING_AT + Window.RING_SIZE <= Window.GUEST_RING_AT);
        assertTrue(Window.GUEST_RING_AT + Window.RING_SIZE <= Window.OUT_OF_BAND_HOST_RING_AT);
        assertTrue(Window.OUT_OF_BAND_HOST_RING_AT + Window.OUT_OF_BAND_SIZE <= Window.OUT_OF_BAND_GUEST_RING_AT);
        assertTrue(Window.OUT_OF_BAND_GUEST_RING_AT + Window.OUT_OF_BAND_SIZE <= Window.SIZE);
    }

    @Test
    void aWriteCounterOutOfRangeIsNamed() {
        for (long bad : new long[] {Window.RING_SIZE + 1L, -1, Long.MIN_VALUE, Long.MAX_VALUE}) {
            memory.putLong(Window.GUEST_PUT_AT, bad);
            ProtocolException e =
                    assertThrows(ProtocolException.class, () -> host.reader().available());
            assertTrue(e.getMessage().contains("write counter of the guest's ring is " + bad), e.getMessage());
        }
    }

    @Test
    void aWriteCounterMayNotGoBack() {
        guest.writer().write(new byte[10], 0, 10);
        assertEquals(10, host.reader().available());
        memory.putLong(Window.GUEST_PUT_AT, 9);
        assertThrows(ProtocolException.class, () -> host.reader().available());
    }

    @Test
    void aReadCounterOutOfRangeIsNamed() {
        host.writer().write(new byte[10], 0, 10);
        for (long bad : new long[] {11, -1, Long.MAX_VALUE}) {
            memory.putLong(Window.HOST_TAKEN_AT, bad);
            ProtocolException e =
                    assertThrows(ProtocolException.class, () -> host.writer().space());
            assertTrue(e.getMessage().contains("read counter of the host's ring is " + bad), e.getMessage());
        }
    }

    @Test
    void theOtherSideCannotMoveOurOwnCounters() {
        guest.writer().write(new byte[] {1, 2, 3}, 0, 3);
        memory.putLong(Window.GUEST_TAKEN_AT, 3);
        byte[] read = new byte[3];
        assertEquals(3, host.reader().read(read, 0, 3));
        assertArrayEquals(new byte[] {1, 2, 3}, read);
    }

    @Test
    void aWindowOfAnotherKindIsRefused() {
        memory.putInt(Window.VERSION_AT, 7);
        assertTrue(assertThrows(ProtocolException.class, () -> Window.open(memory))
                .getMessage()
                .contains("version 7"));
        memory.putInt(Window.MAGIC_AT, 0x464c457f);
        assertTrue(assertThrows(ProtocolException.class, () -> Window.open(memory))
                .getMessage()
                .contains("0x464c457f"));
    }
}
