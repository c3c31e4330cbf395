package dev.runinvm.engine.direct;

import dev.runinvm.engine.x86.CpuException;
import dev.runinvm.engine.x86.CpuState;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import static dev.runinvm.engine.direct.TinyGuest.*;
import static org.junit.jupiter.api.Assertions.*;

/** What guest code can try against its jail. The base address is told to it here; a real guest would have to guess. */
@Timeout(60)
class HostileGuestTest {
    private final TinyGuest g = new TinyGuest();

    @AfterEach
    void close() {
        g.close();
    }

    private void syscall(long number, long... arguments) {
        int[] registers = {CpuState.RDI, CpuState.RSI, CpuState.RDX, 10, 8, 9};
        g.program(0x0f, 0x05);
        g.cpu.gpr[CpuState.RAX] = number;
        for (int i = 0; i < arguments.length; i++) {
            g.cpu.gpr[registers[i]] = arguments[i];
        }
        Trap t = g.run();
        assertEquals(Trap.Kind.SYSCALL, t.kind(), () -> number + ": " + t);
        assertEquals(number, g.cpu.gpr[CpuState.RAX]);
    }

    @Test
    void systemCallsNeverReachTheHost(@TempDir Path dir) throws Exception {
        Path file = dir.resolve("made-by-guest");
        byte[] name = (file + "\0").getBytes(StandardCharsets.UTF_8);
        g.memory.write(DATA_PHYSICAL, name, 0, name.length);
        g.program(new Assembler().move(3, DATA).load(0, 3, 0).syscall());
        g.run(); // the name is mapped now
        int pid = g.engine.stubPid();
        syscall(2, DATA, 0x41, 0644); // open(O_CREAT|O_WRONLY)
        syscall(83, DATA, 0755); // mkdir
        assertFalse(Files.exists(file));
        syscall(60, 1); // exit
        syscall(231, 1); // exit_group
        syscall(62, ProcessHandle.current().pid(), 9); // kill
        syscall(62, pid, 9);
        syscall(9, 0x1000_0000, 4096, 3, 0x11, 6, 0); // mmap of the guest's memory
        syscall(11, CODE, 4096); // munmap
        syscall(15); // rt_sigreturn
        assertTrue(ProcessHandle.of(pid).isPresent());
        assertEquals(pid, g.engine.stubPid());
        Random random = new Random(1);
        syscall(335); // uretprobe: Linux 6.14 lets it past seccomp
        for (int i = 0; i < 2000; i++) {
            int number = random.nextInt(512);
            syscall(number == 336 ? 335 : number, random.nextLong(), random.nextLong(), random.nextLong());
        }
        syscall(0x4000_0000 + 39); // x32
        syscall(-1);
        assertEquals(pid, g.engine.stubPid());
    }

    @Test
    void int80NeverReachesTheHost() {
        for (int nr : new int[] {1, 20, 37, 252}) {
            g.program(0xcd, 0x80);
            g.cpu.gpr[CpuState.RAX] = nr;
            Trap.Kind kind = g.run().kind();
            // A host without 32-bit calls (IA32_EMULATION) faults, which leaves it to the interpreter.
            assertTrue(kind == Trap.Kind.INT80 || kind == Trap.Kind.EMULATE && g.cpu.rip == CODE, kind::toString);
            assertEquals(nr, g.cpu.gpr[CpuState.RAX]);
        }
    }

    @Test
    void theVsyscallPageIsTheGuests() {
        // mov rax, 0xffffffffff600000; call rax: the guest's tables have nothing there
        g.program(0x48, 0xc7, 0xc0, 0x00, 0x00, 0x60, 0xff, 0xff, 0xd0);
        Trap t = g.run();
        assertEquals(CpuException.PF, t.vector());
        assertEquals(0x14, t.errorCode());
        assertEquals(0xffff_ffff_ff60_0000L, t.address());
        assertEquals(0xffff_ffff_ff60_0000L, g.cpu.rip);
        assertEquals(STACK_TOP - 72, g.cpu.gpr[CpuState.RSP]);
        assertEquals(CODE + 9, g.memory.getLong(DATA_PHYSICAL + 4096 + 4096 - 72));
    }

    private long stubBase() {
        g.program(0x0f, 0x05);
        g.run();
        return g.engine.stubBase();
    }

    @Test
    void jumpsToUnusedStubCodeFault() {
        long base = stubBase();
        g.at(base + 4094);
        Trap t = g.run();
        assertEquals(Trap.Kind.EXCEPTION, t.kind());
        assertEquals(CpuException.PF, t.vector());
        assertEquals(base + 4094, t.address());
    }

    /** Every byte of the stub's code as a target, with registers that make the most of its SYSCALL instructions. */
    @Test
    void jumpsIntoTheStubsCodeGainNothing() throws Exception {
        long base = stubBase();
        StubCode code = new StubCode(base, true);
        int lost = 0;
        for (String label :
                new String[] {"write", "read", "operation", "return", "restorer", "handler", "notify", "go"}) {
            for (int back = 0; back <= 3; back++) {
                for (long number : new long[] {0, 1, 9, 11, 15, 59, 231}) {
                    long target = code.address(label) - g.engine.stubBase() + base; // same code, any base
                    g.program(0x90, 0x0f, 0x05);
                    g.run();
                    long now = g.engine.stubBase();
                    g.at(target - base + now - back);
                    g.cpu.gpr[CpuState.RAX] = number;
                    g.cpu.gpr[CpuState.RDI] = 0x1000_0000;
                    g.cpu.gpr[CpuState.RSI] = 4096;
                    g.cpu.gpr[CpuState.RDX] = 7;
                    g.cpu.gpr[10] = 0x11;
                    g.cpu.gpr[8] = 6;
                    g.cpu.gpr[9] = 0x10_0000;
                    g.cpu.gpr[CpuState.RBX] = now + 4096;
                    g.cpu.gpr[13] = 1;
                    g.cpu.gpr[14] = DATA;
                    Trap t = g.engine.run(g.cpu, 20_000_000);
                    if (t.kind() == Trap.Kind.LOST) {
                        lost++;
                        assertTrue(t.cause().contains("process"), t.cause());
                    }
                    code = new StubCode(base, true);
                }
            }
        }
        assertTrue(lost > 0);
        g.cpu.gpr[CpuState.RAX] = 7;
        syscall(39);
    }

