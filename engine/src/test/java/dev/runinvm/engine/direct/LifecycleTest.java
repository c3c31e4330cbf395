package dev.runinvm.engine.direct;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import static dev.runinvm.engine.direct.TinyGuest.*;
import static org.junit.jupiter.api.Assertions.*;

/** Nothing is left behind. */
@Timeout(60)
class LifecycleTest {
    private static int descriptors() {
        String[] names = new File("/proc/self/fd").list();
        return names == null ? -1 : names.length;
    }

    private static void waitFor(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, "not within 20 s: " + what);
            java.util.concurrent.locks.LockSupport.parkNanos(2_000_000);
        }
    }

    @Test
    void closeLeavesNoProcessAndNoDescriptor() {
        try (TinyGuest first = new TinyGuest()) {
            first.program(0x0f, 0x05).run();
        }
        int before = descriptors();
        for (int i = 0; i < 5; i++) {
            int pid;
            try (TinyGuest g = new TinyGuest()) {
                g.program(0x0f, 0x05);
                assertEquals(Trap.Kind.SYSCALL, g.run().kind());
                pid = g.engine.stubPid();
                assertTrue(ProcessHandle.of(pid).isPresent());
            }
            assertFalse(new File("/proc/" + pid).exists(), "process " + pid + " is left");
        }
        assertEquals(before, descriptors());
    }

    /** The thread that ran a guest ends; its process does not. */
    @Test
    void processesOutliveTheThreadThatAskedForThem() throws Exception {
        try (TinyGuest g = new TinyGuest()) {
            Thread t = new Thread(() -> g.program(0x0f, 0x05).run());
            t.start();
            t.join();
            int pid = g.engine.stubPid();
            g.program(0x0f, 0x05);
            assertEquals(Trap.Kind.SYSCALL, g.run().kind());
            assertEquals(pid, g.engine.stubPid());
        }
    }

    /** Runs a guest in a loop, prints its process, never ends. */
    public static final class Endless {
        private Endless() {}

        public static void main(String[] arguments) {
            TinyGuest g = new TinyGuest();
            g.program(0x0f, 0x05).run();
            System.out.println(g.engine.stubPid());
            g.program(0xeb, 0xfe);
            while (g.run().kind() == Trap.Kind.PREEMPTED) {
                Thread.onSpinWait();
            }
        }
    }

    @Test
    void aKilledJvmTakesItsProcessesWithIt() throws Exception {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Process jvm = new ProcessBuilder(
                        java, "-Xmx64m", "-cp", System.getProperty("java.class.path"), Endless.class.getName())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (BufferedReader out =
                new BufferedReader(new InputStreamReader(jvm.getInputStream(), StandardCharsets.UTF_8))) {
            String line = out.readLine();
            assertNotNull(line, "the JVM said nothing");
            int pid = Integer.parseInt(line.trim());
            assertTrue(new File("/proc/" + pid).exists());
            jvm.destroyForcibly();
            waitFor("the end of process " + pid, () -> !new File("/proc/" + pid).exists());
        } finally {
            jvm.destroyForcibly();
        }
    }
}
