package dev.runinvm.bench.guest;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * What a system call, a page fault, a process and a context switch cost, by a program of some hundred bytes (micro.s):
 * a runtime around it would be the greater part of the figures.
 */
final class MicroWork {
    private static final int ROUNDS = 4;
    private static final long LIMIT_SECONDS = 60;

    /** One kind of work: its name, how the program calls it, how often it is done, how many it is made of. */
    private record Kind(String name, String argument, int times, int parts) {}

    private static final List<Kind> KINDS = List.of(
            new Kind("system-call-ns", "s", 20_000, 1),
            new Kind("page-fault-ns", "f", 4_000, 1),
            new Kind("fork-exec-ns", "p", 100, 1),
            new Kind("context-switch-ns", "c", 2_000, 2));

    private MicroWork() {}

    /** Runs every kind of work some times; the best of each, in nanoseconds for one. */
    static Map<String, Long> all() throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory("micro");
        Path program = folder.resolve("micro");
        try {
            Files.write(program, executable());
            if (!program.toFile().setExecutable(true)) {
                throw new IOException(program + " cannot be made executable");
            }
            Map<String, Long> times = new LinkedHashMap<>();
            for (Kind kind : KINDS) {
                long best = Long.MAX_VALUE;
                for (int i = 0; i < ROUNDS; i++) {
                    best = Math.min(best, run(program, kind));
                }
                times.put(kind.name, best / kind.times / kind.parts);
            }
            return times;
        } finally {
            Files.deleteIfExists(program);
            Files.delete(folder);
        }
    }

    private static long run(Path program, Kind kind) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(program.toString(), kind.argument, Integer.toString(kind.times))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip();
        if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
            process.destroyForcibly();
            throw new IOException("the program for " + kind.name + " failed; it has printed: " + output);
        }
        return Long.parseLong(output);
    }

    private static byte[] executable() throws IOException {
        try (InputStream in = Objects.requireNonNull(
                MicroWork.class.getResourceAsStream("micro.hex"), "micro.hex is not in the jar")) {
            String hex = new String(in.readAllBytes(), StandardCharsets.US_ASCII);
            return HexFormat.of().parseHex(hex.replaceAll("\\s", ""));
        }
    }
}
