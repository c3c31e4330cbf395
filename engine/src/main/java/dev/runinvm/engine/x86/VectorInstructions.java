package dev.runinvm.engine.x86;

import org.jspecify.annotations.Nullable;

/**
 * The integer moves, logic, additions, shifts and shuffles of SSE2, SSSE3, AVX, AVX2 and, unmasked, AVX-512VL: what the
 * kernel's BLAKE2s and its copies use, and their neighbours. Whatever is not here goes to the vector unit.
 */
final class VectorInstructions {
    private VectorInstructions() {}

    /** The form for a decoded instruction, or null to leave it to the vector unit. */
    static @Nullable Insn of(Decoder d) {
        if (d.vex == 2 && !d.plainEvex()) {
            return null;
        }
        Insn move = move(d);
        if (move != null) {
            return move;
        }
        switch (d.op >> 8) {
            case 1:
                return map0f(d);
            case 2:
                return map38(d);
            default:
                return map3a(d);
        }
    }

    /** Prefix as a number: 0 none, 1 66, 2 F3, 3 F2. */
    private static int prefix(Decoder d) {
        return d.rep == 0xf2 ? 3 : d.rep == 0xf3 ? 2 : d.operand16 ? 1 : 0;
    }

    private static @Nullable Insn move(Decoder d) {
        int p = prefix(d);
        int op = d.op;
        boolean single = d.vex != 0 && d.vectorSource() != 0;
        if (single) {
            return null; // VMOVSS and VMOVSD merge two registers, other moves have no such operand
        }
        boolean longer = d.vex == 2 || d.vexL;
        switch (op) {
            case 0x110:
            case 0x111:
                return p <= 1 ? new Move(d, op == 0x111, false) : null;
            case 0x128:
            case 0x129:
                return p <= 1 ? new Move(d, op == 0x129, true) : null;
            case 0x12b:
                return p <= 1 && !d.isRegister() ? new Move(d, true, true) : null;
            case 0x16f:
            case 0x17f:
                return p == 1 || p == 2 || p == 3 && d.vex == 2 ? new Move(d, op == 0x17f, p == 1) : null;
            case 0x1e7:
                return p == 1 && !d.isRegister() ? new Move(d, true, true) : null;
            case 0x1f0:
                return p == 3 && !d.isRegister() ? new Move(d, false, false) : null;
            case 0x16e:
                return p == 1 && !longer ? new FromGeneral(d) : null;
            case 0x17e:
                return longer ? null : p == 1 ? new ToGeneral(d) : p == 2 ? new LoadQuad(d) : null;
            case 0x1d6:
                return p == 1 && !longer ? new StoreQuad(d) : null;
            case 0x177:
                return d.vex == 1 ? new ZeroUpper(d) : null;
            default:
                return null;
        }
    }

    private static @Nullable Insn map0f(Decoder d) {
        int op = d.op & 0xff;
        int p = prefix(d);
        if (op >= 0x54 && op <= 0x57) {
            VectorOperation logic = p > 1 ? null : logic(op);
            return logic == null ? null : new Binary(d, logic);
        }
        if (op == 0x70) {
            return shuffle(d, p);
        }
        if (p != 1) {
            return null;
        }
        if (op >= 0x71 && op <= 0x73) {
            return shiftImmediate(d, op);
        }
        boolean toMask = d.vex == 2 && op >= 0x74 && op <= 0x76;
        VectorOperation operation = toMask ? null : operation(op);
        return operation == null ? null : new Binary(d, operation);
    }

    private static @Nullable VectorOperation logic(int op) {
        switch (op) {
            case 0x54:
            case 0xdb:
                return VectorOperation.quads((a, b) -> a & b);
            case 0x55:
            case 0xdf:
                return VectorOperation.quads((a, b) -> ~a & b);
            case 0x56:
            case 0xeb:
                return VectorOperation.quads((a, b) -> a | b);
            case 0x57:
            case 0xef:
                return VectorOperation.quads((a, b) -> a ^ b);
            default:
                return null;
        }
    }

