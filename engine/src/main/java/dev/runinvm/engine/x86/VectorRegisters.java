package dev.runinvm.engine.x86;

import java.nio.ByteBuffer;

/**
 * The vector registers 0 to 31 in {@link CpuState#xstate}, by quadwords: XMM, the upper halves of YMM and ZMM, and the
 * upper sixteen lie in different components (SDM vol. 1, 13.5). A component whose XSTATE_BV bit is clear reads as zero.
 */
final class VectorRegisters {
    private static final int XSTATE_BV = 512;
    private static final int XMM0 = 160;
    private static final int XMM_END = 416;

    private static final int SSE = 1;
    private static final int AVX = 2;
    private static final int ZMM_HI256 = 6;
    private static final int HI16_ZMM = 7;

    private VectorRegisters() {}

    /** The component that holds a quadword of a register. */
    private static int component(int register, int quad) {
        return register >= 16 ? HI16_ZMM : quad < 2 ? SSE : quad < 4 ? AVX : ZMM_HI256;
    }

    private static int offset(Cpu cpu, int component, int register, int quad) {
        switch (component) {
            case SSE:
                return XMM0 + register * 16 + quad * 8;
            case AVX:
                return cpu.cpuid.componentOffset(AVX) + register * 16 + (quad - 2) * 8;
            case ZMM_HI256:
                return cpu.cpuid.componentOffset(ZMM_HI256) + register * 32 + (quad - 4) * 8;
            default:
                return cpu.cpuid.componentOffset(HI16_ZMM) + (register - 16) * 64 + quad * 8;
        }
    }

    static long get(Cpu cpu, int register, int quad) {
        int component = component(register, quad);
        ByteBuffer x = cpu.s.xstate;
        return (x.getLong(XSTATE_BV) >>> component & 1) == 0 ? 0 : x.getLong(offset(cpu, component, register, quad));
    }

    static void put(Cpu cpu, int register, int quad, long value) {
        int component = component(register, quad);
        ByteBuffer x = cpu.s.xstate;
        long inUse = x.getLong(XSTATE_BV);
        if ((inUse >>> component & 1) == 0) {
            if (value == 0) {
                return;
            }
            clear(cpu, component);
            x.putLong(XSTATE_BV, inUse | 1L << component);
        }
        x.putLong(offset(cpu, component, register, quad), value);
    }

    private static void clear(Cpu cpu, int component) {
        int from = component == SSE ? XMM0 : cpu.cpuid.componentOffset(component);
        int to = component == SSE ? XMM_END : from + cpu.cpuid.componentSize(component);
        for (int i = from; i < to; i += 8) {
            cpu.s.xstate.putLong(i, 0);
        }
    }

    /** Reads the low quadwords into an array. */
    static void get(Cpu cpu, int register, long[] target, int quads) {
        for (int q = 0; q < quads; q++) {
            target[q] = get(cpu, register, q);
        }
    }

    /** Writes the low quadwords, and zero above them unless {@code keepUpper}. */
    static void put(Cpu cpu, int register, long[] source, int quads, boolean keepUpper) {
        for (int q = 0; q < quads; q++) {
            put(cpu, register, q, source[q]);
        }
        if (!keepUpper) {
            clearFrom(cpu, register, quads);
        }
    }

    /** Zeroes what lies above some quadwords. */
    static void clearFrom(Cpu cpu, int register, int quads) {
        int all = (cpu.s.xcr0 >>> ZMM_HI256 & 1) != 0 ? 8 : 4;
        for (int q = quads; q < all; q++) {
            put(cpu, register, q, 0);
        }
    }
}
