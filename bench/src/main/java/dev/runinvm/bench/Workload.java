package dev.runinvm.bench;

import dev.runinvm.engine.image.CommandLine;
import dev.runinvm.engine.image.PreparedImage;
import java.nio.file.Path;

/**
 * What every guest is given: the same image, memory and command.
 *
 * @param guestJar the jar on the host
 * @param image kernel and file system with the JDK and the jar
 * @param initramfs the image's archives in one file
 * @param memoryMib mebibytes of RAM
 */
record Workload(Path guestJar, PreparedImage image, Path initramfs, int memoryMib) {
    /** Where the image has the jar. */
    private static final String JAR_IN_GUEST = "/opt/runinvm/agent.jar";

    /** The shell command that runs in the guest. */
    static String guestCommand(String argument) {
        return "java -cp " + JAR_IN_GUEST + " dev.runinvm.bench.guest.GuestMain " + argument;
    }

    /** The kernel's command line for a machine that reads no other configuration. */
    CommandLine kernelCommandLine(Work work) {
        return CommandLine.standard().command(guestCommand(work.guestArgument()));
    }
}