    @Test
    void scribblingOverTheControlPagesIsSurvived() {
        long base = stubBase();
        for (int seed = 0; seed < 20; seed++) {
            g.program(0x90, 0x0f, 0x05);
            g.run();
            base = g.engine.stubBase();
            // mov rdi, control; mov rcx, longs; mov rax, junk; rep stosq; syscall
            Assembler a = new Assembler().move(7, base + 4096).move(1, ControlPage.SIZE / 8);
            g.program(a.move(0, seed == 0 ? 0 : seed == 1 ? -1 : seed * 0x0123_4567_89ab_cdefL)
                    .bytes(0xf3, 0x48, 0xab)
                    .syscall());
            Trap t = g.run();
            assertTrue(t.kind() == Trap.Kind.SYSCALL || t.kind() == Trap.Kind.LOST, t.toString());
        }
        syscall(39);
    }

    @Test
    void writesToTheStubsCodeFaultInTheGuest() {
        long base = stubBase();
        g.program(new Assembler().move(3, base).store(3, 8, 0).syscall());
        Trap t = g.run();
        assertEquals(CpuException.PF, t.vector());
        assertEquals(6, t.errorCode());
        assertEquals(base + 8, t.address());
    }

    @Test
    void aMappingWhereTheStubLivesMovesTheStub() {
        long base = stubBase();
        long data = base + 4096 & -4096;
        g.map(g.cpu.cr3, data, DATA_PHYSICAL, P | U | W);
        g.memory.putLong(DATA_PHYSICAL, 4711);
        g.program(new Assembler().move(3, data).load(0, 3, 0).syscall());
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        assertEquals(4711, g.cpu.gpr[0]);
        assertNotEquals(base, g.engine.stubBase());
    }

    @Test
    void aStackPointerAnywhereDoesNoHarm() {
        long base = stubBase();
        for (long rsp :
                new long[] {0, 8, -8, base + 100, base + 4096 + ControlPage.STACK + 64, 1L << 63, 0x7fff_ffff_f000L}) {
            g.program(0x0f, 0x05);
            g.cpu.gpr[CpuState.RSP] = rsp;
            Trap.Kind kind = g.run().kind();
            // A host that is a paravirtual guest itself (PVM) takes no system call on a non-canonical stack.
            boolean interpreted = rsp == 1L << 63 && kind == Trap.Kind.EMULATE && g.cpu.rip == CODE;
            assertTrue(kind == Trap.Kind.SYSCALL || interpreted, () -> kind + " with RSP " + Long.toHexString(rsp));
            assertEquals(rsp, g.cpu.gpr[CpuState.RSP]);
        }
    }

    @Test
    void aKilledProcessIsReportedAndReplaced() throws Exception {
        stubBase();
        int pid = g.engine.stubPid();
        g.program(0xeb, 0xfe);
        Thread killer = new Thread(() -> {
            try {
                new ProcessBuilder("kill", "-9", Integer.toString(pid)).start().waitFor();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        killer.start();
        Trap t = g.run();
        killer.join();
        assertEquals(Trap.Kind.LOST, t.kind());
        assertTrue(t.cause().contains("signal 9"), t.cause());
        syscall(39);
        assertNotEquals(pid, g.engine.stubPid());
        // killed while it waits
        new ProcessBuilder("kill", "-9", Integer.toString(g.engine.stubPid()))
                .start()
                .waitFor();
        g.program(0x0f, 0x05);
        Trap next = g.run();
        assertTrue(next.kind() == Trap.Kind.LOST || next.kind() == Trap.Kind.SYSCALL);
        syscall(39);
    }

    @Test
    void bytesOfAllKindsRun() {
        Random random = new Random(42);
        byte[] junk = new byte[256];
        for (int i = 0; i < 3000; i++) {
            random.nextBytes(junk);
            g.memory.write(CODE_PHYSICAL, junk, 0, junk.length);
            g.at(CODE);
            for (int r = 0; r < 16; r++) {
                g.cpu.gpr[r] = r % 3 == 0 ? DATA + random.nextInt(4096) : random.nextLong();
            }
            g.cpu.setRflags(CpuState.FLAG_IF | 2);
            Trap t = g.engine.run(g.cpu, 20_000_000);
            assertNotEquals(Trap.Kind.LOST, t.kind(), t.cause());
        }
    }

    @Test
    void theProcessHasNothingOfTheHostInIt() throws Exception {
        stubBase();
        File[] fds = new File("/proc/" + g.engine.stubPid() + "/fd").listFiles();
        assertNotNull(fds);
        assertEquals(2 + StubCode.MEMORY_FILES, fds.length);
        String status = Files.readString(Path.of("/proc/" + g.engine.stubPid() + "/status"));
        assertTrue(status.contains("Seccomp:\t2"));
        assertTrue(status.contains("NoNewPrivs:\t1"));
        for (String line : Files.readAllLines(Path.of("/proc/" + g.engine.stubPid() + "/maps"))) {
            assertTrue(line.contains("runinvm-") || line.contains("[vsyscall]"), line);
        }
    }
}
