package dev.runinvm.wire;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class FrameTest {
    private final ByteBuffer memory =
            ByteBuffer.allocateDirect(Window.SIZE + 8).alignedSlice(8).order(ByteOrder.LITTLE_ENDIAN);
    private final FrameReader reader = new FrameReader(Window.create(memory).reader());
    private final RingWriter ring = Window.open(memory).writer();
    private final FrameWriter writer = new FrameWriter(ring);

    private static byte[] bytes(int n) {
        byte[] b = new byte[n];
        new Random(n).nextBytes(b);
        return b;
    }

    @Test
    void messagesOfAnySizeArrive() {
        for (int size : new int[] {0, 1, 15, 16, 17, 100_000, 0, Window.RING_SIZE - 16}) {
            writer.add(bytes(size));
            assertArrayEquals(bytes(size), reader.poll(), () -> "size " + size);
            assertNull(reader.poll());
        }
    }

    @Test
    void aMessageLongerThanTheRingArrivesInPieces() {
        byte[] much = bytes(3 * Window.RING_SIZE + 5);
        writer.add(much);
        assertTrue(writer.queued() > 0);
        byte[] got = null;
        int rounds = 0;
        while (got == null) {
            got = reader.poll();
            writer.pump();
            assertTrue(++rounds < 10, "no progress");
        }
        assertArrayEquals(much, got);
        assertEquals(0, writer.queued());
        assertEquals(reader.bytes(), writer.bytes());
    }

    @Test
    void aMessageTooLongIsRefusedWhereItIsWritten() {
        assertThrows(IllegalArgumentException.class, () -> writer.add(new byte[Frame.MAX_PAYLOAD + 1]));
    }

    private ProtocolException refused(byte[] raw) {
        ring.write(raw, 0, raw.length);
        return assertThrows(ProtocolException.class, reader::poll);
    }

    private static byte[] encoded() {
        return Frame.encode(0, new byte[] {1, 2, 3});
    }

    @Test
    void everyFlippedBitIsNoticed() {
        byte[] good = encoded();
        for (int bit = 0; bit < good.length * 8; bit++) {
            byte[] bad = good.clone();
            bad[bit / 8] ^= (byte) (1 << bit % 8);
            Window host = Window.create(memory);
            FrameReader fresh = new FrameReader(host.reader());
            RingWriter from = Window.open(memory).writer();
            from.write(bad, 0, bad.length);
            byte[] got;
            try {
                got = fresh.poll();
            } catch (ProtocolException e) {
                continue;
            }
            // A length that grew within the limit waits for the rest: nothing is believed.
            assertNull(got, "bit " + bit);
        }
    }

    @Test
    void whatIsWrongIsNamed() {
        byte[] raw = encoded();
        raw[0] = 0;
        assertTrue(refused(raw).getMessage().contains("no frame starts here"));
    }

    @Test
    void anotherVersionIsNamed() {
        byte[] raw = encoded();
        raw[2] = 9;
        String message = refused(raw).getMessage();
        assertTrue(message.contains("version 9") && message.contains("this one " + Frame.VERSION), message);
    }

    @Test
    void anEndlessLengthIsNamed() {
        byte[] raw = encoded();
        raw[7] = (byte) 0xff;
        assertTrue(refused(raw).getMessage().contains("claims"));
    }

    @Test
    void aLostFrameIsNoticed() {
        byte[] raw = Frame.encode(1, new byte[3]);
        assertTrue(refused(raw).getMessage().contains("frame 1 where 0 was due"));
    }
}
