package dev.runinvm.engine.direct;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.x86.Cpu;
import dev.runinvm.engine.x86.CpuException;
import dev.runinvm.engine.x86.CpuState;
import dev.runinvm.engine.x86.VectorInsn;
import dev.runinvm.engine.x86.VectorUnit;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Executes vector and floating-point instructions of ring 0 on the host's CPU: what its memory operand points to is
 * copied to a page of a jailed process, the operand is re-encoded to point there, and what changed is copied back.
 *
 * <p>The operand keeps its offset in the page, so alignment checks and accesses across the page's end behave as in the
 * guest. Whether an instruction writes is learned from the fault it takes on a read-only view.
 */
final class NativeVectorUnit implements VectorUnit, AutoCloseable {
    private static final int PAGE = 4096;
    /** The longest operand: 108 bytes of FSAVE; and for an unaligned start. */
    private static final int WINDOW = 128;

    private static final int VSIB_OR_SIB = 4;

    private @Nullable InstructionRunner runner;
    private final byte[] before = new byte[WINDOW];
    private final byte[] after = new byte[WINDOW];
    /** Instructions known to write their memory operand: prefixes and opcode, ModR/M's register field. */
    private final Set<String> writers = new HashSet<>();

    @Override
    public void execute(Cpu cpu, VectorInsn insn) {
        InstructionRunner r = runner;
        if (r == null) {
            r = new InstructionRunner();
            runner = r;
        }
        if (insn.hasMemory()) {
            executeWithMemory(cpu, insn, r);
        } else {
            finish(r, run(cpu.s, r, insn.bytes()), insn);
        }
    }

    private static InstructionRunner.End run(CpuState s, InstructionRunner r, byte[] code) {
        long flags = s.rflags();
        s.setRflags(flags & ~(CpuState.FLAG_TF | CpuState.FLAG_AC));
        try {
            return r.run(s, code);
        } finally {
            long kept = CpuState.FLAG_TF | CpuState.FLAG_AC;
            s.setRflags(s.rflags() & ~kept | flags & kept);
        }
    }

    private void executeWithMemory(Cpu cpu, VectorInsn insn, InstructionRunner r) {
        byte[] bytes = insn.bytes();
        int modrm = insn.modrmOffset();
        long linear = insn.linearAddress(cpu);
        int offset = (int) linear & PAGE - 1;
        String key = HexFormat.of().formatHex(bytes, 0, modrm) + (bytes[modrm] >> 3 & 7);
        boolean writes = writers.contains(key);
        boolean crosses = false;
        while (true) {
            int length = Math.min(WINDOW, crosses ? 2 * PAGE - offset : PAGE - offset);
            if (writes) {
                cpu.mmu.probe(linear, length, true);
            }
            cpu.mmu.read(linear, before, 0, length);
            ByteBuffer scratch = r.scratch();
            scratch.put(offset, before, 0, length);
            long view = writes
                    ? crosses ? InstructionRunner.WRITABLE : InstructionRunner.WRITABLE_ONE
                    : crosses ? InstructionRunner.READ_ONLY : InstructionRunner.READ_ONLY_ONE;
            byte[] code = relocate(bytes, modrm, view + offset);
            InstructionRunner.End end = run(cpu.s, r, code);
            if (end == InstructionRunner.End.FAULTED && r.vector() == CpuException.PF) {
                boolean beyond = r.address() >= view + PAGE;
                if (beyond && !crosses) {
                    crosses = true;
                    continue;
                }
                if ((r.errorCode() & 2) != 0 && !writes) {
                    writes = true;
                    writers.add(key);
                    continue;
                }
            }
            if (writes && end == InstructionRunner.End.COMPLETED) {
                writeBack(cpu, linear, scratch, offset, length);
            }
            finish(r, end, insn);
            return;
        }
    }

    private void writeBack(Cpu cpu, long linear, ByteBuffer scratch, int offset, int length) {
        scratch.get(offset, after, 0, length);
        int first = 0;
        while (first < length && before[first] == after[first]) {
            first++;
        }
        int end = length;
        while (end > first && before[end - 1] == after[end - 1]) {
            end--;
        }
        if (first < end) {
            cpu.mmu.write(linear + first, after, first, end - first);
        }
    }

    private static void finish(InstructionRunner r, InstructionRunner.End end, VectorInsn insn) {
        if (end == InstructionRunner.End.COMPLETED) {
            return;
        }
        if (end == InstructionRunner.End.FAULTED) {
            switch (r.vector()) {
                case CpuException.UD, CpuException.MF, CpuException.XM -> throw CpuException.of(r.vector());
                case CpuException.GP -> throw CpuException.of(CpuException.GP, 0);
                case CpuException.AC -> throw CpuException.of(CpuException.AC, 0);
                default -> {
                    // an EngineBug below
                }
            }
        }
        throw new EngineBug("vector instruction " + HexFormat.ofDelimiter(" ").formatHex(insn.bytes()) + " ended with "
                + end + ": " + r);
    }

    /**
     * Encodes an instruction anew with a RIP-relative operand (SDM vol. 2, 2.2.1.6), in which base and index registers
     * play no part, and without prefixes that change the address.
     */
    private static byte[] relocate(byte[] bytes, int modrm, long target) {
        int mod = bytes[modrm] >> 6 & 3;
        int rm = bytes[modrm] & 7;
        int operand = 1;
        boolean displacement32 = mod == 2;
        if (rm == VSIB_OR_SIB) {
            operand++;
            displacement32 |= mod == 0 && (bytes[modrm + 1] & 7) == 5;
        } else {
            displacement32 |= mod == 0 && rm == 5;
        }
        operand += displacement32 ? 4 : mod == 1 ? 1 : 0;
        int prefixes = 0;
        byte[] code = new byte[bytes.length + 6];
        int n = 0;
        while (prefixes < modrm && isLegacyPrefix(bytes[prefixes])) {
            if (!changesAddress(bytes[prefixes])) {
                code[n++] = bytes[prefixes];
            }
            prefixes++;
        }
        while (prefixes < modrm) {
            code[n++] = bytes[prefixes++];
        }
        code[n++] = (byte) (bytes[modrm] & 0x38 | 5);
        int displacementAt = n;
        n += 4;
        for (int i = modrm + operand; i < bytes.length; i++) {
            code[n++] = bytes[i];
        }
        int displacement = (int) (target - (InstructionRunner.CODE + InstructionRunner.CODE_OFFSET + n));
        for (int i = 0; i < 4; i++) {
            code[displacementAt + i] = (byte) (displacement >> 8 * i);
        }
        return java.util.Arrays.copyOf(code, n);
    }

    private static boolean isLegacyPrefix(byte b) {
        return changesAddress(b) || b == 0x66 || b == (byte) 0xf2 || b == (byte) 0xf3 || b == (byte) 0xf0;
    }

    private static boolean changesAddress(byte b) {
        return b == 0x26 || b == 0x2e || b == 0x36 || b == 0x3e || b == 0x64 || b == 0x65 || b == 0x67;
    }

    @Override
    public void close() {
        if (runner != null) {
            runner.close();
            runner = null;
        }
    }
}
