package dev.runinvm.report;

import com.fasterxml.jackson.jr.ob.JSON;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Makes the report of the runs in a folder: {@code report/index.html}, one page that needs nothing else and no network;
 * {@code report/report.json}, the same data; {@code report/report-previous.json}, the data of the report before.
 */
public final class Report {
    private static final String CURRENT = "report.json";
    private static final String PREVIOUS = "report-previous.json";
    /** A larger report of before is not read. */
    private static final long MOST_BYTES = 512L << 20;

    private static final JSON JSON_FORM =
            JSON.builder().disable(JSON.Feature.WRITE_NULL_PROPERTIES).build();

    private Report() {}

    /**
     * What was made.
     *
     * @param page the HTML file
     * @param data the JSON file
     * @param techniques those that ran
     * @param console the report in a few lines
     */
    public record Made(Path page, Path data, List<String> techniques, List<String> console) {}

    /**
     * Makes the report of all runs below a folder.
     *
     * @param directory where runs left their documents, {@code target/vm} in a Maven build; the report goes into its
     *     folder {@code report}
     */
    public static Made make(Path directory) throws IOException {
        RunDocuments.Found found = RunDocuments.find(directory);
        Path folder = Files.createDirectories(directory.resolve("report"));
        List<String> problems = new ArrayList<>(found.problems());
        ReportDocument previous = previous(folder, found.runs(), problems);
        ReportDocument report = new Comparer(found.runs()).compare(List.copyOf(problems));
        if (previous != null) {
            report = ChangeFinder.since(previous, report);
        }
        Path data = folder.resolve(CURRENT);
        RunDocuments.writeAtomically(data, toJson(report));
        Path page = folder.resolve("index.html");
        RunDocuments.writeAtomically(page, HtmlPage.render(report));
        return new Made(page, data, report.techniques(), List.copyOf(ConsoleTable.lines(report)));
    }

    static String toJson(ReportDocument report) throws IOException {
        return JSON_FORM.asString(report);
    }

    /** The report before, which is put aside first if it is one of other runs than those that are there now. */
    private static @Nullable ReportDocument previous(Path folder, List<RunDocument> runs, List<String> problems)
            throws IOException {
        Path current = folder.resolve(CURRENT);
        ReportDocument last = read(current, problems);
        if (last != null && !ids(last.runs()).equals(ids(runs))) {
            Files.move(current, folder.resolve(PREVIOUS), StandardCopyOption.REPLACE_EXISTING);
            return last;
        }
        return read(folder.resolve(PREVIOUS), problems);
    }

    private static Set<String> ids(List<RunDocument> runs) {
        return runs.stream().map(RunDocument::id).collect(Collectors.toSet());
    }

    private static @Nullable ReportDocument read(Path file, List<String> problems) {
        if (!Files.exists(file)) {
            return null;
        }
        try {
            if (Files.size(file) > MOST_BYTES) {
                throw new IOException("it is too large");
            }
            ReportDocument report =
                    JSON_FORM.beanFrom(ReportDocument.class, Files.readString(file, StandardCharsets.UTF_8));
            if (report == null || report.version() != ReportDocument.VERSION || report.rows() == null) {
                throw new IOException("it is no report of version " + ReportDocument.VERSION);
            }
            return report;
        } catch (IOException | IllegalArgumentException e) {
            problems.add("the report before, " + file + ", could not be read, so nothing is compared with it: "
                    + String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
            return null;
        }
    }
}
