package dev.runinvm.bench;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.image.GuestImages;
import dev.runinvm.engine.image.ImageRequest;
import dev.runinvm.engine.image.PreparedImage;
import dev.runinvm.engine.image.Progress;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Runs the same JUnit test class, image and memory under every contender that can run here, in turns, several times,
 * and prints medians, ratios and the bars: the machine's pace drifts, so only figures of one call may be compared.
 */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Measures the engine beside its peers on the same work.",
        exitCodeListHeading = "Exit status:%n",
        exitCodeList = {
            "0:every run was good and every bar that was measured is met",
            "1:a run failed, or something is missing on this machine",
            "2:wrong options",
            "3:a bar is not met"
        })
public final class Bench implements Callable<Integer> {
    private static final PrintStream OUT = System.out;
    private static final int FAILED = 1;
    private static final int NOT_MET = 3;

    @Option(names = "--guest-jar", required = true, paramLabel = "FILE", description = "the jar that guests run")
    private Path guestJar = Path.of("");

    @Option(
            names = "--work",
            split = ",",
            paramLabel = "WORK",
            defaultValue = "junit",
            description = {
                "${COMPLETION-CANDIDATES}, separated by commas; ${DEFAULT-VALUE} by default.",
                "junit: from nothing to the results of a JUnit class; cpu: processor-bound programs;",
                "micro: system calls, page faults, processes and context switches of a small program;",
                "boots: many runs of junit in a row under our engine, of which none may fail;",
                "overhead: a thousand tests that do nothing, by @RunInVM and natively: what each costs;",
                "restore: our engine's guests that boot and guests from a snapshot, in turns, and their memory;",
                "restores: many guests from a snapshot in a row, of which none may fail or leave anything"
            })
    private Set<Work> works = new LinkedHashSet<>();

    @Option(names = "--runs", paramLabel = "N", defaultValue = "5", description = "rounds; ${DEFAULT-VALUE} by default")
    private int runs;

    @Option(
            names = "--boots",
            paramLabel = "N",
            defaultValue = "" + Bars.BOOTS,
            description = "rounds of the work boots; ${DEFAULT-VALUE} by default")
    private int boots;

    @Option(
            names = "--restores",
            paramLabel = "N",
            defaultValue = "" + Bars.RESTORES,
            description = "rounds of the work restores; ${DEFAULT-VALUE} by default")
    private int restores;

    @Option(
            names = "--guests",
            paramLabel = "N",
            defaultValue = "10",
            description = "guests at once in the work restore; ${DEFAULT-VALUE} by default")
    private int guests;

    @Option(
            names = "--memory",
            paramLabel = "MIB",
            defaultValue = "1024",
            description = "RAM of each guest, in MiB; ${DEFAULT-VALUE} by default")
    private int memoryMib;

    @Option(
            names = "--deadline",
            paramLabel = "SECONDS",
            defaultValue = "180",
            description =
                    "the most one run may take before it is killed and called failed; ${DEFAULT-VALUE} by default")
    private int deadlineSeconds;

    @Option(
            names = "--only",
            split = ",",
            paramLabel = "NAME",
            description =
                    "contenders: full, full-junit, para, para-junit, hw, hw-junit, qemu-tcg, uml, native; all by default")
    private Set<String> only = new LinkedHashSet<>();

    @Option(names = "--json", paramLabel = "FILE", description = "also writes all runs and bars as JSON")
    private @Nullable Path json;

    @Option(names = "--logs", paramLabel = "FOLDER", description = "keeps everything the guests print, with times")
    private @Nullable Path logs;

    private Bench() {}

    /** The command; {@code --help} lists its options. */
    public static void main(String[] arguments) {
        System.exit(commandLine().execute(arguments));
    }

    static CommandLine commandLine() {
        return new CommandLine(new Bench()).setCaseInsensitiveEnumValuesAllowed(true);
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (Math.min(Math.min(runs, boots), Math.min(restores, guests)) < 1 || memoryMib < 64 || deadlineSeconds < 1) {
            OUT.println("--runs, --boots, --restores, --guests and --deadline are at least 1, --memory at least 64");
            return CommandLine.ExitCode.USAGE;
        }
        Path folder = Files.createTempDirectory("bench");
        // For the case that somebody ends the bench: neither guests nor files stay.
        Thread cleanUp = new Thread(() -> cleanUp(folder), "bench-clean-up");
        Runtime.getRuntime().addShutdownHook(cleanUp);
        try {
            return run(folder);
        } catch (HostLacks e) {
            OUT.println(e.getMessage());
            return FAILED;
        }
    }

