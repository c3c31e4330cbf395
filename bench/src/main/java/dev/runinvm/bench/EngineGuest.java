package dev.runinvm.bench;

import dev.runinvm.bench.guest.GuestMain;
import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/** A fresh JVM that runs one guest on our engine and one command in it, its console on standard output. */
final class EngineGuest {
    /** Mark, followed by a counter's name and value. */
    static final String COUNTER = "counter";
    /** Mark, followed by a boot phase's name and milliseconds since this JVM was started. */
    static final String PHASE = "phase";

    private EngineGuest() {}

    /**
     * The entry point.
     *
     * @param arguments technique, mebibytes of RAM, the guest's jar, seconds that the run may take, what
     *     {@link GuestMain} is told to do
     */
    public static void main(String[] arguments) throws InterruptedException {
        long jvmMillis = ProcessHandle.current()
                .info()
                .startInstant()
                .map(t -> Duration.between(t, java.time.Instant.now()).toMillis())
                .orElse(0L);
        long start = System.nanoTime();
        Technique technique = Technique.valueOf(arguments[0]);
        PrintStream out = System.out;
        VmConfig config = VmConfig.of(technique)
                .memory(Long.parseLong(arguments[1]) << 20)
                .agent(Path.of(arguments[2]))
                .command(Workload.guestCommand(arguments[4]))
                .consoleListener(bytes -> {
                    out.write(bytes, 0, bytes.length);
                    out.flush();
                });
        long guestStart = System.nanoTime();
        try (Vm vm = Techniques.start(config)) {
            long startedWithin = System.nanoTime() - guestStart;
            boolean ended = vm.awaitEnd(Duration.ofSeconds(Long.parseLong(arguments[3])));
            out.println();
            for (Map.Entry<String, Long> phase : vm.console().phases().entrySet()) {
                mark(PHASE, phase.getKey(), jvmMillis + (guestStart - start + phase.getValue()) / 1_000_000);
            }
            mark(PHASE, "engine-started", jvmMillis + (guestStart - start + startedWithin) / 1_000_000);
            vm.counters().forEach((name, value) -> mark(COUNTER, name, value));
            out.println(vm.end().map(GuestEnd::toString).orElse("the guest did not end in time"));
            System.exit(ended ? vm.console().exitStatus().orElse(99) : 98);
        }
    }

    private static void mark(String what, String name, long value) {
        System.out.println(GuestMain.MARK + what + " " + name.replace(' ', '-') + " " + value);
    }
}