    private static @Nullable VectorOperation operation(int op) {
        switch (op) {
            case 0x60:
                return VectorOperation.interleave(8, false);
            case 0x61:
                return VectorOperation.interleave(16, false);
            case 0x62:
                return VectorOperation.interleave(32, false);
            case 0x6c:
                return VectorOperation.interleave(64, false);
            case 0x68:
                return VectorOperation.interleave(8, true);
            case 0x69:
                return VectorOperation.interleave(16, true);
            case 0x6a:
                return VectorOperation.interleave(32, true);
            case 0x6d:
                return VectorOperation.interleave(64, true);
            case 0x74:
                return VectorOperation.elements(8, (a, b) -> a == b ? -1 : 0);
            case 0x75:
                return VectorOperation.elements(16, (a, b) -> a == b ? -1 : 0);
            case 0x76:
                return VectorOperation.elements(32, (a, b) -> a == b ? -1 : 0);
            case 0xd4:
                return VectorOperation.quads(Long::sum);
            case 0xfb:
                return VectorOperation.quads((a, b) -> a - b);
            case 0xf4:
                return VectorOperation.quads((a, b) -> (a & 0xffff_ffffL) * (b & 0xffff_ffffL));
            default:
                return op >= 0xf8 ? addSubtract(op) : logic(op);
        }
    }

    private static @Nullable VectorOperation addSubtract(int op) {
        switch (op) {
            case 0xf8:
                return VectorOperation.elements(8, (a, b) -> a - b);
            case 0xf9:
                return VectorOperation.elements(16, (a, b) -> a - b);
            case 0xfa:
                return VectorOperation.elements(32, (a, b) -> a - b);
            case 0xfc:
                return VectorOperation.elements(8, Long::sum);
            case 0xfd:
                return VectorOperation.elements(16, Long::sum);
            case 0xfe:
                return VectorOperation.elements(32, Long::sum);
            default:
                return null;
        }
    }

    /** 0F 70: VEX.vvvv must not name a register. */
    private static @Nullable Insn shuffle(Decoder d, int p) {
        int order = (int) d.immediate & 0xff;
        if (p == 0 || d.vex != 0 && d.vectorSource() != 0) {
            return null;
        }
        return new Binary(
                d, p == 1 ? VectorOperation.shuffleDoublewords(order) : VectorOperation.shuffleWords(order, p == 2));
    }

    /** 0F 71 to 73: the target is the operand VEX.vvvv names, or ModRM.rm itself. */
    private static @Nullable Insn shiftImmediate(Decoder d, int op) {
        int count = (int) d.immediate & 0xff;
        int bits = 8 << op - 0x70;
        VectorOperation operation = null;
        switch (d.group()) {
            case 0:
            case 1:
                operation = d.vex == 2 && op == 0x72 ? rotate(d, count, d.group() == 1) : null;
                break;
            case 2:
                operation = VectorOperation.elements(bits, (a, b) -> count >= bits ? 0 : b >>> count);
                break;
            case 4:
                operation = bits == 64 || d.vex == 2 && (d.rex & 8) != 0
                        ? null
                        : VectorOperation.elements(
                                bits, (a, b) -> b << 64 - bits >> 64 - bits >> Math.min(count, bits - 1));
                break;
            case 6:
                operation = VectorOperation.elements(bits, (a, b) -> count >= bits ? 0 : b << count);
                break;
            case 3:
            case 7:
                operation = bits == 64 ? VectorOperation.shiftBytes(count, d.group() == 7) : null;
                break;
            default:
                break;
        }
        boolean memory = !d.isRegister() && d.vex != 2;
        return operation == null || memory ? null : new ShiftImmediate(d, operation);
    }

    private static VectorOperation rotate(Decoder d, int count, boolean left) {
        int bits = (d.rex & 8) != 0 ? 64 : 32;
        int n = (left ? count : -count) & bits - 1;
        return VectorOperation.elements(bits, (a, b) -> n == 0 ? b : b << n | b >>> bits - n);
    }

    private static @Nullable Insn map38(Decoder d) {
        if (prefix(d) != 1) {
            return null;
        }
        switch (d.op & 0xff) {
            case 0x00:
                return new Binary(d, VectorOperation.shuffleBytes());
            case 0x76:
                return d.vex == 2 && (d.rex & 8) == 0 ? new Permute2(d) : null;
            default:
                return null;
        }
    }

