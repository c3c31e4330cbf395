package dev.runinvm.examples;

import dev.runinvm.junit.RunInVM;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Every process there is belongs to the guest. */
@RunInVM
class ProcessesTest {
    /** Processes with a command line; threads of the kernel have none. */
    private static List<String> userProcesses() throws IOException {
        try (Stream<Path> all = Files.list(Path.of("/proc"))) {
            return all.filter(p -> p.getFileName().toString().matches("\\d+"))
                    .map(ProcessesTest::commandLine)
                    .filter(line -> !line.isBlank())
                    .toList();
        }
    }

    private static String commandLine(Path process) {
        try {
            return Files.readString(process.resolve("cmdline"))
                    .replace('\0', ' ')
                    .strip();
        } catch (IOException e) {
            return ""; // It has just ended.
        }
    }

    @Test
    void onlyInitAndThisJvmRun() throws IOException {
        List<String> processes = userProcesses();
        System.out.println(String.join("\n", processes));
        assertEquals(
                1, processes.stream().filter(line -> line.contains("AgentMain")).count(), processes::toString);
        assertTrue(processes.stream().noneMatch(line -> line.contains("surefire") || line.contains("maven")));
        assertTrue(processes.size() <= 3, processes::toString);
    }

    @Test
    void initIsAShellScript() throws IOException {
        assertTrue(commandLine(Path.of("/proc/1")).endsWith("/init"), commandLine(Path.of("/proc/1")));
        assertEquals(1, ProcessHandle.current().parent().orElseThrow().pid());
    }

    @Test
    void aChildCanBeKilled() throws Exception {
        Process sleep = new ProcessBuilder("sleep", "1000").start();
        sleep.destroyForcibly();
        assertEquals(128 + 9, sleep.waitFor());
    }
}
