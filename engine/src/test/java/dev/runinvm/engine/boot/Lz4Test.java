package dev.runinvm.engine.boot;

import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class Lz4Test {
    private static final int LIMIT = 64 << 20;

    @Test
    void decodesSeveralBlocks() throws IOException {
        byte[] plain = new byte[(9 << 20) + 13];
        Random random = new Random(3);
        int at = 0;
        while (at < plain.length) { // runs of all lengths: overlapping matches, long literals
            int n = Math.min(plain.length - at, 1 + random.nextInt(random.nextInt(10) == 0 ? 100_000 : 400));
            if (random.nextBoolean()) {
                Arrays.fill(plain, at, at + n, (byte) random.nextInt());
            } else {
                byte[] noise = new byte[n];
                random.nextBytes(noise);
                System.arraycopy(noise, 0, plain, at, n);
            }
            at += n;
        }
        byte[] frame = FakeKernel.lz4Legacy(plain);

        assertArrayEquals(plain, Lz4.decodeLegacy(frame, plain.length, LIMIT));
        assertArrayEquals(plain, Lz4.decodeLegacy(frame, 0, LIMIT));
    }

    @Test
    void refusesDamage() throws IOException {
        byte[] frame = FakeKernel.lz4Legacy(new byte[100_000]);
        assertThrows(IOException.class, () -> Lz4.decodeLegacy(frame, 0, 50_000));
        assertThrows(IOException.class, () -> Lz4.decodeLegacy(new byte[8], 0, LIMIT));
        for (int length = 5; length < frame.length; length++) {
            byte[] cut = Arrays.copyOf(frame, length);
            assertThrows(IOException.class, () -> Lz4.decodeLegacy(cut, 0, LIMIT), () -> "of " + cut.length);
        }
    }

    @Test
    void noBytesEverLeadAstray() {
        Random random = new Random(5);
        for (int i = 0; i < 20_000; i++) {
            byte[] noise = new byte[8 + random.nextInt(60)];
            random.nextBytes(noise);
            noise[0] = 2;
            noise[1] = 0x21;
            noise[2] = 0x4c;
            noise[3] = 0x18;
            noise[4] = (byte) (noise.length - 8);
            noise[5] = noise[6] = noise[7] = 0;
            try {
                Lz4.decodeLegacy(noise, 0, 1 << 20);
            } catch (IOException expected) {
                assertThrows(IOException.class, () -> Lz4.decodeLegacy(noise, 0, 1 << 20)); // and the same again
            }
        }
    }
}
