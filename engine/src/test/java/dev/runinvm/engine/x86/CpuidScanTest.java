package dev.runinvm.engine.x86;

import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

class CpuidScanTest {
    private final CpuidScan scan = new CpuidScan();
    private final byte[] page = new byte[4096];

    private int put(int at, int... bytes) {
        for (int i = 0; i < bytes.length; i++) {
            page[at + i] = (byte) bytes[i];
        }
        return at + bytes.length;
    }

    /** mov eax,[rsp+8]; add rax,rcx; lea rdx,[rax*4+0x10]: code that falls into step. */
    private int filler(int at, int count) {
        int to = at;
        for (int i = 0; i < count; i++) {
            to = put(to, 0x8b, 0x44, 0x24, 0x08, 0x48, 0x01, 0xc8, 0x48, 0x8d, 0x14, 0x85, 0x10, 0, 0, 0);
        }
        return to;
    }

    @Test
    void anInstructionIsLikelyAndReachedByFallingThrough() {
        int at = filler(100, 8);
        put(at, 0x0f, 0xa2, 0xc3);
        assertArrayEquals(new int[] {at}, scan.likely(page));
        assertEquals(bits(at), scan.reached(page, 100));
    }

    @Test
    void bytesInsideAnImmediateAreNoInstruction() {
        int at = filler(100, 8);
        at = put(at, 0xb8, 0x11, 0x0f, 0xa2, 0x11); // mov eax, 0x11a20f11
        put(at, 0xc3);
        assertArrayEquals(new int[0], scan.likely(page));
        assertEquals(bits(), scan.reached(page, 100));
    }

    @Test
    void bytesBehindAReturnAreNotReached() {
        int at = put(filler(100, 8), 0xc3);
        put(at, 0x0f, 0xa2, 0xc3);
        assertArrayEquals(new int[] {at}, scan.likely(page));
        assertEquals(bits(), scan.reached(page, 100));
    }

    @Test
    void bothWaysOfABranchAndACalledFunctionAreFollowed() {
        int branch = filler(100, 4);
        put(branch, 0x74, 0x20); // jz +0x20
        put(branch + 2, 0xe8, 0x59, 0, 0, 0, 0xc3); // call to branch + 0x60; ret
        put(branch + 0x22, 0x0f, 0xa2, 0xc3);
        put(branch + 0x60, 0x66, 0x0f, 0xa2, 0xc3); // with a prefix
        assertEquals(bits(branch + 0x22, branch + 0x61), scan.reached(page, 100));
    }

    @Test
    void anInstructionAtThePagesStartIsFound() {
        put(0, 0x0f, 0xa2, 0xc3);
        assertArrayEquals(new int[] {0}, scan.likely(page));
        assertEquals(bits(0), scan.reached(page, 0));
    }

    /** Of all the places where the two bytes stand in random data, few look like an instruction all the same. */
    @Test
    void anythingCanBeScanned() {
        Random random = new Random(5);
        int likely = 0;
        for (int i = 0; i < 500; i++) {
            random.nextBytes(page);
            page[2000] = 0x0f;
            page[2001] = (byte) 0xa2;
            likely += scan.likely(page).length;
            scan.reached(page, random.nextInt(4096));
        }
        assertEquals(175, likely, 125);
    }

    private static BitSet bits(int... at) {
        BitSet set = new BitSet();
        for (int i : at) {
            set.set(i);
        }
        return set;
    }
}
