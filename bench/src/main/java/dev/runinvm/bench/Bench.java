package dev.runinvm.bench;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.image.GuestImages;
import dev.runinvm.engine.image.ImageRequest;
import dev.runinvm.engine.image.PreparedImage;
import dev.runinvm.engine.image.Progress;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Runs the same JUnit test class, image and memory under every contender that can run here, in turns, several times,
 * and prints medians and ratios: the machine's pace drifts, so only figures of one call may be compared.
 */
public final class Bench {
    private static final PrintStream OUT = System.out;

    private Bench() {}

    /** The command; {@link Options} lists its arguments. Its exit status is 1 if any run failed. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Options options;
        try {
            options = Options.parse(List.of(arguments));
        } catch (IllegalArgumentException e) {
            OUT.println(e.getMessage());
            OUT.println(Options.USAGE);
            System.exit(2);
            return;
        }
        Path folder = Files.createTempDirectory("bench");
        boolean good = false;
        try {
            good = run(options, folder);
        } catch (HostLacks e) {
            OUT.println(e.getMessage());
        } finally {
            delete(folder); // before the exit, which runs no finally
        }
        System.exit(good ? 0 : 1);
    }

    private static boolean run(Options options, Path folder) throws IOException, InterruptedException {
        Progress progress = new Progress() {
            private String phase = "";

            @Override
            public void at(String nowAt, long done, long total) {
                if (!nowAt.equals(phase)) {
                    phase = nowAt;
                    OUT.println(nowAt);
                }
            }
        };
        PreparedImage image = GuestImages.prepare(ImageRequest.withJdk(options.guestJar()), progress);
        Path initramfs = folder.resolve("initramfs");
        image.writeInitramfs(initramfs);
        Workload workload = new Workload(options.guestJar(), image, initramfs, options.memoryMib());
        List<Contender> contenders = contenders(options, workload);
        List<Run> runs = new ArrayList<>();
        for (String work : options.works()) {
            runs.addAll(rounds(options, contenders, work, folder));
        }
        Report report = new Report(contenders, runs);
        OUT.println();
        OUT.print(report.text());
        if (options.json().isPresent()) {
            Files.writeString(options.json().get(), report.json(), StandardCharsets.UTF_8);
            OUT.println("written as JSON to " + options.json().get());
        }
        return runs.stream().allMatch(Run::good) && !runs.isEmpty();
    }

    private static List<Contender> contenders(Options options, Workload workload) {
        List<Contender> all = new ArrayList<>();
        for (Technique technique : Technique.values()) {
            all.add(new Engine(technique, workload, options.deadline()));
            all.add(new Annotated(technique, workload));
        }
        all.add(new QemuTcg(workload));
        all.add(new Uml(workload));
        all.add(new Native(workload.guestJar()));
        List<Contender> able = new ArrayList<>();
        for (Contender contender : all) {
            if (!options.only().isEmpty() && !options.only().contains(contender.name())) {
                continue;
            }
            Optional<String> missing = contender.missing();
            if (missing.isPresent()) {
                OUT.println(contender.name() + " is left out: " + missing.get());
            } else {
                able.add(contender);
            }
        }
        return able;
    }

    /** Interleaved: a round runs everyone once, and the next round begins with another. */
    private static List<Run> rounds(Options options, List<Contender> contenders, String work, Path folder)
            throws IOException, InterruptedException {
        List<Run> runs = new ArrayList<>();
        for (int round = 0; round < options.runs(); round++) {
            for (int i = 0; i < contenders.size(); i++) {
                Contender contender = contenders.get((round + i) % contenders.size());
                if (!contender.runs(work)) {
                    continue;
                }
                Path log = folder.resolve(contender.name() + "-" + work + "-" + round + ".log");
                Run run = Measurement.of(contender, work, options.deadline(), log);
                runs.add(run);
                OUT.println("round " + (round + 1) + " of " + options.runs() + ", " + work + ", " + contender.name()
                        + ": " + run.failure().orElse(run.millis() + " ms " + run.work()));
                if (options.logs().isPresent()) {
                    Files.createDirectories(options.logs().get());
                    Files.copy(
                            log,
                            options.logs().get().resolve(log.getFileName()),
                            java.nio.file.StandardCopyOption.REPLACE_EXISTING);
                }
            }
        }
        return runs;
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    /** The command's options. */
    record Options(
            Path guestJar,
            int runs,
            int memoryMib,
            Duration deadline,
            List<String> only,
            List<String> works,
            Optional<Path> json,
            Optional<Path> logs) {
        static final String USAGE = """
                --guest-jar FILE   the jar that guests run (required)
                --runs N           rounds, 3 by default
                --memory MIB       of each guest, 1024 by default
                --deadline SECONDS of each run, 300 by default
                --only A,B         contenders: full, full-junit, para, ..., qemu-tcg, uml, native
                --work A,B         junit (default) and cpu
                --json FILE        also writes all runs as JSON
                --logs FOLDER      keeps everything the guests print""";

        static Options parse(List<String> words) {
            Path jar = null;
            int runs = 3;
            int memory = 1024;
            Duration deadline = Duration.ofMinutes(5);
            List<String> only = List.of();
            List<String> works = List.of(Contender.JUNIT);
            Optional<Path> json = Optional.empty();
            Optional<Path> logs = Optional.empty();
            for (int i = 0; i < words.size(); i += 2) {
                if (i + 1 == words.size()) {
                    throw new IllegalArgumentException(words.get(i) + " needs a value");
                }
                String value = words.get(i + 1);
                switch (words.get(i)) {
                    case "--guest-jar" -> jar = Path.of(value);
                    case "--runs" -> runs = Integer.parseInt(value);
                    case "--memory" -> memory = Integer.parseInt(value);
                    case "--deadline" -> deadline = Duration.ofSeconds(Integer.parseInt(value));
                    case "--only" -> only = List.of(value.split(","));
                    case "--work" -> works = List.of(value.split(","));
                    case "--json" -> json = Optional.of(Path.of(value));
                    case "--logs" -> logs = Optional.of(Path.of(value));
                    default -> throw new IllegalArgumentException("unknown option " + words.get(i));
                }
            }
            if (jar == null || runs < 1) {
                throw new IllegalArgumentException("--guest-jar is required, and --runs is at least 1");
            }
            return new Options(jar, runs, memory, deadline, only, works, json, logs);
        }
    }
}
