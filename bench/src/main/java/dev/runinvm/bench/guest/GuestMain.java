package dev.runinvm.bench.guest;

import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs one JUnit test class, or the processor-bound or the kernel-bound work, and marks on standard output when what happened: the host
 * takes the time, since a guest's clock is not to be trusted with it.
 */
public final class GuestMain {
    /** What every line for the host begins with. */
    public static final String MARK = "BENCH ";
    /** The JVM has started. */
    public static final String JVM = "jvm";
    /** The first test has passed. */
    public static final String FIRST_RESULT = "first-result";
    /** All is over; followed by the number of tests that passed. */
    public static final String DONE = "done";
    /** Name of the median time that a test of many takes, in microseconds: from the end of the one before to its own. */
    public static final String PER_TEST = "test-us";
    /** Followed by a name and a number: milliseconds, unless the name says otherwise. */
    public static final String WORK = "work";

    private GuestMain() {}

    /**
     * The entry point.
     *
     * @param arguments {@code cpu} or {@code micro}; or {@code junit} or {@code overhead} and, unless it is {@link SampleTests} or
     *     {@link TrivialTests}, the name of the test class
     */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        if (arguments.length == 1) {
            mark(JVM);
        }
        if (arguments[0].equals("cpu")) {
            CpuWork.all().forEach((name, millis) -> mark(WORK + " " + name + " " + millis));
            mark(DONE + " 0");
            return;
        }
        if (arguments[0].equals("micro")) {
            MicroWork.all().forEach((name, nanos) -> mark(WORK + " " + name + " " + nanos));
            mark(DONE + " 0");
            return;
        }
        boolean many = arguments[0].equals("overhead");
        Class<?> usual = many ? TrivialTests.class : SampleTests.class;
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(DiscoverySelectors.selectClass(arguments.length == 1 ? usual.getName() : arguments[1]))
                .build();
        AtomicInteger passed = new AtomicInteger();
        AtomicInteger failed = new AtomicInteger();
        List<Long> ends = Collections.synchronizedList(new ArrayList<>());
        LauncherFactory.create().execute(request, new TestExecutionListener() {
            @Override
            public void executionFinished(TestIdentifier test, TestExecutionResult result) {
                if (test.isTest()) {
                    ends.add(System.nanoTime());
                }
                if (result.getStatus() != TestExecutionResult.Status.SUCCESSFUL) {
                    failed.incrementAndGet();
                    result.getThrowable().ifPresent(System.out::println);
                } else if (test.isTest() && passed.getAndIncrement() == 0) {
                    mark(FIRST_RESULT);
                }
            }
        });
        if (many) {
            mark(WORK + " " + PER_TEST + " " + medianStep(ends) / 1000);
        }
        mark(DONE + " " + passed.get());
        System.exit(failed.get() == 0 ? 0 : 1);
    }

    private static long medianStep(List<Long> ends) {
        List<Long> steps = new ArrayList<>();
        for (int i = 1; i < ends.size(); i++) {
            steps.add(ends.get(i) - ends.get(i - 1));
        }
        Collections.sort(steps);
        return steps.isEmpty() ? 0 : steps.get(steps.size() / 2);
    }

    private static void mark(String what) {
        PrintStream out = System.out;
        out.println(MARK + what);
        out.flush();
    }
}
