package dev.runinvm.engine.direct;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import static dev.runinvm.engine.direct.TinyGuest.*;

/** What traps and page faults cost, printed; run by hand: {@code java -cp ... dev.runinvm.engine.direct.DirectBench}. */
public final class DirectBench {
    private static final int CALLS = 100_000;
    private static final int PAGES = 8192;

    private DirectBench() {}

    public static void main(String[] arguments) {
        for (int round = 0; round < 3; round++) {
            for (boolean pin : new boolean[] {true, false}) {
                calls(pin);
            }
            faults(1);
            faults(16);
            switches();
            spawns();
        }
    }

    private static void calls(boolean pin) {
        try (TinyGuest g = new TinyGuest(4, 16, pin)) {
            g.program(new Assembler().label("loop").syscall().jump("loop"));
            g.run();
            long ours = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
            long theirs = cpuNanos(g.engine.stubPid());
            long start = System.nanoTime();
            for (int i = 0; i < CALLS; i++) {
                g.run();
            }
            print("system call" + (pin ? ", pinned" : ", free"), start, CALLS);
            ours = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - ours;
            theirs = cpuNanos(g.engine.stubPid()) - theirs;
            System.out.printf(
                    "    CPU time: ours %.2f us, the process's %.2f us%n", ours / 1e3 / CALLS, theirs / 1e3 / CALLS);
        }
    }

    private static long cpuNanos(int pid) {
        try {
            return Long.parseLong(
                    Files.readString(Path.of("/proc/" + pid + "/schedstat")).split(" ")[0]);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void faults(int around) {
        try (TinyGuest g = new TinyGuest(4, around, true)) {
            for (int i = 0; i < PAGES; i++) {
                g.map(g.cpu.cr3, 0x1000_0000L + i * 4096L, 0x100_0000L + i * 4096L, P | U | W | A | D);
                g.memory.putByte(0x100_0000L + i * 4096L, (byte) 1);
            }
            Assembler a = new Assembler().move(3, 0x1000_0000L).label("loop").store(3, 0, 0);
            g.program(a.addImmediate(3, 4096)
                    .compareImmediate(3, 0x1000_0000 + PAGES * 4096)
                    .jumpIf(5, "loop")
                    .syscall());
            long start = System.nanoTime();
            g.run();
            long faults = g.engine.rawCounters().faultsMapped;
            print("page fault, around " + around, start, faults);
            print("  per page", start, PAGES);
            g.engine.cr3Loaded(g.cpu.cr3, g.cpu.cr3, false);
            g.at(CODE);
            start = System.nanoTime();
            g.run();
            print("  revalidation and run, per page", start, PAGES);
            for (int i = 0; i < PAGES; i++) {
                g.map(g.cpu.cr3, 0x1000_0000L + i * 4096L, 0x100_0000L + i * 4096L, P | U | A | D);
            }
            g.engine.cr3Loaded(g.cpu.cr3, g.cpu.cr3, false);
            g.at(CODE);
            start = System.nanoTime();
            g.run();
            print("  all made read-only, per page", start, PAGES);
        }
    }

    private static void switches() {
        try (TinyGuest g = new TinyGuest(4, 16, true)) {
            long other = g.newSpace();
            g.standard(other);
            long first = g.cpu.cr3;
            g.program(new Assembler().label("loop").syscall().jump("loop"));
            long start = System.nanoTime();
            for (int i = 0; i < CALLS; i++) {
                long next = i % 2 == 0 ? first | 1 : other | 2;
                g.engine.cr3Loaded(g.cpu.cr3, next, true);
                g.cpu.cr3 = next;
                g.run();
            }
            print("system call, each in the other address space", start, CALLS);
        }
    }

    private static void spawns() {
        int n = 50;
        long start = System.nanoTime();
        for (int i = 0; i < n; i++) {
            try (TinyGuest g = new TinyGuest()) {
                g.program(0x0f, 0x05).run();
            }
        }
        print("guest made, one call, closed", start, n);
    }

    private static void print(String what, long start, long n) {
        System.out.printf("%-50s %9.2f us%n", what, (System.nanoTime() - start) / 1e3 / n);
    }
}
