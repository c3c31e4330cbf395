package dev.runinvm.bench;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The same work in a JVM on the host: what no virtual machine can beat. */
record Native(Path guestJar) implements Contender {
    @Override
    public String name() {
        return "native";
    }

    @Override
    public String description() {
        return "the host itself, " + Runtime.version();
    }

    @Override
    public Optional<String> missing() {
        return Optional.empty();
    }

    @Override
    public boolean runs(Work work) {
        return work != Work.BOOTS;
    }

    @Override
    public List<String> milestones() {
        return List.of(Run.JVM);
    }

    @Override
    public List<String> command(Work work) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                guestJar.toString(),
                "dev.runinvm.bench.guest.GuestMain",
                work.guestArgument());
    }
}
