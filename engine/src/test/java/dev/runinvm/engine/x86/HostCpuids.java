package dev.runinvm.engine.x86;

import java.util.HashMap;
import java.util.Map;

/** CPUID of real processors, for tests; what is not in a table reads as zeroes. */
final class HostCpuids {
    private HostCpuids() {}

    private static HostCpuid table(int[][] rows) {
        Map<Long, int[]> map = new HashMap<>();
        for (int[] row : rows) {
            map.put((long) row[0] << 32 | row[1], new int[] {row[2], row[3], row[4], row[5]});
        }
        return (eax, ecx) ->
                map.getOrDefault((long) eax << 32 | ecx, new int[4]).clone();
    }

    /** A Zen 4 server as a hypervisor shows it, with all the bits that have to be hidden. */
    static HostCpuid zen4() {
        return table(new int[][] {
            {0, 0, 0x1c, 0x68747541, 0x444d4163, 0x69746e65},
            {1, 0, 0x00a10f11, 0x01020800, 0xfffa3203, 0x178bfbff},
            {6, 0, 4, 0, 0, 0},
            {7, 0, 1, 0xf1bf07ab, 0x00405fce, 0x00000010},
            {7, 1, 0x20, 0, 0, 0},
            {0xb, 0, 0, 1, 0x100, 1},
            {0xb, 1, 5, 2, 0x201, 1},
            {0xd, 0, 0x2e7, 0x988, 0x988, 0},
            {0xd, 1, 0xf, 0x9a8, 0x1800, 0},
            {0xd, 2, 0x100, 0x240, 0, 0},
            {0xd, 5, 0x40, 0x340, 0, 0},
            {0xd, 6, 0x200, 0x380, 0, 0},
            {0xd, 7, 0x400, 0x580, 0, 0},
            {0xd, 9, 8, 0x980, 0, 0},
            {0xd, 0xb, 0x10, 0, 1, 0},
            {0xd, 0xc, 0x18, 0, 1, 0},
            {0x40000000, 0, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d},
            {0x80000000, 0, 0x80000021, 0x68747541, 0x444d4163, 0x69746e65},
            {0x80000001, 0, 0x00a10f11, 0x40000000, 0x004003f7, 0x2fd3fbff},
            {0x80000002, 0, 0x20444d41, 0x43595045, 0, 0},
            {0x80000005, 0, 0xff48ff40, 0xff48ff40, 0x20080140, 0x20080140},
            {0x80000006, 0, 0x5c002200, 0x6c004200, 0x04006140, 0x0a009140},
            {0x80000007, 0, 0, 0, 0, 0x100},
            {0x80000008, 0, 0x00303030, 0x50025205, 0x00007001, 0},
            {0x8000000a, 0, 1, 8, 0, 0x1ff},
            {0x8000001d, 0, 0x00004121, 0x01c0003f, 0x3f, 0},
            {0x8000001e, 0, 1, 0x101, 0, 0},
            {0x80000021, 0, 0x204, 0, 0x86, 0},
        });
    }

    /** A Sapphire Rapids-like Intel server. */
    static HostCpuid intelServer() {
        return table(new int[][] {
            {0, 0, 0x20, 0x756e6547, 0x6c65746e, 0x49656e69},
            {1, 0, 0x000806f8, 0x03400800, 0xfffeffff, 0xbfebfbff},
            {2, 0, 0x00feff01, 0xf0, 0, 0},
            {4, 0, 0xfc004121, 0x02c0003f, 0x3f, 0},
            {6, 0, 0x77, 2, 9, 0},
            {7, 0, 2, 0xf3bfbfff, 0xfb417ffe, 0xffdd4432},
            {7, 1, 0x1c30, 0, 0, 0},
            {0xa, 0, 0x07300805, 0, 7, 0x8603},
            {0xb, 0, 1, 2, 0x100, 3},
            {0xd, 0, 0x602e7, 0x2b00, 0x2b00, 0},
            {0xd, 1, 0x1f, 0x2b00, 0x1900, 0},
            {0xd, 2, 0x100, 0x240, 0, 0},
            {0xd, 5, 0x40, 0x440, 0, 0},
            {0xd, 6, 0x200, 0x480, 0, 0},
            {0xd, 7, 0x400, 0x680, 0, 0},
            {0xd, 9, 8, 0xa80, 0, 0},
            {0xd, 17, 0x40, 0xac0, 2, 0},
            {0xd, 18, 0x2000, 0xb00, 6, 0},
            {0x16, 0, 2000, 3800, 100, 0},
            {0x80000000, 0, 0x80000008, 0, 0, 0},
            {0x80000001, 0, 0, 0, 0x121, 0x2c100800},
            {0x80000008, 0, 0x3934, 0x200, 0, 0},
        });
    }
}