    private static @Nullable Insn map3a(Decoder d) {
        if (prefix(d) != 1) {
            return null;
        }
        switch (d.op & 0xff) {
            case 0x0f:
                return new Binary(d, VectorOperation.align((int) d.immediate & 0xff));
            case 0x19:
            case 0x39:
                return d.vex == 1 && d.vexL && (d.rex & 8) == 0 && d.vectorSource() == 0 ? new ExtractLane(d) : null;
            default:
                return null;
        }
    }

    /** What all have in common: may it execute, how long are the operands, where is the ModRM operand. */
    private abstract static class Simd extends MemInsn {
        private static final int MEMORY = -1;

        final int quads;
        final int target;
        private final VectorForm.Kind kind;
        private final int operand;
        /** A misaligned memory operand is #GP: legacy SSE, except for its unaligned moves. */
        private final boolean aligned;

        Simd(Decoder d, boolean aligned) {
            super(VectorForm.scaled(d));
            kind = d.vex == 0 ? VectorForm.Kind.SSE : d.vex == 1 ? VectorForm.Kind.AVX : VectorForm.Kind.AVX512;
            quads = d.vectorQuads();
            target = d.vectorTarget();
            operand = d.isRegister() ? d.vectorOperand() : MEMORY;
            this.aligned = aligned;
        }

        final boolean legacy() {
            return kind == VectorForm.Kind.SSE;
        }

        final boolean inMemory() {
            return operand == MEMORY;
        }

        final int operand() {
            return operand;
        }

        @Override
        final boolean exec(Cpu cpu) {
            kind.check(cpu.s);
            run(cpu);
            return true;
        }

        abstract void run(Cpu cpu);

        final long address(Cpu cpu, int bytes) {
            long at = linear(cpu.s);
            if (aligned && (at & bytes - 1) != 0) {
                throw CpuException.of(CpuException.GP, 0);
            }
            return at;
        }

        final void load(Cpu cpu, long[] to) {
            if (operand != MEMORY) {
                VectorRegisters.get(cpu, operand, to, quads);
                return;
            }
            long at = address(cpu, quads * 8);
            for (int q = 0; q < quads; q++) {
                to[q] = cpu.mmu.read64(at + 8L * q);
            }
        }

        final void store(Cpu cpu, long[] from, int count) {
            long at = address(cpu, count * 8);
            cpu.mmu.probe(at, count * 8, true); // all or nothing
            for (int q = 0; q < count; q++) {
                cpu.mmu.write64(at + 8L * q, from[q]);
            }
        }
    }

    /** MOVUPS, MOVAPS, MOVDQU, MOVDQA and their like. */
    private static final class Move extends Simd {
        private final boolean toOperand;

        Move(Decoder d, boolean toOperand, boolean aligned) {
            super(d, aligned);
            this.toOperand = toOperand;
        }

        @Override
        void run(Cpu cpu) {
            long[] v = new long[quads];
            if (!toOperand) {
                load(cpu, v);
                VectorRegisters.put(cpu, target, v, quads, legacy());
                return;
            }
            VectorRegisters.get(cpu, target, v, quads);
            if (inMemory()) {
                store(cpu, v, quads);
            } else {
                VectorRegisters.put(cpu, operand(), v, quads, legacy());
            }
        }
    }

    /** MOVD and MOVQ to a vector register. */
    private static final class FromGeneral extends Simd {
        private final int size;
        private final int general;

        FromGeneral(Decoder d) {
            super(d, false);
            size = d.size == 8 ? 8 : 4;
            general = d.rm;
        }

        @Override
        void run(Cpu cpu) {
            long value = inMemory() ? RmInsn.load(cpu.mmu, linear(cpu.s), size) : Registers.get(cpu.s, general, size);
            VectorRegisters.put(cpu, target, new long[] {value & Registers.mask(size), 0}, 2, legacy());
        }
    }

    /** MOVD and MOVQ from a vector register. */
    private static final class ToGeneral extends Simd {
        private final int size;
        private final int general;

        ToGeneral(Decoder d) {
            super(d, false);
            size = d.size == 8 ? 8 : 4;
            general = d.rm;
        }

        @Override
        void run(Cpu cpu) {
            long value = VectorRegisters.get(cpu, target, 0);
            if (inMemory()) {
                RmInsn.store(cpu.mmu, linear(cpu.s), size, value);
            } else {
                Registers.set(cpu.s, general, size, value);
            }
        }
    }

