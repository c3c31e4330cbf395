package dev.runinvm.engine.direct;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** Operations on mappings that a stub is to carry out before it goes on, in order. */
final class Batch {
    static final int MAP_SHARED = 0x01;
    static final int MAP_FIXED = 0x10;
    static final int MAP_POPULATE = 0x8000;
    static final int PROT_READ = 1;
    static final int PROT_WRITE = 2;
    static final int PROT_EXEC = 4;

    private static final int FIELDS = 7;

    private long[] fields = new long[64 * FIELDS];
    private int size;

    boolean isEmpty() {
        return size == 0;
    }

    int size() {
        return size;
    }

    void clear() {
        size = 0;
    }

    /** Maps a range of the first memory file. */
    void map(long address, long length, int protection, long offset, boolean populate) {
        map(address, length, protection, 0, offset, populate);
    }

    /**
     * Maps a range of a memory file. All in bytes, multiples of the page size.
     *
     * @param file its number, 0 is the first
     */
    void map(long address, long length, int protection, int file, long offset, boolean populate) {
        int flags = MAP_SHARED | MAP_FIXED | (populate ? MAP_POPULATE : 0);
        add(StubCode.SYS_MMAP, address, length, protection, flags, StubCode.FD_MEMORY + file, offset);
    }

    void unmap(long address, long length) {
        add(StubCode.SYS_MUNMAP, address, length, 0, 0, 0, 0);
    }

    void protect(long address, long length, int protection) {
        add(StubCode.SYS_MPROTECT, address, length, protection, 0, 0, 0);
    }

    /** Sets the FS or GS base where user code can't do so itself. */
    void archPrctl(int code, long value) {
        add(StubCode.SYS_ARCH_PRCTL, code, value, 0, 0, 0, 0);
    }

    private void add(long number, long a, long b, long c, long d, long e, long f) {
        int at = size * FIELDS;
        if (at + FIELDS > fields.length) {
            fields = Arrays.copyOf(fields, fields.length * 2);
        }
        fields[at] = number;
        fields[at + 1] = a;
        fields[at + 2] = b;
        fields[at + 3] = c;
        fields[at + 4] = d;
        fields[at + 5] = e;
        fields[at + 6] = f;
        size++;
    }

    /** Writes operations {@code from} to {@code to} (exclusive) into control memory. */
    void write(ByteBuffer control, int from, int to) {
        for (int i = from; i < to; i++) {
            int at = ControlPage.BATCH + (i - from) * ControlPage.OPERATION_SIZE;
            for (int k = 0; k < FIELDS; k++) {
                control.putLong(at + 8 * k, fields[i * FIELDS + k]);
            }
        }
    }

    /** For error messages. */
    String describe(int i) {
        int at = i * FIELDS;
        int number = (int) fields[at];
        String name = number == StubCode.SYS_MMAP
                ? "mmap"
                : number == StubCode.SYS_MUNMAP
                        ? "munmap"
                        : number == StubCode.SYS_MPROTECT ? "mprotect" : "arch_prctl";
        return name + "(0x" + Long.toHexString(fields[at + 1]) + ", 0x" + Long.toHexString(fields[at + 2]) + ", "
                + fields[at + 3] + ", offset 0x" + Long.toHexString(fields[at + 6]) + ")";
    }
}
