package dev.runinvm.maven;

import dev.runinvm.client.Coverage;
import dev.runinvm.client.FileMapping;
import dev.runinvm.client.GuestDebugging;
import dev.runinvm.client.GuestJvm;
import dev.runinvm.client.GuestSession;
import dev.runinvm.engine.Availability;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.MemorySize;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.maven.results.Console;
import dev.runinvm.maven.results.Results;
import dev.runinvm.maven.results.Summary;
import dev.runinvm.maven.run.JvmOptions;
import dev.runinvm.maven.run.RunSettings;
import dev.runinvm.maven.run.TestClassPath;
import dev.runinvm.maven.run.TestClasses;
import dev.runinvm.maven.run.TestRun;
import dev.runinvm.wire.GuestMessage;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TimeZone;
import org.apache.maven.artifact.Artifact;
import org.apache.maven.execution.MavenSession;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.Component;
import org.apache.maven.plugins.annotations.LifecyclePhase;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;
import org.apache.maven.plugins.annotations.ResolutionScope;
import org.apache.maven.project.MavenProject;
import org.eclipse.aether.RepositorySystem;
import org.jspecify.annotations.Nullable;

/**
 * Runs test classes in guests, annotated or not, with every test engine of the project's test class path. Records what they
 * come to and never fails the build for it, so that <code>post-integration-test</code> gets its turn:
 * <code>vm:verify</code> judges.
 *
 * <p>JUnit is started in the guest only: nothing of the test classes is loaded by the JVM that runs Maven, and the guest has
 * the JDK of that JVM.
 *
 * @since 0.1.0
 */
@SuppressWarnings("NullAway.Init") // Maven sets the fields that have no value here.
@Mojo(
        name = "integration-test",
        defaultPhase = LifecyclePhase.INTEGRATION_TEST,
        requiresDependencyResolution = ResolutionScope.TEST,
        threadSafe = true)
public class IntegrationTestMojo extends AbstractTestMojo {
    /** Kept for the life of a build: summaries that this build has written, to which further executions add. */
    private static final String WRITTEN = "vm.summaries.written";

    private static final List<String> DEFAULT_INCLUDES = List.of("**/IT*.java", "**/*IT.java", "**/*ITCase.java");
    private static final List<String> DEFAULT_EXCLUDES = List.of("**/*$*");

    @Parameter(defaultValue = "${project}", readonly = true, required = true)
    private MavenProject project;

    @Parameter(defaultValue = "${session}", readonly = true, required = true)
    private MavenSession session;

    @Component
    private RepositorySystem repositories;

