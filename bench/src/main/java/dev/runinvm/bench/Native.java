package dev.runinvm.bench;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The same work in a JVM on the host: what no virtual machine can beat. It has what a guest has, one processor and as much
 * memory; with a second processor a JVM compiles and collects beside the work, and the ratio would say that instead.
 */
record Native(Path guestJar, int memoryMib) implements Contender {
    @Override
    public String name() {
        return "native";
    }

    @Override
    public String description() {
        return "the host itself, one processor, " + Runtime.version();
    }

    @Override
    public Optional<String> missing() {
        return Tool.missing("taskset", "util-linux");
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
                "taskset",
                "--cpu-list",
                Tool.firstCpu(),
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:MaxRAM=" + memoryMib + "m",
                "-cp",
                guestJar.toString(),
                "dev.runinvm.bench.guest.GuestMain",
                work.guestArgument());
    }
}
