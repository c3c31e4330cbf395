package dev.runinvm.examples;

import dev.runinvm.junit.RunInVM;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Fills the machine's memory until the kernel kills somebody: the child that offers itself, not the tests' JVM. */
@RunInVM(memory = "768M")
class OutOfMemoryTest {
    @Test
    void theKernelKillsTheGreedyChild() throws Exception {
        Shell.Result result = Shell.run("""
                echo 1 >/proc/sys/vm/overcommit_memory
                echo 1000 >/proc/self/oom_score_adj
                dd if=/dev/zero of=/dev/null bs=2000M count=1
                echo "status $?"
                """);
        assertTrue(result.output().contains("status 137"), result.output());
        Shell.Result log = Shell.run("dmesg | grep -c 'Out of memory: Killed process'");
        assertEquals(new Shell.Result(0, "1"), log);
    }
}
