package dev.runinvm.bench;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Our engine with one technique, in a JVM of its own, started cold as a build's test JVM is. */
record Engine(Technique technique, Workload workload, Duration deadline) implements Contender {
    @Override
    public String name() {
        return technique.name().toLowerCase(Locale.ROOT);
    }

    @Override
    public String description() {
        return "RunInVM, technique " + technique + ", kernel "
                + workload.image().kernelRelease();
    }

    @Override
    public Optional<String> missing() {
        return missing(technique);
    }

    /** Why a technique cannot run here; empty when it can. */
    static Optional<String> missing(Technique technique) {
        Availability availability = Techniques.availability(technique);
        return availability.usable() ? Optional.empty() : Optional.of(String.join("; ", availability.missing()));
    }

    @Override
    public boolean runs(Work work) {
        return true;
    }

    @Override
    public List<String> command(Work work) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp",
                System.getProperty("java.class.path"),
                EngineGuest.class.getName(),
                technique.name(),
                Integer.toString(workload.memoryMib()),
                workload.guestJar().toString(),
                Long.toString(deadline.toSeconds()),
                work.guestArgument());
    }
}
