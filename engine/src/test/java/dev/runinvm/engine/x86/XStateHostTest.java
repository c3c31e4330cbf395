package dev.runinvm.engine.x86;

import dev.runinvm.engine.direct.DirectExecution;
import dev.runinvm.engine.direct.HostCpu;
import dev.runinvm.engine.direct.InstructionRunner;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import static dev.runinvm.engine.x86.TestMachine.KERNEL;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** The instructions of {@link XStateInstructions} against the CPU this runs on, with random states and areas. */
class XStateHostTest {
    private static final int MXCSR = 24;
    private static final int MXCSR_MASK = 28;
    private static final int XSTATE_BV = 512;
    private static final int AREA = 0x20_0000;
    private static final int AREA_SIZE = 4096;

    private static HostCpu host;

    private final Random random = new Random(20);

    @BeforeAll
    static void processes() {
        Assumptions.assumeTrue(DirectExecution.check().isEmpty(), "guest code can run directly here");
        host = HostCpu.probe();
    }

    /** One instruction: its bytes with RBX as the memory operand's base, and the same in ours. */
    private record Subject(String name, byte[] code, Ours ours) {
        Subject(String name, int[] code, Ours ours) {
            this(name, toBytes(code), ours);
        }

        private static byte[] toBytes(int[] code) {
            byte[] bytes = new byte[code.length];
            for (int i = 0; i < code.length; i++) {
                bytes[i] = (byte) code[i];
            }
            return bytes;
        }
    }

    private interface Ours {
        void run(Cpu cpu, long at);
    }

    private static final Subject[] SUBJECTS = {
        new Subject("xsave64", new int[] {0x48, 0x0f, 0xae, 0x23}, (c, at) -> XStateInstructions.xsave(c, at, true)),
        new Subject("xsave", new int[] {0x0f, 0xae, 0x23}, (c, at) -> XStateInstructions.xsave(c, at, false)),
        new Subject(
                "xsaveopt64", new int[] {0x48, 0x0f, 0xae, 0x33}, (c, at) -> XStateInstructions.xsaveopt(c, at, true)),
        new Subject("xrstor64", new int[] {0x48, 0x0f, 0xae, 0x2b}, (c, at) -> XStateInstructions.xrstor(c, at, true)),
        new Subject("xrstor", new int[] {0x0f, 0xae, 0x2b}, (c, at) -> XStateInstructions.xrstor(c, at, false)),
        new Subject("fxsave64", new int[] {0x48, 0x0f, 0xae, 0x03}, (c, at) -> XStateInstructions.fxsave(c, at, true)),
        new Subject("fxsave", new int[] {0x0f, 0xae, 0x03}, (c, at) -> XStateInstructions.fxsave(c, at, false)),
        new Subject(
                "fxrstor64", new int[] {0x48, 0x0f, 0xae, 0x0b}, (c, at) -> XStateInstructions.fxrstor(c, at, true)),
        new Subject("fxrstor", new int[] {0x0f, 0xae, 0x0b}, (c, at) -> XStateInstructions.fxrstor(c, at, false)),
        new Subject("fninit", new int[] {0xdb, 0xe3}, (c, at) -> XStateInstructions.fninit(c)),
        new Subject("fnclex", new int[] {0xdb, 0xe2}, (c, at) -> XStateInstructions.fnclex(c)),
        new Subject("fwait", new int[] {0x9b}, (c, at) -> XStateInstructions.fwait(c)),
        new Subject("fnstcw", new int[] {0xd9, 0x3b}, (c, at) -> c.mmu.write16(at, XStateInstructions.fnstcw(c))),
        new Subject("fnstsw", new int[] {0xdd, 0x3b}, (c, at) -> c.mmu.write16(at, XStateInstructions.fnstsw(c))),
        new Subject("fldcw", new int[] {0xd9, 0x2b}, (c, at) -> XStateInstructions.fldcw(c, (int) c.mmu.read16(at))),
        new Subject("emms", new int[] {0x0f, 0x77}, (c, at) -> XStateInstructions.emms(c)),
        new Subject(
                "stmxcsr", new int[] {0x0f, 0xae, 0x1b}, (c, at) -> c.mmu.write32(at, XStateInstructions.stmxcsr(c))),
        new Subject(
                "ldmxcsr",
                new int[] {0x0f, 0xae, 0x13},
                (c, at) -> XStateInstructions.ldmxcsr(c, (int) c.mmu.read32(at))),
    };

    @Test
    void everyInstructionDoesWhatTheHostsDoes() {
        try (TestMachine m = new TestMachine(host, host.xcr0());
                InstructionRunner runner = new InstructionRunner()) {
            m.s.xcr0 = m.cpu.cpuid.xcr0Supported();
            m.s.cr0 |= 1 << 5;
            for (Subject subject : SUBJECTS) {
                for (int n = 0; n < 60; n++) {
                    compare(m, runner, subject, n);
                }
            }
        }
    }

