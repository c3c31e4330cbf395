package dev.runinvm.maven;

import dev.runinvm.maven.results.Summary;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.Parameter;

/** What the two goals that run tests and judge them share: when they do nothing, and the file that one leaves for the other. */
abstract class AbstractTestMojo extends AbstractVmMojo {
    /**
     * Whether to run no tests, of any kind: Maven's common switch.
     *
     * @since 0.1.0
     */
    @Parameter(property = "skipTests", defaultValue = "false")
    private boolean skipTests;

    /**
     * Whether to run no integration tests: Failsafe's switch.
     *
     * @since 0.1.0
     */
    @Parameter(property = "skipITs", defaultValue = "false")
    private boolean skipITs;

    /**
     * Whether tests are neither compiled nor run: Maven's common switch.
     *
     * @since 0.1.0
     */
    @Parameter(property = "maven.test.skip", defaultValue = "false")
    private boolean skipAll;

    /**
     * Directory of the reports: <code>TEST-*.xml</code> for machines, <code>*.txt</code> for people.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.reportsDirectory", defaultValue = "${project.build.directory}/vm-reports")
    File reportsDirectory = new File("target/vm-reports");

    /**
     * File with the totals, in the form of Failsafe's summary. <code>vm:integration-test</code> writes it and
     * <code>vm:verify</code> reads it. Relative to <code>reportsDirectory</code> unless it is absolute.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.summaryFile", defaultValue = "vm-summary.xml")
    private String summaryFile = "vm-summary.xml";

    @Override
    final void run() throws MojoExecutionException, MojoFailureException, InterruptedException {
        String reason = skipAll ? "maven.test.skip" : skipTests ? "skipTests" : skipITs ? "skipITs" : "";
        if (reason.isEmpty()) {
            test();
        } else {
            getLog().info("Tests are skipped: " + reason + " is set.");
        }
    }

    /** The goal itself, when tests are not skipped. */
    abstract void test() throws MojoExecutionException, MojoFailureException, InterruptedException;

    final File summaryFile() {
        File file = new File(summaryFile);
        return file.isAbsolute() ? file : new File(reportsDirectory, summaryFile);
    }

    /** The totals that were left; none if no test was run. */
    final Summary readSummary() throws MojoExecutionException {
        try {
            return Files.exists(summaryFile().toPath())
                    ? Summary.read(summaryFile().toPath())
                    : Summary.EMPTY;
        } catch (IOException e) {
            throw new MojoExecutionException(String.valueOf(e.getMessage()), e);
        }
    }
}