    private int run(Path folder) throws IOException, InterruptedException {
        PreparedImage image = GuestImages.prepare(ImageRequest.withJdk(guestJar), new PrintedProgress());
        Path initramfs = folder.resolve("initramfs");
        image.writeInitramfs(initramfs);
        List<Contender> contenders = contenders(new Workload(guestJar, image, initramfs, memoryMib));
        List<Run> all = new ArrayList<>();
        for (Work work : works) {
            switch (work) {
                case RESTORE -> {
                    for (Technique technique : warm()) {
                        all.addAll(starts(technique).restore(runs, guests));
                    }
                }
                case RESTORES -> {
                    for (Technique technique : warm()) {
                        all.addAll(starts(technique).restores(restores));
                    }
                }
                default -> all.addAll(rounds(contenders, work, folder));
            }
        }
        List<Bars.Bar> bars = Bars.of(all);
        OUT.println();
        OUT.print(new Report(contenders, all).text());
        for (Technique technique : Technique.values()) {
            OUT.print(Starts.text(all, technique));
        }
        OUT.print(Bars.text(bars));
        if (json != null) {
            JsonReport.write(json, contenders, all, bars);
            OUT.println("written as JSON to " + json);
        }
        if (all.isEmpty() || !all.stream().allMatch(Run::good)) {
            return FAILED;
        }
        return bars.stream().anyMatch(b -> b.verdict() == Bars.Verdict.NOT_MET) ? NOT_MET : CommandLine.ExitCode.OK;
    }

    /** Techniques that are to be measured and whose guests can come from snapshots. */
    private List<Technique> warm() {
        return Arrays.stream(Technique.values())
                .filter(t -> only.isEmpty() || only.contains(t.name().toLowerCase(Locale.ROOT)))
                .filter(t -> Techniques.availability(t).usable()
                        && Techniques.snapshotObstacle(t).isEmpty())
                .toList();
    }

    private Starts starts(Technique technique) {
        return new Starts(technique, memoryMib, Duration.ofSeconds(deadlineSeconds), OUT);
    }

    private List<Contender> contenders(Workload workload) {
        Duration deadline = Duration.ofSeconds(deadlineSeconds);
        List<Contender> all = new ArrayList<>();
        for (Technique technique : Technique.values()) {
            all.add(new Engine(technique, workload, deadline));
            all.add(new Annotated(technique, workload));
        }
        all.add(new QemuTcg(workload));
        all.add(new Uml(workload));
        all.add(new Native(workload.guestJar(), workload.memoryMib()));
        Set<String> unknown = new LinkedHashSet<>(only);
        all.forEach(c -> unknown.remove(c.name()));
        if (!unknown.isEmpty()) {
            throw new HostLacks("no contender is called " + String.join(", ", unknown) + "; there are "
                    + String.join(", ", all.stream().map(Contender::name).toList()));
        }
        List<Contender> able = new ArrayList<>();
        for (Contender contender : all) {
            if (!only.isEmpty() && !only.contains(contender.name())) {
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
    private List<Run> rounds(List<Contender> contenders, Work work, Path folder)
            throws IOException, InterruptedException {
        List<Contender> able = contenders.stream().filter(c -> c.runs(work)).toList();
        if (able.isEmpty()) {
            OUT.println(work + " is left out: none of the contenders runs it");
        }
        int count = work == Work.BOOTS ? boots : runs;
        List<Run> all = new ArrayList<>();
        for (int round = 1; round <= count; round++) {
            for (int i = 0; i < able.size(); i++) {
                Contender contender = able.get((round - 1 + i) % able.size());
                OUT.print("round " + round + " of " + count + ", " + work + ", " + contender.name() + " ... ");
                OUT.flush(); // whoever waits sees for whom
                Path log = folder.resolve(contender.name() + "-" + work + "-" + round + ".log");
                Run run = Measurement.of(round, contender, work, Duration.ofSeconds(deadlineSeconds), log);
                all.add(run);
                OUT.println(run.failure().map(f -> "FAILED: " + f).orElse(run.millis() + " ms " + run.workMillis()));
                if (logs != null) {
                    Files.createDirectories(logs);
                    Files.copy(log, logs.resolve(log.getFileName()), StandardCopyOption.REPLACE_EXISTING);
                }
                Files.delete(log);
            }
        }
        return all;
    }

    private static void cleanUp(Path folder) {
        ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            OUT.println(folder + " could not be removed: " + e);
        }
    }

    /** One line for each thing that is made ready. */
    private static final class PrintedProgress implements Progress {
        private String phase = "";

        @Override
        public void at(String nowAt, long done, long total) {
            if (!nowAt.equals(phase)) {
                phase = nowAt;
                OUT.println(nowAt);
            }
        }
    }
}
