package dev.runinvm.junit;

import dev.runinvm.client.RunRecorder;
import dev.runinvm.engine.Technique;
import dev.runinvm.report.Report;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the report when a launcher's session ends in which guests of several techniques ran: that is when there is something
 * to compare. With one technique, or with {@code runinvm.report=false}, it is left to who asks for it. Called by JUnit.
 */
public final class ReportAtEnd implements LauncherSessionListener {
    private static final Logger LOG = LoggerFactory.getLogger(ReportAtEnd.class);
    /** Techniques that ran, by the folder that their runs' folders are in. */
    private static final Map<Path, Set<Technique>> RAN = new LinkedHashMap<>();

    /** Called by JUnit. */
    public ReportAtEnd() {}

    /** A run will leave its document. */
    static void expect(RunRecorder.About about) {
        Path folder = about.folder().getParent();
        if (folder != null) {
            synchronized (RAN) {
                RAN.computeIfAbsent(folder, k -> EnumSet.noneOf(Technique.class))
                        .add(about.technique());
            }
        }
    }

    @Override
    public void launcherSessionClosed(LauncherSession session) {
        Map<Path, Set<Technique>> ran;
        synchronized (RAN) {
            ran = new LinkedHashMap<>(RAN);
            RAN.clear();
        }
        if (!"false".equalsIgnoreCase(wanted())) {
            ran.forEach((folder, techniques) -> {
                if (techniques.size() > 1) {
                    report(folder);
                }
            });
        }
    }

    private static String wanted() {
        return String.valueOf(new Configuration(name -> java.util.Optional.empty()).get("report"));
    }

    private static void report(Path folder) {
        try {
            Report.Made made = Report.make(folder);
            made.console().forEach(System.out::println);
            System.out.println("Report: " + made.page());
        } catch (IOException | UncheckedIOException | IllegalStateException e) {
            LOG.warn("cannot make the report of {}: {}", folder, e.toString());
        }
    }
}