    /** MOVQ xmm, xmm/m64. */
    private static final class LoadQuad extends Simd {
        LoadQuad(Decoder d) {
            super(d, false);
        }

        @Override
        void run(Cpu cpu) {
            long value = inMemory() ? cpu.mmu.read64(linear(cpu.s)) : VectorRegisters.get(cpu, operand(), 0);
            VectorRegisters.put(cpu, target, new long[] {value, 0}, 2, legacy());
        }
    }

    /** MOVQ xmm/m64, xmm. */
    private static final class StoreQuad extends Simd {
        StoreQuad(Decoder d) {
            super(d, false);
        }

        @Override
        void run(Cpu cpu) {
            long value = VectorRegisters.get(cpu, target, 0);
            if (inMemory()) {
                cpu.mmu.write64(linear(cpu.s), value);
            } else {
                VectorRegisters.put(cpu, operand(), new long[] {value, 0}, 2, legacy());
            }
        }
    }

    /** VZEROUPPER, and VZEROALL with VEX.L. */
    private static final class ZeroUpper extends Simd {
        private final int kept;

        ZeroUpper(Decoder d) {
            super(d, false);
            kept = d.vexL ? 0 : 2;
        }

        @Override
        void run(Cpu cpu) {
            for (int n = 0; n < 16; n++) {
                VectorRegisters.clearFrom(cpu, n, kept);
            }
        }
    }

    /** Target = first op second; the first is the target in legacy coding, VEX.vvvv otherwise. */
    private static final class Binary extends Simd {
        private final int first;
        private final VectorOperation operation;

        Binary(Decoder d, VectorOperation operation) {
            super(d, d.vex == 0);
            this.first = d.vex == 0 ? target : d.vectorSource();
            this.operation = operation;
        }

        @Override
        void run(Cpu cpu) {
            long[] b = new long[quads];
            load(cpu, b);
            long[] a = new long[quads];
            VectorRegisters.get(cpu, first, a, quads);
            for (int q = 0; q < quads; q += 2) {
                operation.lane(a, b, q, a);
            }
            VectorRegisters.put(cpu, target, a, quads, legacy());
        }
    }

    private static final class ShiftImmediate extends Simd {
        private final int result;
        private final VectorOperation operation;

        ShiftImmediate(Decoder d, VectorOperation operation) {
            super(d, false);
            this.result = d.vex == 0 ? operand() : d.vectorSource();
            this.operation = operation;
        }

        @Override
        void run(Cpu cpu) {
            long[] v = new long[quads];
            load(cpu, v);
            for (int q = 0; q < quads; q += 2) {
                operation.lane(v, v, q, v);
            }
            VectorRegisters.put(cpu, result, v, quads, legacy());
        }
    }

    /** VPERMI2D: the target holds the indices into two tables and becomes the result. */
    private static final class Permute2 extends Simd {
        private final int first;

        Permute2(Decoder d) {
            super(d, false);
            first = d.vectorSource();
        }

        @Override
        void run(Cpu cpu) {
            int elements = quads * 2;
            long[] index = new long[quads];
            long[] a = new long[quads];
            long[] b = new long[quads];
            VectorRegisters.get(cpu, target, index, quads);
            VectorRegisters.get(cpu, first, a, quads);
            load(cpu, b);
            long[] r = new long[quads];
            for (int n = 0; n < elements; n++) {
                int from = (int) (index[n >> 1] >>> 32 * (n & 1));
                long[] table = (from & elements) == 0 ? a : b;
                int k = from & elements - 1;
                r[n >> 1] |= (table[k >> 1] >>> 32 * (k & 1) & 0xffff_ffffL) << 32 * (n & 1);
            }
            VectorRegisters.put(cpu, target, r, quads, false);
        }
    }

    /** VEXTRACTI128 and VEXTRACTF128. */
    private static final class ExtractLane extends Simd {
        private final int lane;

        ExtractLane(Decoder d) {
            super(d, false);
            lane = (int) d.immediate & 1;
        }

        @Override
        void run(Cpu cpu) {
            long[] v = {VectorRegisters.get(cpu, target, 2 * lane), VectorRegisters.get(cpu, target, 2 * lane + 1)};
            if (inMemory()) {
                store(cpu, v, 2);
            } else {
                VectorRegisters.put(cpu, operand(), v, 2, false);
            }
        }
    }
}
