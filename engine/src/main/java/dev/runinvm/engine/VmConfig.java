package dev.runinvm.engine;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What a guest is to be.
 *
 * @param technique how it is run
 * @param memoryBytes bytes of RAM, at least 64 MiB
 * @param kernel a kernel file to use instead of the default one
 * @param agentJar the agent to run in the guest; without one the guest has no JDK and no agent
 * @param mode what its init starts
 * @param command for {@link Mode#COMMAND}: the shell command
 * @param kernelArguments appended to the kernel's command line
 * @param consoleLog file that receives the console
 * @param consoleListener called with every piece of console output, on the guest's thread; must be quick
 * @param prepareTimeout the most that fetching the kernel and making the image may take
 */
public record VmConfig(
        Technique technique,
        long memoryBytes,
        Optional<Path> kernel,
        Optional<Path> agentJar,
        Mode mode,
        Optional<String> command,
        List<String> kernelArguments,
        Optional<Path> consoleLog,
        Optional<Consumer<byte[]>> consoleListener,
        Duration prepareTimeout) {
    /** What the guest's init starts. */
    public enum Mode {
        /** The agent, in the JDK that runs us. */
        AGENT,
        /** An interactive shell on the console. */
        SHELL,
        /** One shell command; its exit status ends the guest. */
        COMMAND
    }

    /** Bytes of RAM of a guest whose user did not say. */
    public static final long DEFAULT_MEMORY = 1024L << 20;

    /** Checks sizes and that mode and command belong together. */
    public VmConfig {
        if (memoryBytes < 64L << 20 || memoryBytes % 4096 != 0) {
            throw new HostLacks("a guest needs at least 64 MiB of memory, in whole pages, not " + memoryBytes
                    + " bytes; give it more (memory = \"1G\")");
        }
        if (mode == Mode.COMMAND && command.isEmpty()) {
            throw new IllegalArgumentException("mode COMMAND needs a command");
        }
        kernelArguments = List.copyOf(kernelArguments);
    }

    /** Defaults: 1 GiB, the default kernel, a shell, nothing logged, ten minutes to prepare. */
    public static VmConfig of(Technique technique) {
        return new VmConfig(
                technique,
                DEFAULT_MEMORY,
                Optional.empty(),
                Optional.empty(),
                Mode.SHELL,
                Optional.empty(),
                List.of(),
                Optional.empty(),
                Optional.empty(),
                Duration.ofMinutes(10));
    }

    /** With so many bytes of RAM. */
    public VmConfig memory(long bytes) {
        return new VmConfig(
                technique,
                bytes,
                kernel,
                agentJar,
                mode,
                command,
                kernelArguments,
                consoleLog,
                consoleListener,
                prepareTimeout);
    }

    /** With this kernel file. */
    public VmConfig kernel(Path file) {
        return new VmConfig(
                technique,
                memoryBytes,
                Optional.of(file),
                agentJar,
                mode,
                command,
                kernelArguments,
                consoleLog,
                consoleListener,
                prepareTimeout);
    }

    /** With the agent, in mode AGENT. */
    public VmConfig agent(Path jar) {
        return new VmConfig(
                technique,
                memoryBytes,
                kernel,
                Optional.of(jar),
                Mode.AGENT,
                command,
                kernelArguments,
                consoleLog,
                consoleListener,
                prepareTimeout);
    }

    /** With one command, in mode COMMAND. */
    public VmConfig command(String shellCommand) {
        return new VmConfig(
                technique,
                memoryBytes,
                kernel,
                agentJar,
                Mode.COMMAND,
                Optional.of(shellCommand),
                kernelArguments,
                consoleLog,
                consoleListener,
                prepareTimeout);
    }

    /** With these arguments after the default ones. */
    public VmConfig kernelArguments(List<String> arguments) {
        return new VmConfig(
                technique,
                memoryBytes,
                kernel,
                agentJar,
                mode,
                command,
                arguments,
                consoleLog,
                consoleListener,
                prepareTimeout);
    }

    /** With the console written to this file. */
    public VmConfig consoleLog(Path file) {
        return new VmConfig(
                technique,
                memoryBytes,
                kernel,
                agentJar,
                mode,
                command,
                kernelArguments,
                Optional.of(file),
                consoleListener,
                prepareTimeout);
    }

    /** With the console also handed to this listener. */
    public VmConfig consoleListener(Consumer<byte[]> listener) {
        return new VmConfig(
                technique,
                memoryBytes,
                kernel,
                agentJar,
                mode,
                command,
                kernelArguments,
                consoleLog,
                Optional.of(listener),
                prepareTimeout);
    }
}
