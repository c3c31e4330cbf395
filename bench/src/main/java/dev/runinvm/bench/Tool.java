package dev.runinvm.bench;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Programs of other projects that the bench compares with. */
final class Tool {
    private Tool() {}

    /** Why a program cannot be run; empty when it can. */
    static Optional<String> missing(String program, String debianPackage) {
        for (String folder : String.valueOf(System.getenv("PATH")).split(File.pathSeparator)) {
            if (Files.isExecutable(Path.of(folder, program))) {
                return Optional.empty();
            }
        }
        return Optional.of(program + " is not installed; apt-get install " + debianPackage);
    }

    /** The number of the first processor that this process may use. */
    static String firstCpu() {
        try (Stream<String> status = Files.lines(Path.of("/proc/self/status"))) {
            return status.filter(line -> line.startsWith("Cpus_allowed_list:"))
                    .map(line -> line.replaceAll("[^0-9]*([0-9]+).*", "$1"))
                    .findFirst()
                    .orElse("0");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The first line a program says of its version, or "?" if it says none. */
    static String version(String program, String option) {
        try {
            Process process = new ProcessBuilder(program, option)
                    .redirectErrorStream(true)
                    .start();
            process.getOutputStream().close();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            process.waitFor(10, TimeUnit.SECONDS);
            return text.lines().findFirst().orElse("?").replaceAll(" \\(.*", "");
        } catch (IOException e) {
            return "?"; // missing() says why
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "?";
        }
    }
}
