package dev.runinvm.maven;

import dev.runinvm.maven.results.Summary;
import java.io.File;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.LifecyclePhase;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;
import org.jspecify.annotations.Nullable;

/**
 * Fails the build if tests that <code>vm:integration-test</code> ran have failed, or could not be run.
 *
 * @since 0.1.0
 */
@Mojo(name = "verify", defaultPhase = LifecyclePhase.VERIFY, threadSafe = true)
public class VerifyMojo extends AbstractTestMojo {
    /**
     * Whether failures are only told, and do not fail the build.
     *
     * @since 0.1.0
     */
    @Parameter(property = "maven.test.failure.ignore", defaultValue = "false")
    private boolean testFailureIgnore;

    /**
     * Whether it is a failure if there was no test at all.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.failIfNoTests", defaultValue = "false")
    private boolean failIfNoTests;

    /**
     * So many flaky tests, which failed at first and passed when they were run again, are a failure; 0 stands for any number
     * being none.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.failOnFlakeCount", defaultValue = "0")
    private int failOnFlakeCount;

    /**
     * The folder in which guest runs have left their documents. If several techniques ran, the report of
     * <code>vm:report</code> is made of them.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.runsDirectory", defaultValue = "${project.build.directory}/vm")
    private File runsDirectory = new File("target/vm");

    @Override
    void test() throws MojoExecutionException, MojoFailureException {
        if (failOnFlakeCount < 0) {
            throw new MojoFailureException(
                    "vm.failOnFlakeCount is " + failOnFlakeCount + "; a number of tests is at least 0");
        }
        ReportMojo.ofSeveralTechniques(runsDirectory, getLog());
        Summary summary = readSummary();
        String problem = problem(summary);
        if (problem == null) {
            return;
        }
        String message =
                problem + "\n\nSee " + reportsDirectory + " for the individual test results, and the consoles of"
                        + " their guests under the build directory's folder vm.";
        if (testFailureIgnore) {
            getLog().error(message);
        } else {
            throw new MojoFailureException(message);
        }
    }

    private @Nullable String problem(Summary summary) {
        if (summary.failureMessage() != null) {
            return "Tests could not be run in guests: " + summary.failureMessage();
        }
        if (summary.counts().failed()) {
            return "There are test failures in guests: " + summary.counts() + ".";
        }
        if (failOnFlakeCount > 0 && summary.counts().flakes() >= failOnFlakeCount) {
            return "There are " + summary.counts().flakes() + " flaky tests, and " + failOnFlakeCount
                    + " are a failure (vm.failOnFlakeCount).";
        }
        if (failIfNoTests && summary.counts().tests() == 0) {
            return "No tests were run (vm.failIfNoTests).";
        }
        return null;
    }
}