    /**
     * Directory with the test classes to run.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.testClassesDirectory", defaultValue = "${project.build.testOutputDirectory}")
    private File testClassesDirectory;

    /**
     * The classes under test: a directory, or a jar.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.classesDirectory", defaultValue = "${project.build.outputDirectory}")
    private File classesDirectory;

    /**
     * Dependencies whose jars hold test classes to run too, for example test-jars of other modules:
     * <code>groupId:artifactId</code>, or <code>groupId:artifactId:classifier</code>.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.dependenciesToScan")
    private List<String> dependenciesToScan = new ArrayList<>();

    /**
     * Jars and directories to put at the class path's end.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.additionalClasspathElements")
    private List<String> additionalClasspathElements = new ArrayList<>();

    /**
     * Patterns of test classes to run, as Surefire has them; by default <code>**&#47;IT*.java</code>,
     * <code>**&#47;*IT.java</code> and <code>**&#47;*ITCase.java</code>.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.includes")
    private List<String> includes = new ArrayList<>();

    /**
     * Patterns of test classes to leave out, as Surefire has them; by default nested classes, <code>**&#47;*$*</code>, whose
     * tests run with those of the class around.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.excludes")
    private List<String> excludes = new ArrayList<>();

    /**
     * Tests to run instead of those of <code>includes</code> and <code>excludes</code>, as Surefire has them:
     * <code>FooIT</code>, <code>FooIT#bar+baz</code>, <code>!BarIT</code>, <code>%regex[...]</code>, separated by commas.
     * Failsafe's <code>it.test</code> is understood as well.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.test")
    private @Nullable String test;

    @Parameter(defaultValue = "${it.test}", readonly = true)
    private @Nullable String itTest;

    /**
     * Tags, or JUnit's tag expressions, one of which a test must meet, separated by commas.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.groups")
    private @Nullable String groups;

    /**
     * Tags, or JUnit's tag expressions, none of which a test may meet, separated by commas.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.excludedGroups")
    private @Nullable String excludedGroups;

    /**
     * Techniques that run the guests: FULL, PARA, HW. With several everything is run once with each, and the names of classes
     * in reports have the technique's name appended. None is ever replaced by another one.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.techniques", defaultValue = "FULL")
    private List<String> techniques = new ArrayList<>();

    /**
     * Whether tests of a technique that cannot run on this machine are skipped, with the reason; otherwise they are errors.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.disabledWithout", defaultValue = "false")
    private boolean disabledWithout;

    /**
     * A guest's memory, for example <code>512M</code> or <code>1G</code>.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.memory", defaultValue = "1G")
    private String memory = "1G";

    /**
     * A kernel file, bzImage or vmlinux, or a Debian package that holds one, instead of the default kernel.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.kernel")
    private @Nullable File kernel;

    /**
     * The Debian package to take the kernel from; by default <code>linux-image-cloud-amd64</code>.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.kernelPackage")
    private @Nullable String kernelPackage;

    /**
     * How many guests work on the test classes at a time. Over all modules that are built at once, no more are alive than
     * this or half the number of processors, whichever is more, and than there is memory for.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.parallelGuests", defaultValue = "1")
    private int parallelGuests = 1;

    /**
     * Whether a guest, once it has run a class, runs others in the same JVM, as Surefire does by default. Otherwise each class
     * gets a guest of its own: slower, and nothing that one class does to the machine can disturb another.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.reuseGuests", defaultValue = "false")
    private boolean reuseGuests;

    /**
     * Whether guests may come from a snapshot in which the agent waits and the dependencies' jars are there, instead of
     * booting. Snapshots are made on the way, and kept in the user's cache; see <code>vm:snapshots</code>. Guests of a
     * technique that has none boot each time.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.snapshots", defaultValue = "true")
    private boolean snapshots = true;

    /**
     * How often tests that failed are run again, each time in a fresh guest. A test that passes then is flaky, and passed.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.rerunFailingTestsCount", defaultValue = "0")
    private int rerunFailingTestsCount;

    /**
     * System properties for the tests.
     *
     * @since 0.1.0
     */
    @Parameter
    private Map<String, String> systemPropertyVariables = new LinkedHashMap<>();

    /**
     * JUnit's configuration parameters.
     *
     * @since 0.1.0
     */
    @Parameter
    private Map<String, String> configurationParameters = new LinkedHashMap<>();

