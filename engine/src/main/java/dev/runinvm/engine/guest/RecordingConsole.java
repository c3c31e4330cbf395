package dev.runinvm.engine.guest;

import dev.runinvm.engine.GuestConsole;
import dev.runinvm.engine.HostLacks;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the last lines of a guest's console, writes all of it to a file, and reads the control stream on which the
 * guest's init tells what it does. Both are a guest's words: shown to people, never acted on beyond naming an end.
 */
public final class RecordingConsole implements GuestConsole, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RecordingConsole.class);

    /** Lines kept for failure messages. */
    private static final int KEPT = 400;
    /** Bytes of the log file after which the rest is dropped, with a note. */
    private static final long LOG_LIMIT = 64L << 20;

    private static final int PHASES_LIMIT = 64;
    private static final Pattern EXITED = Pattern.compile(
            "runinvm: (?:agent|command|shell) (?:exited |killed by signal \\d+ \\(status )(\\d{1,3})\\)?");
    private static final Pattern PHASE = Pattern.compile("runinvm: ([a-z][a-z -]{0,40})");
    private static final Pattern OFF = Pattern.compile("\\[ *\\d+\\.\\d+] reboot: (Power down|System halted)");
    private static final Pattern RESTART =
            Pattern.compile("\\[ *\\d+\\.\\d+] (reboot: (Restarting system|machine restart).*|sysrq: Resetting)");
    private static final Pattern CONTROL = Pattern.compile("\u001b\\[[0-9;?]*[A-Za-z]|[\\p{Cntrl}&&[^\t]]");

    private final ArrayDeque<String> lines = new ArrayDeque<>();
    private final LineBuffer console = new LineBuffer(this::line);
    private final LineBuffer control = new LineBuffer(this::controlLine);
    private final Map<String, Long> phases = new LinkedHashMap<>();
    private final Logger logger;
    private final @Nullable Path file;
    private final @Nullable Consumer<byte[]> listener;
    private final Consumer<byte[]> keyboard;
    private final LongSupplier nanos;
    private @Nullable OutputStream out;
    private long written;
    private int exitStatus = -1;
    private @Nullable String panic;
    private boolean poweringOff;
    private boolean restarting;

    /**
     * Opens the log.
     *
     * @param loggerName where each line is also logged, at debug
     * @param file receives everything, or null
     * @param listener sees every piece, or null
     * @param keyboard takes what is typed
     * @param nanos nanoseconds since the guest was started
     */
    public RecordingConsole(
            String loggerName,
            @Nullable Path file,
            @Nullable Consumer<byte[]> listener,
            Consumer<byte[]> keyboard,
            LongSupplier nanos) {
        this.logger = LoggerFactory.getLogger(loggerName);
        this.file = file;
        this.listener = listener;
        this.keyboard = keyboard;
        this.nanos = nanos;
        if (file != null) {
            try {
                Path parent = file.toAbsolutePath().getParent();
                if (parent != null) {
                    Files.createDirectories(parent);
                }
                out = Files.newOutputStream(file);
            } catch (IOException e) {
                throw new HostLacks("cannot write the guest's console to " + file + ": " + e, e);
            }
        }
    }

    /** Takes one byte of console output. */
    public void output(int value) {
        output(new byte[] {(byte) value}, 0, 1);
    }

    /** Takes one byte of the control stream. */
    public void controlOutput(int value) {
        controlOutput(new byte[] {(byte) value}, 0, 1);
    }

    /** Takes console output. */
    public synchronized void output(byte[] bytes, int from, int count) {
        console.accept(bytes, from, count);
        log(bytes, from, count);
        if (listener != null) {
            listener.accept(java.util.Arrays.copyOfRange(bytes, from, from + count));
        }
    }

    private void log(byte[] bytes, int from, int count) {
        if (out == null) {
            return;
        }
        try {
            if (written < LOG_LIMIT) {
                out.write(bytes, from, count);
                if (written + count >= LOG_LIMIT) {
                    out.write("\n[the rest of this log was dropped: it is longer than 64 MiB]\n"
                            .getBytes(StandardCharsets.US_ASCII));
                }
            }
            written += count;
        } catch (IOException e) {
            LOG.warn("cannot write the guest's console to {}, going on without: {}", file, e.toString());
            closeLog();
        }
    }

    /** Takes output of the control stream. */
    public synchronized void controlOutput(byte[] bytes, int from, int count) {
        control.accept(bytes, from, count);
    }

    private void line(String text) {
        String clean = CONTROL.matcher(text).replaceAll("");
        lines.addLast(clean);
        if (lines.size() > KEPT) {
            lines.removeFirst();
        }
        logger.debug("{}", clean);
        int at = clean.indexOf("Kernel panic - not syncing");
        if (at >= 0 && panic == null) {
            panic = clean.substring(at);
        }
        if (RESTART.matcher(clean).matches()) {
            restarting = true;
        }
        if (OFF.matcher(clean).matches()) {
            poweringOff = true;
        }
        if (clean.contains("Linux version ")) {
            phase("kernel");
        }
    }

    private void controlLine(String text) {
        Matcher exited = EXITED.matcher(text);
        if (exited.matches()) {
            exitStatus = Math.min(255, Integer.parseInt(exited.group(1)));
            return;
        }
        Matcher matcher = PHASE.matcher(text);
        if (matcher.matches()) {
            phase(matcher.group(1));
        }
    }

    /** Notes that a boot phase was reached, the first time it is. */
    public synchronized void phase(String name) {
        if (phases.size() < PHASES_LIMIT) {
            phases.putIfAbsent(name, nanos.getAsLong());
        }
    }

    /** The kernel's panic message, if it printed one. */
    public synchronized Optional<String> panic() {
        return Optional.ofNullable(panic);
    }

    /** Whether the kernel said that it is switching the machine off. */
    public synchronized boolean poweringOff() {
        return poweringOff;
    }

    /** Whether the kernel said that it is restarting the machine. */
    public synchronized boolean restarting() {
        return restarting;
    }

    @Override
    public synchronized List<String> tail(int count) {
        List<String> all = new ArrayList<>(lines);
        String rest = CONTROL.matcher(console.rest()).replaceAll("");
        if (!rest.isEmpty()) {
            all.add(rest);
        }
        return List.copyOf(all.subList(Math.max(0, all.size() - count), all.size()));
    }

    /** What a guest that goes on from a snapshot is to know of what came before: the lines that are kept, as UTF-8. */
    public synchronized byte[] history() {
        StringBuilder text = new StringBuilder();
        lines.forEach(line -> text.append(line).append('\n'));
        return text.append(console.rest()).toString().getBytes(StandardCharsets.UTF_8);
    }

    /**
     * Puts before all else what a guest printed before its snapshot was taken: for tails and for the log. Nothing in it is a
     * sign of how this guest fares, and nobody is told of it.
     */
    public synchronized void setHistory(byte[] history) {
        String text = new String(history, StandardCharsets.UTF_8);
        int rest = text.lastIndexOf('\n') + 1;
        lines.clear();
        text.substring(0, rest).lines().forEach(lines::addLast);
        while (lines.size() > KEPT) {
            lines.removeFirst();
        }
        byte[] unfinished = text.substring(rest).getBytes(StandardCharsets.UTF_8);
        console.accept(unfinished, 0, unfinished.length);
        log(history, 0, history.length);
    }

    @Override
    public Optional<Path> log() {
        return Optional.ofNullable(file);
    }

    @Override
    public void type(byte[] bytes) {
        keyboard.accept(bytes);
    }

    @Override
    public synchronized OptionalInt exitStatus() {
        return exitStatus < 0 ? OptionalInt.empty() : OptionalInt.of(exitStatus);
    }

    @Override
    public synchronized Map<String, Long> phases() {
        return new LinkedHashMap<>(phases);
    }

    @Override
    public OptionalLong nanosSinceStart() {
        return OptionalLong.of(nanos.getAsLong());
    }

    private void closeLog() {
        OutputStream stream = out;
        out = null;
        if (stream != null) {
            try {
                stream.close();
            } catch (IOException e) {
                LOG.warn("cannot close {}: {}", file, e.toString());
            }
        }
    }

    @Override
    public synchronized void close() {
        closeLog();
    }
}
