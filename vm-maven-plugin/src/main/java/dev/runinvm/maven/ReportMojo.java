package dev.runinvm.maven;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.report.Report;
import dev.runinvm.report.RunDocument;
import dev.runinvm.report.RunDocuments;
import java.io.File;
import java.io.IOException;
import org.apache.maven.plugin.logging.Log;
import org.apache.maven.plugins.annotations.LifecyclePhase;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;

/**
 * Compares what guests did under different techniques: one page, <code>target/vm/report/index.html</code>, that needs no
 * network; the same as JSON beside it; a few lines in the console. Reads what the test runs have left, starts no guest, and
 * never fails the build because of tests.
 *
 * @since 0.1.0
 */
@Mojo(name = "report", defaultPhase = LifecyclePhase.VERIFY, threadSafe = true)
public class ReportMojo extends AbstractVmMojo {
    /**
     * The folder in which guest runs have left their documents and consoles; the report goes into its folder
     * <code>report</code>.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.runsDirectory", defaultValue = "${project.build.directory}/vm", required = true)
    private File runsDirectory = new File("target/vm");

    @Override
    void run() {
        if (!runsDirectory.isDirectory()) {
            getLog().info("No test has run in a guest: there is no " + runsDirectory + ".");
            return;
        }
        try {
            make(runsDirectory, getLog());
        } catch (IOException e) {
            throw new HostLacks("cannot make the report in " + runsDirectory + ": " + e, e);
        }
    }

    /** Makes the report if runs of several techniques are there; what goes wrong with it is told, and no failure. */
    static void ofSeveralTechniques(File runsDirectory, Log log) {
        try {
            long techniques = RunDocuments.find(runsDirectory.toPath()).runs().stream()
                    .map(RunDocument::technique)
                    .distinct()
                    .count();
            if (techniques > 1) {
                make(runsDirectory, log);
            }
        } catch (IOException e) {
            log.warn("cannot make the report in " + runsDirectory + ": " + e);
        }
    }

    private static void make(File runsDirectory, Log log) throws IOException {
        Report.Made made = Report.make(runsDirectory.toPath());
        made.console().forEach(log::info);
        log.info("Report: " + made.page());
    }
}
