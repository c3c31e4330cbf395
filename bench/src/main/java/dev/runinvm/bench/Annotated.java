package dev.runinvm.bench;

import dev.runinvm.bench.guest.GuestMain;
import dev.runinvm.engine.Technique;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The whole product: a JVM as a build starts it, JUnit, {@code @RunInVM}, the hypercall channel. Its first result is
 * there when the host's JUnit shows it. It has no milestones inside the guest.
 */
record Annotated(Technique technique, Workload workload) implements Contender {
    @Override
    public String name() {
        return technique.name().toLowerCase(Locale.ROOT) + "-junit";
    }

    @Override
    public String description() {
        return "RunInVM, @RunInVM with technique " + technique + ", results through the channel";
    }

    @Override
    public Optional<String> missing() {
        return Engine.missing(technique);
    }

    @Override
    public boolean runs(Work work) {
        return work == Work.JUNIT || work == Work.OVERHEAD;
    }

    @Override
    public List<String> milestones() {
        return List.of();
    }

    @Override
    public List<String> command(Work work) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-Druninvm.technique=" + technique,
                "-Druninvm.memory=" + workload.memoryMib() + "M",
                "-cp",
                System.getProperty("java.class.path"),
                GuestMain.class.getName(),
                work.guestArgument(),
                (work == Work.OVERHEAD ? InVmTrivialTests.class : InVmTests.class).getName());
    }
}