    /**
     * Files and directories that are copied into each guest before its tests run, each as <code>HOST:GUEST</code>; the path on
     * the host is relative to the project's directory, the one in the guest absolute. What tests write to the directory that
     * the system property <code>runinvm.files</code> names is in <code>target/vm/CLASS-TECHNIQUE/files</code> afterwards.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.files")
    private List<String> files = new ArrayList<>();

    /**
     * The most that a guest may send back in files, for example <code>1G</code>.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.filesLimit", defaultValue = "1G")
    private String filesLimit = "1G";

    /**
     * Whether the guest's JVM can be debugged from here. <code>true</code>: it waits for a debugger, which connects to port 5005
     * of 127.0.0.1. A number is another port, <code>suspend=n</code> does not wait; <code>5006,suspend=n</code> is both.
     * While debugging there is one guest at a time, and nothing times out.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.debug")
    private @Nullable String debug;

    /**
     * Whether what tests execute in guests is measured where JaCoCo's plugin has prepared it (its goal
     * <code>prepare-agent</code> or <code>prepare-agent-integration</code>: a <code>-javaagent</code> in
     * <code>vm.argLine</code> or in the project's property <code>argLine</code>). It is appended to the file that JaCoCo's agent
     * would write here.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.coverage", defaultValue = "true")
    private boolean coverage = true;

    /**
     * Options of the guest's JVM, for example <code>-Xmx512m</code>. Paths in it are the guest's.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.argLine")
    private @Nullable String argLine;

    /**
     * Whether assertions are enabled in the guest's JVM.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.enableAssertions", defaultValue = "true")
    private boolean enableAssertions;

    /**
     * The most a guest may take from its start to its agent's first word, and to find the tests, in seconds.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.bootTimeout", defaultValue = "180")
    private int bootTimeout = 180;

    /**
     * The most from one test's start or end to the next, in seconds. Then the guest is ended.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.testTimeout", defaultValue = "600")
    private int testTimeout = 600;

    /**
     * The most that all tests of one guest may take, in seconds. Then the guest is ended.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.runTimeout", defaultValue = "3600")
    private int runTimeout = 3600;

    /**
     * Whether stack traces are cut below the test class's own frames.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.trimStackTrace", defaultValue = "false")
    private boolean trimStackTrace;

    /**
     * Whether what tests print is only kept for the reports, and not shown.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.redirectTestOutputToFile", defaultValue = "false")
    private boolean redirectTestOutputToFile;

    /**
     * Whether it is a failure if the tests asked for on the command line do not exist.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.failIfNoSpecifiedTests", defaultValue = "true")
    private boolean failIfNoSpecifiedTests;

    /**
     * Appended to class names in the reports.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.reportNameSuffix", defaultValue = "")
    private @Nullable String reportNameSuffix;

    @Override
    void test() throws MojoExecutionException, MojoFailureException, InterruptedException {
        requireAtLeast("vm.parallelGuests", parallelGuests, 1);
        requireAtLeast("vm.rerunFailingTestsCount", rerunFailingTestsCount, 0);
        requireAtLeast("vm.bootTimeout", bootTimeout, 1);
        requireAtLeast("vm.testTimeout", testTimeout, 1);
        requireAtLeast("vm.runTimeout", runTimeout, 1);
        List<Technique> chosen = techniques();
        TestClasses selection = selection();
        List<Path> places = new ArrayList<>(List.of(testClassesDirectory.toPath()));
        places.addAll(scanned());
        List<String> classes = selection.in(places);
        if (classes.isEmpty()) {
            noClasses(selection);
            return;
        }
        Console console = new Console(getLog());
        List<Results> all = new ArrayList<>();
        for (Technique technique : chosen) {
            all.add(run(technique, chosen.size() > 1, classes, selection, console));
        }
        Summary total = Summary.EMPTY;
        for (Results results : all) {
            total = total.plus(results.summary());
        }
        console.summary(all, total);
        if (total.counts().tests() == 0 && selection.specified() && failIfNoSpecifiedTests) {
            total = total.plus(new Summary(
                    Summary.EMPTY.counts(),
                    "no test matches what was asked for, " + asked() + " (vm.failIfNoSpecifiedTests)"));
        }
        try {
            for (Results results : all) {
                results.write();
            }
        } catch (IOException e) {
            throw new MojoExecutionException("cannot write the reports to " + reportsDirectory + ": " + e, e);
        }
        writeSummary(total);
    }

    private void noClasses(TestClasses selection) throws MojoExecutionException, MojoFailureException {
        if (selection.specified() && failIfNoSpecifiedTests) {
            throw new MojoFailureException("No test class in " + testClassesDirectory + " matches what was asked for, "
                    + asked() + " (vm.failIfNoSpecifiedTests is true).");
        }
        getLog().info("No tests to run: no class in " + testClassesDirectory + " is included.");
        writeSummary(Summary.EMPTY);
    }

    private String asked() {
        return test != null && !test.isBlank() ? "-Dvm.test=" + test : "-Dit.test=" + itTest;
    }

    private static void requireAtLeast(String name, int value, int least) throws MojoFailureException {
        if (value < least) {
            throw new MojoFailureException(name + " is " + value + "; it must be at least " + least);
        }
    }

    private List<Technique> techniques() throws MojoFailureException {
        List<Technique> chosen = new ArrayList<>();
        for (String name : techniques.isEmpty() ? List.of("FULL") : techniques) {
            try {
                Technique technique = Technique.valueOf(name.trim().toUpperCase(Locale.ROOT));
                if (!chosen.contains(technique)) {
                    chosen.add(technique);
                }
            } catch (IllegalArgumentException e) {
                throw new MojoFailureException(
                        "vm.techniques names \"" + name + "\"; there are " + Arrays.toString(Technique.values()), e);
            }
        }
        return chosen;
    }

    private TestClasses selection() {
        return TestClasses.of(
                test != null && !test.isBlank() ? test : itTest,
                includes.isEmpty() ? DEFAULT_INCLUDES : includes,
                excludes.isEmpty() ? DEFAULT_EXCLUDES : excludes);
    }

    private List<Path> scanned() throws MojoFailureException {
        List<Path> places = new ArrayList<>();
        for (String wanted : dependenciesToScan) {
            List<Path> found = new ArrayList<>();
            for (Artifact artifact : project.getArtifacts()) {
                String name = artifact.getGroupId() + ":" + artifact.getArtifactId();
                String full = name + ":" + artifact.getClassifier();
                if ((wanted.equals(name) || wanted.equals(full)) && artifact.getFile() != null) {
                    found.add(artifact.getFile().toPath());
                }
            }
            if (found.isEmpty()) {
                throw new MojoFailureException("vm.dependenciesToScan names " + wanted
                        + ", which is no dependency of " + project.getId() + "; write groupId:artifactId, or"
                        + " groupId:artifactId:classifier, of one that is");
            }
            places.addAll(found);
        }
        return places;
    }

    private Results run(
            Technique technique, boolean oneOfSeveral, List<String> classes, TestClasses selection, Console console)
            throws MojoExecutionException, InterruptedException {
        String suffix = (reportNameSuffix == null || reportNameSuffix.isBlank() ? "" : "-" + reportNameSuffix)
                + (oneOfSeveral ? "-" + technique : "");
        Results results = new Results(suffix, reportsDirectory.toPath(), trimStackTrace);
        console.heading(String.valueOf(technique));
        Availability availability = Techniques.availability(technique);
        if (!availability.usable()) {
            String why = "technique " + technique + " cannot run here: " + String.join("; ", availability.missing());
            if (disabledWithout) {
                getLog().warn(why);
                classes.forEach(name -> results.skipped(name, why));
            } else {
                results.infrastructureFailed(why);
                classes.forEach(name -> results.error(name, "", name, new HostLacks(why)));
            }
            return results;
        }
        new TestRun(settings(technique, classes, selection), results, console, this::show).run();
        return results;
    }

    private RunSettings settings(Technique technique, List<String> classes, TestClasses selection) {
        Optional<GuestDebugging> debugging = GuestDebugging.parse("vm.debug", debug);
        List<String> all = JvmOptions.split(argLine);
        all.addAll(JvmOptions.split(project.getProperties().getProperty("argLine")));
        GuestJvm jvm = new GuestJvm(
                enableAssertions,
                Coverage.without(JvmOptions.split(argLine)),
                debugging,
                coverage ? Coverage.of(all) : Optional.empty());
        VmConfig vm = withKernel(VmConfig.of(technique).memory(MemorySize.parse(memory)), kernel, kernelPackage);
        return new RunSettings(
                vm,
                jvm,
                new TestClassPath(project, repositories, session.getRepositorySession())
                        .entries(
                                List.of(testClassesDirectory.toPath(), classesDirectory.toPath()),
                                additionalClasspathElements.stream()
                                        .map(Path::of)
                                        .toList()),
                classes,
                selection,
                tags(groups),
                tags(excludedGroups),
                parameters(debugging.isPresent()),
                properties(),
                limits(debugging.isPresent()),
                debugging.isPresent() ? 1 : parallelGuests,
                reuseGuests,
                rerunFailingTestsCount,
                FileMapping.parse(files, project.getBasedir().toPath()),
                MemorySize.parse(filesLimit),
                snapshots,
                Path.of(project.getBuild().getDirectory(), "vm"));
    }

    private Map<String, String> parameters(boolean untimed) {
        Map<String, String> parameters = new LinkedHashMap<>(configurationParameters);
        if (untimed) {
            parameters.put("junit.jupiter.execution.timeout.mode", "disabled");
        }
        return parameters;
    }

    private GuestSession.Limits limits(boolean untimed) {
        Duration none = GuestDebugging.NO_LIMIT;
        return untimed
                ? new GuestSession.Limits(none, none, none)
                : new GuestSession.Limits(
                        Duration.ofSeconds(bootTimeout),
                        Duration.ofSeconds(testTimeout),
                        Duration.ofSeconds(runTimeout));
    }

    private static List<String> tags(@Nullable String text) {
        return text == null
                ? List.of()
                : Arrays.stream(text.split(","))
                        .map(String::trim)
                        .filter(tag -> !tag.isEmpty())
                        .toList();
    }

    /** What was asked for, and what makes texts come out as they would here. */
    private Map<String, String> properties() {
        Map<String, String> properties = new LinkedHashMap<>();
        properties.put("user.timezone", TimeZone.getDefault().getID());
        properties.put("user.language", Locale.getDefault().getLanguage());
        properties.put("user.country", Locale.getDefault().getCountry());
        systemPropertyVariables.forEach((key, value) -> properties.put(key, value == null ? "" : value));
        return properties;
    }

    private void show(GuestMessage.Stream stream, String text) {
        if (!redirectTestOutputToFile) {
            (stream == GuestMessage.Stream.OUT ? System.out : System.err).print(text);
        }
    }

    /** A second execution of the same build adds to what the first left; what an earlier build left is replaced. */
    @SuppressWarnings("unchecked")
    private void writeSummary(Summary summary) throws MojoExecutionException {
        Map<String, Object> context = getPluginContext();
        String key = WRITTEN + summaryFile();
        Summary whole = context.containsKey(key) ? readSummary().plus(summary) : summary;
        try {
            whole.write(summaryFile().toPath());
        } catch (IOException e) {
            throw new MojoExecutionException("cannot write " + summaryFile() + ": " + e, e);
        }
        context.put(key, Boolean.TRUE);
    }
}
