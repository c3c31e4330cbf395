package dev.runinvm.engine.x86;

/** An instruction with a memory operand: segment base + base + index * 2^scale + displacement. */
abstract class MemInsn extends Insn {
    private final byte base;
    private final byte index;
    private final byte scale;
    final byte segment;
    private final long displacement;
    private final long addressMask;

    MemInsn(Decoder d) {
        base = (byte) d.base;
        index = (byte) d.index;
        scale = (byte) d.scale;
        segment = (byte) d.segment;
        displacement = d.displacement;
        addressMask = d.address32 ? 0xffff_ffffL : -1L;
    }

    /** Linear address of the operand. */
    final long linear(CpuState s) {
        return offset(s) + s.base[segment];
    }

    /** Linear address some bytes from the operand: the sum still wraps at the address size. */
    final long linear(CpuState s, long distance) {
        return (offset(s) + distance & addressMask) + s.base[segment];
    }

    /** The effective address: without the segment's base. */
    final long offset(CpuState s) {
        return s.gpr[base] + (s.gpr[index] << scale) + displacement & addressMask;
    }
}
