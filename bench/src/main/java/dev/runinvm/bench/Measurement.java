package dev.runinvm.bench;

import dev.runinvm.bench.guest.GuestMain;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * Runs a contender's command once, notes when which line came, and leaves no process behind. All times are taken
 * here, from outside: a guest's clock may go wrong.
 */
final class Measurement {
    private static final int TAIL_LINES = 15;
    private static final String INIT_STARTED = "runinvm: init";
    private static final String INIT_ENDS = "runinvm: end";

    private final int round;
    private final Contender contender;
    private final Work work;
    private final Map<String, Long> millis = new LinkedHashMap<>();
    private final Map<String, Long> workMillis = new LinkedHashMap<>();
    private final Map<String, Long> counters = new LinkedHashMap<>();
    private final Deque<String> tail = new ArrayDeque<>();
    private final CompletableFuture<String> ended = new CompletableFuture<>();
    private final long start = System.nanoTime();
    private boolean done;

    private Measurement(int round, Contender contender, Work work) {
        this.round = round;
        this.contender = contender;
        this.work = work;
    }

    /**
     * Runs once.
     *
     * @param round its number, from 1
     * @param deadline the most the run may take
     * @param log receives everything the command prints
     */
    static Run of(int round, Contender contender, Work work, Duration deadline, Path log)
            throws IOException, InterruptedException {
        Process process = new ProcessBuilder(contender.command(work)).start();
        Measurement measurement = new Measurement(round, contender, work);
        try (MemorySampler memory = new MemorySampler(process.toHandle());
                var out = Files.newBufferedWriter(log)) {
            process.getOutputStream().close();
            Thread output = measurement.reader(process.getInputStream(), out);
            Thread errors = measurement.reader(process.getErrorStream(), out);
            boolean inTime = measurement.awaitEnd(process, deadline);
            killTree(process);
            output.join(deadline.toMillis());
            errors.join(deadline.toMillis());
            return measurement.result(inTime, deadline, memory.peak());
        } finally {
            killTree(process);
        }
    }

    private boolean awaitEnd(Process process, Duration deadline) throws InterruptedException {
        try {
            CompletableFuture.anyOf(process.onExit(), ended).get(deadline.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            throw new IllegalStateException("waiting for " + contender.name() + " failed", e);
        }
    }

    private static void killTree(Process process) throws InterruptedException {
        List<ProcessHandle> all = Stream.concat(Stream.of(process.toHandle()), process.descendants())
                .toList();
        all.forEach(ProcessHandle::destroyForcibly);
        CompletableFuture<?>[] ends = all.stream().map(ProcessHandle::onExit).toArray(CompletableFuture<?>[]::new);
        try {
            CompletableFuture.allOf(ends).get(10, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new IllegalStateException("these processes outlive SIGKILL: " + all, e);
        }
    }

    private Thread reader(InputStream in, Appendable log) {
        Thread thread = new Thread(
                () -> {
                    try (BufferedReader lines =
                            new BufferedReader(new InputStreamReader(in, StandardCharsets.ISO_8859_1))) {
                        String line;
                        while ((line = lines.readLine()) != null) {
                            line(line.strip(), log);
                        }
                    } catch (IOException e) {
                        noteLine("(its output could not be read to the end: " + e.getMessage() + ")");
                    }
                },
                "bench-output");
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private synchronized void line(String line, Appendable log) throws IOException {
        long now = (System.nanoTime() - start) / 1_000_000;
        log.append(Long.toString(now)).append(' ').append(line).append('\n');
        noteLine(line);
        int mark = line.indexOf(GuestMain.MARK);
        if (line.endsWith(INIT_STARTED)) {
            millis.putIfAbsent(Run.INIT, now);
        } else if (line.endsWith(INIT_ENDS)) {
            millis.putIfAbsent(Run.TOTAL, now);
            ended.complete(line);
        } else if (mark >= 0) {
            mark(line.substring(mark + GuestMain.MARK.length()).split(" "), now);
        }
    }

    private void mark(String[] words, long now) {
        switch (words[0]) {
            case GuestMain.JVM -> millis.putIfAbsent(Run.JVM, now);
            case GuestMain.FIRST_RESULT -> millis.putIfAbsent(Run.FIRST_RESULT, now);
            case GuestMain.DONE -> done = true;
            case GuestMain.WORK -> workMillis.put(words[1], Long.parseLong(words[2]));
            case EngineGuest.COUNTER -> counters.put(words[1], Long.parseLong(words[2]));
            case EngineGuest.PHASE -> millis.put(words[1], Long.parseLong(words[2]));
            default -> noteLine("(unknown mark " + words[0] + ")");
        }
    }

    private synchronized void noteLine(String line) {
        tail.add(line);
        if (tail.size() > TAIL_LINES) {
            tail.remove();
        }
    }

    private synchronized Run result(boolean inTime, Duration deadline, Run.Held peak) {
        Optional<String> failure = Optional.empty();
        if (!done) {
            failure = Optional.of(contender.name()
                    + (inTime
                            ? " ended before its work was done"
                            : " was not done within " + deadline.toSeconds() + " s")
                    + "; awaited: " + awaited() + "; reached: " + millis + " ms; its last lines:\n  "
                    + String.join("\n  ", tail));
        }
        millis.putIfAbsent(Run.TOTAL, (System.nanoTime() - start) / 1_000_000);
        return new Run(
                round,
                contender.name(),
                work,
                new LinkedHashMap<>(millis),
                peak,
                new LinkedHashMap<>(workMillis),
                new LinkedHashMap<>(counters),
                failure);
    }

    /** The first milestone that has not come. */
    private String awaited() {
        List<String> expected = new ArrayList<>(contender.milestones());
        if (work != Work.CPU && work != Work.MICRO) {
            expected.add(Run.FIRST_RESULT);
        }
        return expected.stream()
                .filter(name -> !millis.containsKey(name))
                .findFirst()
                .orElse("the end of the work");
    }
}
