package dev.runinvm.engine.x86;

/**
 * By how much the one-byte displacement of an EVEX instruction counts: by the bytes of its memory operand, which the tuple
 * type of the instruction says (SDM vol. 2, 2.7.5, and the tables of each instruction).
 */
final class EvexDisplacement {
    /** A full vector, or one element that is broadcast. */
    private static final int FULL = 0;
    /** Half a vector, or one element that is broadcast. */
    private static final int HALF = -1;

    private EvexDisplacement() {}

    /**
     * The factor.
     *
     * @param third the third byte of the prefix's payload
     */
    static int factor(Decoder d, int third) {
        boolean wide = (d.rex & 8) != 0;
        int element = wide ? 8 : 4;
        int vector = 16 << (third >> 5 & 3);
        int p = d.rep == 0xf2 ? 3 : d.rep == 0xf3 ? 2 : d.operand16 ? 1 : 0;
        int fixed = switch (d.op >> 8) {
            case 1 -> map0f(d.op & 0xff, p, element, vector);
            case 2 -> map38(d.op & 0xff, p, wide, vector);
            default -> map3a(d.op & 0xff, element, vector);
        };
        if (fixed > 0) {
            return fixed;
        }
        boolean broadcast = (third & 0x10) != 0;
        return broadcast ? element : fixed == HALF ? vector / 2 : vector;
    }

    private static int map0f(int op, int p, int element, int vector) {
        boolean scalar = p >= 2;
        int single = p == 2 ? 4 : 8;
        return switch (op) {
            case 0x10, 0x11 -> scalar ? single : FULL;
            case 0x12 -> p == 2 ? FULL : p == 3 ? vector == 16 ? 8 : vector : 8;
            case 0x13, 0x17 -> 8;
            case 0x16 -> p == 2 ? FULL : 8;
            case 0x2a, 0x6e -> element;
            case 0x2c, 0x2d -> single;
            case 0x2e, 0x2f -> p == 1 ? 8 : 4;
            case 0x51, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f, 0xc2 -> scalar ? single : FULL;
            case 0x5a -> scalar ? single : p == 0 && element == 4 ? HALF : FULL;
            case 0x78, 0x79 -> scalar ? single : p == 1 && element == 4 ? HALF : FULL;
            case 0x7a -> element == 4 && p <= 2 ? HALF : FULL;
            case 0x7b -> scalar ? element : element == 4 ? HALF : FULL;
            case 0x7e -> p == 2 ? 8 : element;
            case 0xe6 -> p == 2 && element == 4 ? HALF : FULL;
            case 0xd6 -> 8;
            case 0xc4 -> 2;
            case 0xd1, 0xd2, 0xd3, 0xe1, 0xe2, 0xf1, 0xf2, 0xf3 -> 16;
            default -> FULL;
        };
    }

    private static int map38(int op, int p, boolean wide, int vector) {
        int element = wide ? 8 : 4;
        boolean widens = p == 1 && (op >= 0x20 && op <= 0x25 || op >= 0x30 && op <= 0x35);
        boolean narrows = p == 2 && op >= 0x10 && op <= 0x35 && (op & 0xf) <= 5;
        if (widens || narrows) {
            return switch (op & 0xf) {
                case 2 -> vector / 8;
                case 1, 4 -> vector / 4;
                default -> vector / 2;
            };
        }
        boolean scalarFma = op >= 0x99 && op <= 0xbf && (op & 1) == 1 && (op & 0xf) >= 9;
        return switch (op) {
            case 0x18, 0x58 -> 4;
            case 0x19, 0x59 -> 8;
            case 0x1a, 0x5a -> 16;
            case 0x1b, 0x5b -> 32;
            case 0x78 -> 1;
            case 0x79 -> 2;
            case 0x13 -> vector / 2;
            case 0x2d, 0x43, 0x4d, 0x4f, 0xcb, 0xcd, 0x88, 0x89, 0x8a, 0x8b -> element;
            case 0x62, 0x63 -> wide ? 2 : 1;
            case 0x90, 0x91, 0x92, 0x93, 0xa0, 0xa1, 0xa2, 0xa3 -> element;
            default -> scalarFma ? element : FULL;
        };
    }

    private static int map3a(int op, int element, int vector) {
        return switch (op) {
            case 0x18, 0x19, 0x38, 0x39 -> 16;
            case 0x1a, 0x1b, 0x3a, 0x3b -> 32;
            case 0x14, 0x20 -> 1;
            case 0x15 -> 2;
            case 0x16, 0x22 -> element;
            case 0x17, 0x21 -> 4;
            case 0x1d -> vector / 2;
            case 0x0a, 0x0b, 0x27, 0x51, 0x55, 0x57, 0x67 -> element;
            default -> FULL;
        };
    }
}