    private void compare(TestMachine m, InstructionRunner runner, Subject subject, int n) {
        String where = subject.name + " " + n;
        CpuState s = m.s;
        ByteBuffer state = area(m);
        if (random.nextInt(4) != 0) {
            state.putShort(2, (short) (state.getShort(2) & 0x7f40)); // no exception flagged
        }
        put(s.xstate, state);
        ByteBuffer memory = area(m);
        if (random.nextInt(8) == 0) {
            spoil(memory);
        }
        memory.put(464, (byte) random.nextInt());
        int misaligned = random.nextInt(12) == 0 ? 16 : 0;
        long mask = random.nextBoolean() ? -1 : random.nextLong();

        CpuState hosts = new CpuState();
        hosts.xstate = ByteBuffer.allocate(8192).order(ByteOrder.LITTLE_ENDIAN);
        put(hosts.xstate, state);
        for (CpuState both : new CpuState[] {s, hosts}) {
            both.gpr[CpuState.RAX] = mask & 0xffff_ffffL;
            both.gpr[CpuState.RDX] = mask >>> 32;
        }
        hosts.gpr[CpuState.RBX] = InstructionRunner.WRITABLE + misaligned;
        for (int i = 0; i < AREA_SIZE; i++) {
            runner.scratch().put(i + misaligned, memory.get(i));
            m.memory.putByte(AREA + misaligned + i, memory.get(i));
        }

        InstructionRunner.End end = runner.run(hosts, subject.code);
        int vector = -1;
        try {
            subject.ours.run(m.cpu, KERNEL + AREA + misaligned);
        } catch (CpuException e) {
            vector = e.vector();
        }
        assertEquals(end == InstructionRunner.End.COMPLETED ? -1 : runner.vector(), vector, where + ": exception");
        if (vector >= 0) {
            return;
        }
        for (int i = 0; i < m.cpu.cpuid.xsaveSize(s.xcr0); i++) {
            if (i >= MXCSR_MASK && i < MXCSR_MASK + 4 || isReserved(i)) {
                continue;
            }
            assertEquals(
                    runner.scratch().get(i + misaligned),
                    m.memory.getByte(AREA + misaligned + i),
                    where + ": memory at " + i + ", XSTATE_BV was " + memory.getLong(XSTATE_BV) + ", state's "
                            + state.getLong(XSTATE_BV) + ", mask " + Long.toHexString(mask));
        }
        compareStates(m, hosts.xstate, where);
    }

    /** Bytes that FXSAVE leaves to software or that hold nothing: some CPUs write zeroes there. */
    private static boolean isReserved(int i) {
        boolean inRegister = i >= 32 && i < 160 && (i & 15) >= 10;
        return inRegister || i == 5 || i >= 416 && i < 464;
    }

    private void compareStates(TestMachine m, ByteBuffer hosts, String where) {
        ByteBuffer ours = m.s.xstate;
        assertEquals(hosts.getInt(MXCSR), ours.getInt(MXCSR), where + ": MXCSR");
        for (int component = 0; component < 8; component++) {
            if ((m.s.xcr0 >>> component & 1) == 0) {
                continue;
            }
            int from = component == 0 ? 0 : component == 1 ? 160 : m.cpu.cpuid.componentOffset(component);
            int to = component == 0 ? 160 : component == 1 ? 416 : from + m.cpu.cpuid.componentSize(component);
            for (int i = from; i < to; i++) {
                if (i >= MXCSR && i < MXCSR + 8 || isReserved(i)) {
                    continue;
                }
                assertEquals(value(m, hosts, component, i), value(m, ours, component, i), where + ": state at " + i);
            }
        }
    }

    private static byte value(TestMachine m, ByteBuffer area, int component, int i) {
        boolean pointer = i >= 6 && i < 24;
        if (pointer && !m.cpu.cpuid.intel() && (area.getShort(2) & 0x80) == 0) {
            return 0; // AMD gives them only while an exception is pending, and our way to its state saves it
        }
        if ((area.getLong(XSTATE_BV) >>> component & 1) != 0) {
            return area.get(i);
        }
        return (byte) (i == 0 ? 0x7f : i == 1 ? 0x03 : 0);
    }

    private static void put(ByteBuffer to, ByteBuffer from) {
        for (int i = 0; i < AREA_SIZE && i < to.capacity(); i++) {
            to.put(i, from.get(i));
        }
    }

    /** A well-formed XSAVE area with random contents, of which some components are in their initial state. */
    private ByteBuffer area(TestMachine m) {
        byte[] bytes = new byte[AREA_SIZE];
        random.nextBytes(bytes);
        ByteBuffer x = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        x.putShort(0, (short) (0x340 | random.nextInt(64) | random.nextInt(4) << 10));
        int status = random.nextInt() & 0x7f7f;
        if ((status & ~x.getShort(0) & 0x3f) != 0) {
            status |= 0x8080;
        }
        x.putShort(2, (short) status);
        x.put(5, (byte) 0);
        x.putShort(6, (short) (x.getShort(6) & 0x7ff));
        // canonical addresses that both formats can hold
        x.putLong(8, x.getInt(8) & 0x7fff_ffffL);
        x.putLong(16, x.getInt(16) & 0x7fff_ffffL);
        x.putInt(MXCSR, x.getInt(MXCSR) & 0xffff);
        x.putInt(MXCSR_MASK, 0);
        for (int i = 32; i < 160; i += 16) {
            x.putShort(i + 10, (short) 0);
            x.putInt(i + 12, 0);
        }
        for (int i = 416; i < 576; i++) {
            x.put(i, (byte) 0);
        }
        x.putLong(XSTATE_BV, m.cpu.cpuid.xcr0Supported() & (random.nextInt(3) == 0 ? random.nextLong() : -1));
        return x;
    }

    private void spoil(ByteBuffer memory) {
        switch (random.nextInt(4)) {
            case 0 -> memory.putInt(MXCSR, 1 << 20);
            case 1 -> memory.putLong(XSTATE_BV, 1L << 3);
            case 2 -> memory.putLong(XSTATE_BV + 16, 5);
            default -> memory.putLong(XSTATE_BV + 8, 1);
        }
    }
}
