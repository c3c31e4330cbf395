package dev.runinvm.engine.direct;

import dev.runinvm.engine.os.TimeStampCounter;
import dev.runinvm.engine.x86.CpuException;
import dev.runinvm.engine.x86.CpuState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import static org.junit.jupiter.api.Assertions.*;

@Timeout(30)
class InstructionRunnerTest {
    private final InstructionRunner runner = new InstructionRunner();
    private final CpuState s = new CpuState();

    InstructionRunnerTest() {
        s.xstate = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
        s.xstate.putShort(0, (short) 0x37f);
        s.xstate.putInt(24, 0x1f80);
    }

    @AfterEach
    void close() {
        runner.close();
    }

    private static byte[] bytes(int... v) {
        byte[] b = new byte[v.length];
        for (int i = 0; i < v.length; i++) {
            b[i] = (byte) v[i];
        }
        return b;
    }

    @Test
    void anAdditionSetsRegistersAndFlags() {
        s.gpr[CpuState.RAX] = -1;
        s.gpr[CpuState.RBX] = 1;
        assertEquals(InstructionRunner.End.COMPLETED, runner.run(s, bytes(0x48, 0x01, 0xd8))); // add rax, rbx
        assertEquals(0, s.gpr[CpuState.RAX]);
        long flags = CpuState.FLAG_CF | CpuState.FLAG_ZF | CpuState.FLAG_PF | CpuState.FLAG_AF;
        assertEquals(flags | 2, s.rflags());
        assertEquals(InstructionRunner.CODE + InstructionRunner.CODE_OFFSET + 3, runner.rip());
    }

    @Test
    void memoryIsSharedAndItsEndFaults() {
        runner.scratch().putLong(8, 42);
        s.gpr[CpuState.RBX] = InstructionRunner.WRITABLE;
        assertEquals(InstructionRunner.End.COMPLETED, runner.run(s, bytes(0x48, 0x8b, 0x43, 0x08))); // mov rax,[rbx+8]
        assertEquals(42, s.gpr[CpuState.RAX]);
        s.gpr[CpuState.RBX] = InstructionRunner.WRITABLE_ONE + 4096 - 12;
        assertEquals(InstructionRunner.End.FAULTED, runner.run(s, bytes(0x48, 0x8b, 0x43, 0x08)));
        assertEquals(CpuException.PF, runner.vector());
        assertEquals(InstructionRunner.WRITABLE_ONE + 4096, runner.address());
        s.gpr[CpuState.RBX] = InstructionRunner.READ_ONLY;
        assertEquals(InstructionRunner.End.FAULTED, runner.run(s, bytes(0x48, 0x89, 0x43, 0x08))); // mov [rbx+8],rax
        assertEquals(7, runner.errorCode());
    }

    @Test
    void branchesEndWhereTheyLead() {
        assertEquals(InstructionRunner.End.COMPLETED, runner.run(s, bytes(0xeb, 0x20)));
        assertEquals(InstructionRunner.CODE + InstructionRunner.CODE_OFFSET + 0x22, runner.rip());
        assertEquals(InstructionRunner.End.COMPLETED, runner.run(s, bytes(0xeb, 0x80)));
        assertEquals(InstructionRunner.CODE + InstructionRunner.CODE_OFFSET + 2 - 0x80, runner.rip());
    }

    @Test
    void breakpointsOfTheCodeItselfFault() {
        assertEquals(InstructionRunner.End.FAULTED, runner.run(s, bytes(0xcc)));
        assertEquals(CpuException.BP, runner.vector());
    }

    @Test
    void endlessLoopsEnd() {
        assertEquals(InstructionRunner.End.ENDLESS, runner.run(s, bytes(0xeb, 0xfe)));
        assertEquals(InstructionRunner.End.COMPLETED, runner.run(s, bytes(0x90)));
    }

    @Test
    void systemCallsAreNotExecuted() {
        s.gpr[CpuState.RAX] = 231; // exit_group
        assertEquals(InstructionRunner.End.SYSTEM_CALL, runner.run(s, bytes(0x0f, 0x05)));
        assertEquals(InstructionRunner.End.COMPLETED, runner.run(s, bytes(0x90)));
    }

    @Test
    void vectorRegistersGoInAndComeOut() {
        s.xstate.putLong(512, 3);
        s.xstate.putLong(160, Double.doubleToLongBits(1.5));
        s.xstate.putLong(176, Double.doubleToLongBits(2.25));
        assertEquals(InstructionRunner.End.COMPLETED, runner.run(s, bytes(0xf2, 0x0f, 0x58, 0xc1))); // addsd xmm0, xmm1
        assertEquals(3.75, Double.longBitsToDouble(s.xstate.getLong(160)));
        assertEquals(2.25, Double.longBitsToDouble(s.xstate.getLong(176)));
    }

    @Test
    void unmaskedFloatingPointExceptionsAreReported() {
        s.xstate.putInt(24, 0x1f80 & ~(1 << 9)); // divide by zero unmasked
        s.xstate.putLong(512, 3);
        s.xstate.putLong(160, Double.doubleToLongBits(1.5));
        assertEquals(InstructionRunner.End.FAULTED, runner.run(s, bytes(0xf2, 0x0f, 0x5e, 0xc1))); // divsd xmm0, xmm1
        assertEquals(CpuException.XM, runner.vector());
    }

    @Test
    void theHostsCpuIsKnown() {
        HostCpu cpu = HostCpu.probe();
        int[] vendor = cpu.leaf(0, 0);
        ByteBuffer name = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
        name.putInt(vendor[1]).putInt(vendor[3]).putInt(vendor[2]);
        assertTrue(new String(name.array()).matches("[A-Za-z ]{12}"));
        assertEquals(3, cpu.xcr0() & 3);
        assertTrue(cpu.tscHz() > 500_000_000L && cpu.tscHz() < 10_000_000_000L, "TSC " + cpu.tscHz());
        assertEquals(cpu.leaf(0xd, 0)[1], cpu.xsaveSize());
        assertSame(cpu, HostCpu.probe());
    }

    @Test
    void theCountersFrequencyIsKnownToAPartInTenThousand() throws InterruptedException {
        try (TimeStampCounter counter = TimeStampCounter.open().orElseThrow()) {
            TimeStampCounter.Reading first = counter.read();
            Thread.sleep(500); // over so long a time a reading that comes a microsecond late does not matter
            TimeStampCounter.Reading second = counter.read();
            double hz = (second.ticks() - first.ticks()) * 1e9 / (second.nanos() - first.nanos());
            assertEquals(1, HostCpu.probe().tscHz() / hz, 1e-4);
        }
    }

    @Test
    void theEmulatedCounterAgreesWithTheRealOne() {
        HostCpu cpu = HostCpu.probe();
        HostTime time = new HostTime(cpu);
        long worst = 0;
        for (int i = 0; i < 200; i++) {
            long before = time.tsc();
            assertEquals(InstructionRunner.End.COMPLETED, runner.run(s, bytes(0x0f, 0x31)));
            long real = s.gpr[CpuState.RAX] & 0xffff_ffffL | s.gpr[CpuState.RDX] << 32;
            time.observe(runner.tsc(), runner.nanosBefore(), runner.nanosAfter());
            long after = time.tsc();
            worst = Math.max(worst, before - real);
            assertTrue(real <= after, "ring 0 sees an earlier time than ring 3 saw: by " + (real - after));
        }
        assertTrue(worst < cpu.tscHz() / 20_000, "ahead by " + worst + " ticks");
    }
}
