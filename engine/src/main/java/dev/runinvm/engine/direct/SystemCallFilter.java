package dev.runinvm.engine.direct;

import dev.runinvm.engine.os.Host;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The seccomp filter of a stub process. A system call from anywhere but one of the stub's own four SYSCALL
 * instructions becomes a SIGSYS, whatever its number and architecture, and does nothing. Those four may do exactly
 * what each is for; the ones that change mappings or restore a context must also carry a secret in the unused upper
 * halves of two arguments, so that guest code that jumps to them gains nothing but its end.
 */
final class SystemCallFilter {
    private static final int ALLOW = 0x7fff_0000;
    private static final int TRAP = 0x0003_0000;
    private static final int KILL = 0x8000_0000;
    private static final int AUDIT_ARCH_X86_64 = 0xc000_003e;

    // struct seccomp_data
    private static final int NR = 0;
    private static final int ARCH = 4;
    private static final int IP = 8;
    private static final int ARGS = 16;

    private static final int LD = 0x20; // BPF_LD | BPF_W | BPF_ABS
    private static final int AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
    private static final int JEQ = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    private static final int RET = 0x06;

    private record Instruction(int code, String yes, String no, int k) {}

    private final List<Instruction> program = new ArrayList<>();
    private final Map<String, Integer> labels = new HashMap<>();

    private SystemCallFilter() {}

    /**
     * Writes struct sock_fprog and the program into control memory.
     *
     * @param address of the control memory in the stub
     */
    static void write(ByteBuffer control, long address, StubCode code, int cookieFlags, int cookieFd) {
        SystemCallFilter f = new SystemCallFilter();
        f.build(code, cookieFlags, cookieFd);
        control.putLong(ControlPage.FILTER_HEADER, f.program.size());
        control.putLong(ControlPage.FILTER_HEADER + 8, address + ControlPage.FILTER);
        for (int i = 0; i < f.program.size(); i++) {
            Instruction in = f.program.get(i);
            int at = ControlPage.FILTER + 8 * i;
            control.putShort(at, (short) in.code);
            control.put(at + 2, (byte) f.distance(i, in.yes));
            control.put(at + 3, (byte) f.distance(i, in.no));
            control.putInt(at + 4, in.k);
        }
    }

    private int distance(int from, String label) {
        if (label.isEmpty()) {
            return 0;
        }
        int d = Objects.requireNonNull(labels.get(label), label) - from - 1;
        if (d < 0 || d > 255) {
            throw new IllegalStateException("filter jump out of range: " + label);
        }
        return d;
    }

    private void load(int offset) {
        program.add(new Instruction(LD, "", "", offset));
    }

    /** Goes to {@code yes} or {@code no}; an empty name is the next instruction. */
    private void equal(int value, String yes, String no) {
        program.add(new Instruction(JEQ, yes, no, value));
    }

    private void label(String name) {
        labels.put(name, program.size());
    }

    private void answer(String name, int value) {
        label(name);
        program.add(new Instruction(RET, "", "", value));
    }

    private void build(StubCode code, int cookieFlags, int cookieFd) {
        load(ARCH);
        equal(AUDIT_ARCH_X86_64, "", "trap");
        load(IP + 4);
        equal((int) (code.address("write") >>> 32), "", "trap");
        load(IP);
        equal((int) code.address("write"), "write", "");
        equal((int) code.address("read"), "read", "");
        equal((int) code.address("operation"), "operation", "");
        if (!Host.hasFsGsBase()) {
            equal((int) code.address("getFs"), "getBase", "");
            equal((int) code.address("getGs"), "getBase", "");
        }
        equal((int) code.address("return"), "return", "trap");

        label("write");
        load(NR);
        equal(StubCode.SYS_WRITE, "", "kill");
        load(ARGS);
        equal(StubCode.FD_FROM_STUB, "allow", "kill");

        label("read");
        load(NR);
        equal(StubCode.SYS_READ, "", "kill");
        load(ARGS);
        equal(StubCode.FD_TO_STUB, "allow", "kill");

        label("getBase");
        load(NR);
        equal(StubCode.SYS_ARCH_PRCTL, "", "kill");
        load(ARGS);
        equal(StubCode.ARCH_GET_FS, "allow", "");
        equal(StubCode.ARCH_GET_GS, "allow", "kill");

        label("operation");
        load(NR);
        equal(StubCode.SYS_MUNMAP, "cookie", "");
        equal(StubCode.SYS_MPROTECT, "cookie", "");
        equal(StubCode.SYS_ARCH_PRCTL, "cookie", "");
        equal(StubCode.SYS_MMAP, "", "kill");
        load(ARGS + 8 * 4);
        for (int i = 0; i < StubCode.MEMORY_FILES; i++) {
            equal(StubCode.FD_MEMORY + i, "flags", i + 1 < StubCode.MEMORY_FILES ? "" : "kill");
        }
        label("flags");
        load(ARGS + 8 * 3);
        program.add(new Instruction(AND, "", "", ~Batch.MAP_POPULATE));
        equal(Batch.MAP_SHARED | Batch.MAP_FIXED, "cookie", "kill");

        label("return");
        load(NR);
        equal(StubCode.SYS_RT_SIGRETURN, "cookie", "kill");

        label("cookie");
        load(ARGS + 8 * 3 + 4);
        equal(cookieFlags, "", "kill");
        load(ARGS + 8 * 4 + 4);
        equal(cookieFd, "allow", "kill");

        answer("allow", ALLOW);
        answer("trap", TRAP);
        answer("kill", KILL);
    }
}
