package dev.runinvm.bench.guest;

import java.io.PrintStream;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs one JUnit test class, or the processor-bound work, and marks on standard output when what happened: the host
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
    /** Followed by a name and milliseconds. */
    public static final String WORK = "work";

    private GuestMain() {}

    /**
     * The entry point.
     *
     * @param arguments {@code cpu}; or {@code junit} and, unless it is {@link SampleTests}, the name of the test class
     */
    public static void main(String[] arguments) {
        if (arguments.length == 1) {
            mark(JVM);
        }
        if (arguments[0].equals("cpu")) {
            CpuWork.all().forEach((name, millis) -> mark(WORK + " " + name + " " + millis));
            mark(DONE + " 0");
            return;
        }
        LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                .selectors(DiscoverySelectors.selectClass(
                        arguments.length == 1 ? SampleTests.class.getName() : arguments[1]))
                .build();
        AtomicInteger passed = new AtomicInteger();
        AtomicInteger failed = new AtomicInteger();
        LauncherFactory.create().execute(request, new TestExecutionListener() {
            @Override
            public void executionFinished(TestIdentifier test, TestExecutionResult result) {
                if (result.getStatus() != TestExecutionResult.Status.SUCCESSFUL) {
                    failed.incrementAndGet();
                    result.getThrowable().ifPresent(System.out::println);
                } else if (test.isTest() && passed.getAndIncrement() == 0) {
                    mark(FIRST_RESULT);
                }
            }
        });
        mark(DONE + " " + passed.get());
        System.exit(failed.get() == 0 ? 0 : 1);
    }

    private static void mark(String what) {
        PrintStream out = System.out;
        out.println(MARK + what);
        out.flush();
    }
}
