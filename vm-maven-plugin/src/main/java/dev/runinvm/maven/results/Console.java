package dev.runinvm.maven.results;

import dev.runinvm.maven.results.Attempt.Outcome;
import dev.runinvm.maven.results.Suite.Counts;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import org.apache.maven.plugin.logging.Log;
import org.jspecify.annotations.Nullable;

/** Tells people in the build's log how tests go, in Surefire's words. Thread-safe: lines that belong together stay so. */
public final class Console {
    private static final String RULE = "-------------------------------------------------------";

    private final Log log;

    /** Writes to this log. */
    public Console(Log log) {
        this.log = log;
    }

    /** Before everything. */
    public synchronized void heading(String what) {
        log.info("");
        log.info(RULE);
        log.info(" T E S T S   I N   G U E S T S   (" + what + ")");
        log.info(RULE);
    }

    /** A class begins. */
    synchronized void running(String className) {
        log.info("Running " + className);
    }

    /** A class has ended: what it came to in this execution. */
    synchronized void finished(String name, List<NamedAttempt> attempts, long nanos) {
        int[] of = new int[Outcome.values().length];
        attempts.forEach(a -> of[a.attempt.outcome().ordinal()]++);
        Counts counts = new Counts(
                attempts.size(),
                of[Outcome.FAILURE.ordinal()],
                of[Outcome.ERROR.ordinal()],
                of[Outcome.SKIPPED.ordinal()],
                0);
        print(level(counts), line(name, counts, nanos));
        for (NamedAttempt named : attempts) {
            Problem problem = named.attempt.problem();
            if (problem != null) {
                log.error(line(name, named.name, named.attempt));
                problem.stack().lines().forEach(log::error);
                log.error("");
            }
        }
    }

    /** An execution with the name of its test. */
    record NamedAttempt(String name, Attempt attempt) {}

    private enum Level {
        INFO,
        WARN,
        ERROR
    }

    private static Level level(Counts counts) {
        return counts.failed() ? Level.ERROR : counts.skipped() + counts.flakes() > 0 ? Level.WARN : Level.INFO;
    }

    private void print(Level level, String line) {
        switch (level) {
            case INFO -> log.info(line);
            case WARN -> log.warn(line);
            case ERROR -> log.error(line);
        }
    }

    private static String line(String name, Counts counts, long nanos) {
        return counts + ", Time elapsed: " + seconds(nanos) + " s" + mark(counts) + " -- in " + name;
    }

    private static String mark(Counts counts) {
        return counts.errors() > 0 ? " <<< ERROR!" : counts.failures() > 0 ? " <<< FAILURE!" : "";
    }

    private static String line(String className, String name, Attempt attempt) {
        String full = name.equals(className) ? className : className + "." + name;
        String kind = attempt.outcome() == Outcome.FAILURE ? " <<< FAILURE!" : " <<< ERROR!";
        return full + " -- Time elapsed: " + seconds(attempt.nanos()) + " s" + kind;
    }

    private static String seconds(long nanos) {
        return String.format(Locale.ROOT, "%.3f", nanos / 1e9);
    }

    /** The lines of a class's text report. */
    static List<String> file(Suite suite, String suffix) {
        List<String> lines = new ArrayList<>();
        String name = suite.className() + suffix;
        lines.add(RULE);
        lines.add("Test set: " + name);
        lines.add(RULE);
        lines.add(line(name, suite.counts(), suite.nanos()));
        for (TestResult result : suite.results()) {
            Attempt first = result.attempts().get(0);
            Problem problem = first.problem();
            if (problem != null) {
                lines.add(line(name, result.name(), first));
                lines.add(problem.stack());
            }
        }
        return lines;
    }

    /** After everything: which tests failed, each in a line, and the totals. */
    public synchronized void summary(List<Results> all, Summary total) {
        log.info("");
        log.info("Results:");
        list(all, "Failures:", Level.ERROR, r -> r.outcome() == Outcome.FAILURE ? first(r) : null);
        list(all, "Errors:", Level.ERROR, r -> r.outcome() == Outcome.ERROR ? first(r) : null);
        list(all, "Flakes:", Level.WARN, r -> r.flaky() ? first(r) : null);
        log.info("");
        print(level(total.counts()), total.counts().toString());
        if (total.failureMessage() != null) {
            log.error("");
            total.failureMessage().lines().forEach(log::error);
        }
        log.info("");
    }

    private static Attempt first(TestResult result) {
        return result.attempts().get(0);
    }

    private void list(List<Results> all, String title, Level level, Function<TestResult, @Nullable Attempt> which) {
        List<String> lines = new ArrayList<>();
        for (Results results : all) {
            for (Suite suite : results.suites()) {
                for (TestResult result : suite.results()) {
                    Attempt attempt = which.apply(result);
                    if (attempt != null) {
                        lines.addAll(inShort(suite.className(), results.suffix(), result, attempt));
                    }
                }
            }
        }
        if (!lines.isEmpty()) {
            print(level, title);
            lines.forEach(line -> print(level, "  " + line));
        }
    }

    /** {@code FooIT.bar:17 expected: <1> but was: <2>}, or {@code FooIT.bar:17 » IllegalState broken}; then its reruns. */
    private static List<String> inShort(String className, String suffix, TestResult result, Attempt attempt) {
        String simple = className.substring(className.lastIndexOf('.') + 1) + suffix;
        String name = result.name().equals(className) ? simple : simple + "." + result.name();
        List<String> lines = new ArrayList<>();
        lines.add(name + words(attempt));
        List<Attempt> attempts = result.attempts();
        for (int i = 1; i < attempts.size(); i++) {
            Attempt again = attempts.get(i);
            lines.add("  Run " + (i + 1) + ": " + (again.outcome().failed() ? again.outcome() + words(again) : "PASS"));
        }
        return lines;
    }

    private static String words(Attempt attempt) {
        Problem problem = attempt.problem();
        if (problem == null) {
            return "";
        }
        String line = problem.line() > 0 ? ":" + problem.line() : "";
        String message = problem.message() == null
                ? ""
                : problem.message().lines().findFirst().orElse("");
        return attempt.outcome() == Outcome.FAILURE
                ? line + " " + message
                : line + " » " + problem.shortType() + " " + message;
    }
}
