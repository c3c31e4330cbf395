package dev.runinvm.engine.direct;

import dev.runinvm.engine.x86.CpuState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import static dev.runinvm.engine.direct.TinyGuest.*;
import static org.junit.jupiter.api.Assertions.*;

@Timeout(30)
class PreemptionTest {
    private final TinyGuest g = new TinyGuest();

    @AfterEach
    void close() {
        g.close();
    }

    @Test
    void anEndlessLoopEndsWhenItsTimeIsUp() {
        g.program(0x48, 0xff, 0xc0, 0xeb, 0xfb); // inc rax; jmp
        long start = System.nanoTime();
        assertEquals(Trap.Kind.PREEMPTED, g.engine.run(g.cpu, 20_000_000).kind());
        long millis = (System.nanoTime() - start) / 1_000_000;
        assertTrue(millis >= 19, millis + " ms");
        long counted = g.cpu.gpr[CpuState.RAX];
        assertTrue(counted > 1000);
        assertEquals(Trap.Kind.PREEMPTED, g.engine.run(g.cpu, 5_000_000).kind());
        assertTrue(g.cpu.gpr[CpuState.RAX] > counted);
    }

    @Test
    void aRequestBeforeTheRunCounts() {
        g.program(0xeb, 0xfe);
        g.engine.preempt();
        assertEquals(Trap.Kind.PREEMPTED, g.run().kind());
        assertEquals(0, g.engine.rawCounters().resumes);
    }

    @Test
    void noTimeIsNoRun() {
        g.program(0x0f, 0x05);
        assertEquals(Trap.Kind.PREEMPTED, g.engine.run(g.cpu, 0).kind());
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
    }

    /** Another thread's registers were put in place, then it was preempted before it ran: it still has its own. */
    @Test
    void aBaseSetBeforeARunThatDidNotHappenIsNotLost() {
        g.program(new Assembler().rdfsbase(0).rdgsbase(3).syscall());
        g.cpu.base[CpuState.FS] = 0x1000;
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        g.at(CODE);
        g.cpu.base[CpuState.FS] = 0x2000;
        g.cpu.base[CpuState.GS] = 0x3000;
        g.engine.preemptAtResume();
        assertEquals(Trap.Kind.PREEMPTED, g.run().kind());
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        assertEquals(0x2000, g.cpu.gpr[CpuState.RAX]);
        assertEquals(0x3000, g.cpu.gpr[CpuState.RBX]);
    }

    /** Requests at random moments, from another thread: none is lost, none breaks a register. */
    @Test
    void requestsAreNeverLost() throws Exception {
        Assembler a = new Assembler()
                .label("loop")
                .addImmediate(3, 1)
                .addImmediate(6, 1)
                .syscall();
        g.program(a.jump("loop"));
        int rounds = 300;
        java.util.concurrent.CyclicBarrier barrier = new java.util.concurrent.CyclicBarrier(2);
        Thread other = new Thread(() -> {
            try {
                for (int i = 0; i < rounds; i++) {
                    barrier.await();
                    java.util.concurrent.locks.LockSupport.parkNanos(i % 7 * 20_000L);
                    g.engine.preempt();
                }
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        other.setDaemon(true);
        other.start();
        long calls = 0;
        for (int i = 0; i < rounds; i++) {
            barrier.await();
            while (true) {
                Trap t = g.run();
                if (t.kind() == Trap.Kind.PREEMPTED) {
                    break;
                }
                assertEquals(Trap.Kind.SYSCALL, t.kind());
                calls++;
                assertEquals(calls, g.cpu.gpr[CpuState.RBX]);
                assertEquals(calls, g.cpu.gpr[CpuState.RSI]);
            }
            // a preempted process may have counted but not yet called
            long ahead = g.cpu.gpr[CpuState.RBX] - calls;
            assertTrue(ahead == 0 || ahead == 1);
        }
        other.join(5000);
    }

    @Test
    void aSignalFromElsewhereIsNoBusinessOfTheGuests() throws Exception {
        g.program(new Assembler()
                .label("loop")
                .addImmediate(3, 1)
                .compareImmediate(3, 200_000_000)
                .jumpIf(5, "loop")
                .syscall());
        Thread killer = new Thread(() -> {
            while (g.engine.stubPid() < 0) {
                Thread.onSpinWait();
            }
            for (String signal : new String[] {"SEGV", "USR1", "TERM", "INT", "CHLD", "SYS", "TRAP"}) {
                try {
                    new ProcessBuilder("kill", "-" + signal, Integer.toString(g.engine.stubPid()))
                            .start()
                            .waitFor();
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }
        });
        killer.start();
        assertEquals(Trap.Kind.SYSCALL, g.run().kind());
        killer.join();
        assertEquals(200_000_000, g.cpu.gpr[CpuState.RBX]);
    }
}
