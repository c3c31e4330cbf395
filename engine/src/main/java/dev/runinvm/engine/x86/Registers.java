package dev.runinvm.engine.x86;

/**
 * General registers by size. A register code is the number 0 to 15; for one byte, 16 to 19 stand for AH, CH, DH and BH.
 */
final class Registers {
    private Registers() {}

    /** The value, sign-extended to 64 bits. */
    static long get(CpuState s, int code, int size) {
        switch (size) {
            case 8:
                return s.gpr[code];
            case 4:
                return (int) s.gpr[code];
            case 2:
                return (short) s.gpr[code];
            default:
                return (byte) (s.gpr[code & 15] >>> (code >> 4 << 3));
        }
    }

    /** Sets the low bytes; 4 bytes clear the upper half, 1 and 2 keep the rest. */
    static void set(CpuState s, int code, int size, long value) {
        switch (size) {
            case 8:
                s.gpr[code] = value;
                break;
            case 4:
                s.gpr[code] = value & 0xffff_ffffL;
                break;
            case 2:
                s.gpr[code] = s.gpr[code] & ~0xffffL | value & 0xffff;
                break;
            default:
                set8(s, code, value);
        }
    }

    static int get8(CpuState s, int code) {
        return (int) (s.gpr[code & 15] >>> (code >> 4 << 3)) & 0xff;
    }

    static void set8(CpuState s, int code, long value) {
        int shift = code >> 4 << 3;
        int r = code & 15;
        s.gpr[r] = s.gpr[r] & ~(0xffL << shift) | (value & 0xff) << shift;
    }

    /** Sign-extends the low bytes. */
    static long extend(long value, int size) {
        switch (size) {
            case 8:
                return value;
            case 4:
                return (int) value;
            case 2:
                return (short) value;
            default:
                return (byte) value;
        }
    }

    /** Mask of the low bytes. */
    static long mask(int size) {
        return -1L >>> 64 - 8 * size;
    }
}
