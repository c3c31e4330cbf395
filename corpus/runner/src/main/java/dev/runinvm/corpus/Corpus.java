package dev.runinvm.corpus;

import dev.runinvm.client.AgentJar;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.image.CommandLine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Runs the tests of all libraries, or of those named, natively and in a guest, and prints where they differ. Ends with
 * status 1 if a difference is not among those that are known and explained.
 *
 * <p>Arguments: the directory of the corpus; names of libraries; {@code --technique NAME}; {@code --classes REGEX}, which the
 * whole name of a class must match, for a part of what takes long.
 */
public final class Corpus {
    private static final List<String> JVM_OPTIONS = List.of(
            "-Djava.system.class.loader=dev.runinvm.agent.TestLoader",
            "-ea",
            "-Xmx1g",
            "--add-opens=java.base/java.lang=ALL-UNNAMED",
            "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
            "--add-opens=java.base/java.net=ALL-UNNAMED",
            "--add-opens=java.base/java.text=ALL-UNNAMED",
            "--add-opens=java.base/java.time=ALL-UNNAMED",
            "--add-opens=java.base/java.time.chrono=ALL-UNNAMED",
            "--add-opens=java.base/java.util=ALL-UNNAMED",
            "--add-opens=java.base/java.util.regex=ALL-UNNAMED");

    private final KnownDifferences known;
    private final Technique technique;
    private final Path logs;
    private int unexplained;

    private Corpus(KnownDifferences known, Technique technique, Path logs) {
        this.known = known;
        this.technique = technique;
        this.logs = logs;
    }

    /** Runs it. */
    public static void main(String[] args) throws IOException, InterruptedException {
        Path directory = Path.of(args[0]).toAbsolutePath().normalize();
        List<String> names = new ArrayList<>(Arrays.asList(args).subList(1, args.length));
        Technique technique =
                Technique.valueOf(option(names, "--technique", "FULL").toUpperCase(Locale.ROOT));
        Pattern classes = Pattern.compile(option(names, "--classes", ".*"));
        Path logs = Files.createDirectories(directory.resolve("runner/target/vm"));
        Corpus corpus = new Corpus(KnownDifferences.read(directory.resolve("known-differences.txt")), technique, logs);
        List<Library> libraries = Library.below(directory).stream()
                .filter(library -> names.isEmpty() || names.contains(library.name()))
                .toList();
        if (libraries.isEmpty()) {
            throw new IOException("no library of the corpus is called " + names);
        }
        List<String> table = new ArrayList<>();
        for (Library library : libraries) {
            table.add(corpus.compare(library.only(classes)));
        }
        System.out.printf(
                "%n%-14s %8s %9s %9s %8s %8s %11s %9s %9s %6s%n",
                "library",
                "classes",
                "native",
                technique,
                "same",
                "differ",
                "unexplained",
                "native s",
                technique + " s",
                "ratio");
        table.forEach(System.out::println);
        System.exit(corpus.unexplained == 0 ? 0 : 1);
    }

    private static String option(List<String> arguments, String name, String otherwise) throws IOException {
        int at = arguments.indexOf(name);
        if (at < 0) {
            return otherwise;
        }
        if (at + 1 == arguments.size()) {
            throw new IOException(name + " needs a value");
        }
        String value = arguments.get(at + 1);
        arguments.subList(at, at + 2).clear();
        return value;
    }

    private String compare(Library library) throws IOException, InterruptedException {
        Path agent = AgentJar.locate();
        Side here = new Side("native", () -> new NativeVm(agent, JVM_OPTIONS), logs);
        here.run(library);
        VmConfig config = VmConfig.of(technique)
                .memory(Side.MEMORY)
                .agent(agent)
                .kernelArguments(CommandLine.ofJavaOptions(JVM_OPTIONS))
                .consoleLog(logs.resolve(library.name() + ".log"));
        Side guest = new Side(String.valueOf(technique), () -> Techniques.start(config), logs);
        guest.run(library);
        TreeSet<String> ids = new TreeSet<>(here.outcomes().keySet());
        ids.addAll(guest.outcomes().keySet());
        int same = 0;
        int differ = 0;
        int open = 0;
        for (String id : ids) {
            String a = here.outcomes().get(id);
            String b = guest.outcomes().get(id);
            if (Objects.equals(a, b)) {
                same++;
                continue;
            }
            differ++;
            String reason = known.reason(library.name(), id);
            open += reason == null ? 1 : 0;
            System.out.println("DIFFERS " + id);
            System.out.println("    native: " + a + " " + here.detail(id));
            System.out.println("    " + technique + ": " + b + " " + guest.detail(id));
            System.out.println("    " + (reason == null ? "NOT EXPLAINED" : reason));
        }
        unexplained += open;
        return String.format(
                Locale.ROOT,
                "%-14s %8d %9d %9d %8d %8d %11d %9.1f %9.1f %6.2f",
                library.name(),
                library.classes().size(),
                here.tests(),
                guest.tests(),
                same,
                differ,
                open,
                here.seconds(),
                guest.seconds(),
                guest.seconds() / here.seconds());
    }
}
