package dev.runinvm.examples;

import dev.runinvm.junit.RunInVM;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

/** A JVM with a guest that is killed leaves nothing behind: no process, no file. */
class NothingIsLeftTest {
    private static final String READY = "the guest is at work";

    /** Runs until somebody ends it. */
    @RunInVM
    static class Endless {
        @Test
        void works() throws InterruptedException {
            System.out.println(READY);
            Thread.sleep(600_000);
        }
    }

    /** What a build tool's test JVM does. */
    static final class Main {
        private Main() {}

        public static void main(String[] args) {
            LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                    .selectors(DiscoverySelectors.selectClass(Endless.class))
                    .build();
            LauncherFactory.create().execute(request, new TestExecutionListener() {
                @Override
                public void executionFinished(TestIdentifier test, TestExecutionResult result) {
                    result.getThrowable().ifPresent(System.out::println);
                }
            });
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    @Timeout(600)
    void afterAKill(boolean forcibly, @TempDir Path folder) throws Exception {
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        Set<String> sharedBefore = names(Path.of("/dev/shm"));
        Process jvm = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Djava.io.tmpdir=" + temporary,
                        "-Druninvm.logDirectory=" + folder.resolve("logs"),
                        "-Druninvm.bootTimeout=8m",
                        "-XX:-UsePerfData",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName())
                .redirectErrorStream(true)
                .start();
        List<ProcessHandle> helpers;
        try (BufferedReader out = jvm.inputReader()) {
            String line;
            StringBuilder all = new StringBuilder();
            while ((line = out.readLine()) != null && !line.contains(READY)) {
                all.append(line).append('\n');
            }
            assertFalse(line == null, () -> "the JVM ended before its guest was at work:\n" + all);
            helpers = jvm.descendants().toList();
            assertFalse(helpers.isEmpty(), "a guest at work has helper processes");
        } finally {
            if (forcibly) {
                jvm.destroyForcibly();
            } else {
                jvm.destroy();
            }
        }
        CompletableFuture<?>[] ends =
                helpers.stream().map(ProcessHandle::onExit).toArray(CompletableFuture<?>[]::new);
        CompletableFuture.allOf(ends).get(20, TimeUnit.SECONDS);
        jvm.waitFor();
        assertEquals(Set.of(), names(temporary));
        assertEquals(sharedBefore, names(Path.of("/dev/shm")));
    }

    private static Set<String> names(Path directory) throws IOException {
        try (Stream<Path> all = Files.list(directory)) {
            return all.map(f -> String.valueOf(f.getFileName())).collect(Collectors.toCollection(TreeSet::new));
        }
    }
}
