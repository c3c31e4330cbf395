package dev.runinvm.engine;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * What a guest is to be.
 *
 * @param technique how it is run
 * @param memoryBytes bytes of RAM, at least 64 MiB
 * @param cpus number of processors, at least 1; more than one needs {@link Capability#SEVERAL_CPUS}
 * @param paravirtualClock whether the guest may know that it runs on a hypervisor, and use its clock (kvmclock); needs
 *     {@link Capability#PARAVIRTUAL_CLOCK}
 * @param disks its block devices, in order; needs {@link Capability#DISKS}
 * @param memoryDisks file systems that its init mounts, in order; they take none of its RAM
 * @param kernel a kernel file to use instead of the default one
 * @param kernelPackage a Debian package to take the kernel from, if no file is named
 * @param agentJar the agent to run in the guest; without one the guest has no JDK and no agent
 * @param agentFiles files of the host for the agent's JVM, by the names under which the guest has them in {@link #AGENT_FILES}
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
        int cpus,
        boolean paravirtualClock,
        List<Disk> disks,
        List<MemoryDisk> memoryDisks,
        Optional<Path> kernel,
        Optional<String> kernelPackage,
        Optional<Path> agentJar,
        Map<String, Path> agentFiles,
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

    /**
     * A disk whose content is a file of the host's.
     *
     * @param image the file, of whole sectors of 512 bytes; what is beyond the last is not seen
     * @param readOnly whether the guest may not write; else what it writes is in the file
     */
    public record Disk(Path image, boolean readOnly) {}

    /**
     * A file of the host's that lies in the guest's memory as a read-only file system, of which nothing is copied: it is mapped.
     *
     * @param image an EROFS image of whole pages; it is not changed as long as a guest has it
     * @param directory where the guest has it, which is there already or made; letters, digits and {@code _-./} only
     */
    public record MemoryDisk(Path image, String directory) {
        /** Checks the directory, which a shell reads. */
        public MemoryDisk {
            if (!directory.matches("/[A-Za-z0-9_./-]+")) {
                throw new IllegalArgumentException("a disk is to be mounted at \"" + directory + "\"");
            }
        }
    }

    /** Bytes of RAM of a guest whose user did not say. */
    public static final long DEFAULT_MEMORY = 1024L << 20;

    /** The guest's directory with {@link #agentFiles}. */
    public static final String AGENT_FILES = "/opt/runinvm/files";

    /** Most processors a guest may be given. */
    public static final int MOST_CPUS = 64;

    /** Checks sizes and that mode and command belong together. */
    public VmConfig {
        if (memoryBytes < 64L << 20 || memoryBytes % 4096 != 0) {
            throw new HostLacks("a guest needs at least 64 MiB of memory, in whole pages, not " + memoryBytes
                    + " bytes; give it more (memory = \"1G\")");
        }
        if (cpus < 1 || cpus > MOST_CPUS) {
            throw new HostLacks("a guest has 1 to " + MOST_CPUS + " processors, not " + cpus);
        }
        if (mode == Mode.COMMAND && command.isEmpty()) {
            throw new IllegalArgumentException("mode COMMAND needs a command");
        }
        for (String name : agentFiles.keySet()) {
            if (!name.matches("[A-Za-z0-9_][A-Za-z0-9_.-]*")) {
                throw new IllegalArgumentException("a file of the agent's is called \"" + name + "\"");
            }
        }
        agentFiles = Map.copyOf(agentFiles);
        disks = List.copyOf(disks);
        memoryDisks = List.copyOf(memoryDisks);
        kernelArguments = List.copyOf(kernelArguments);
    }

    /** Defaults: 1 GiB, one processor, no clock but its own, no disks, the default kernel, a shell, nothing logged, ten minutes to prepare. */
    public static VmConfig of(Technique technique) {
        return new Parts(technique).whole();
    }

    /** With so many bytes of RAM. */
    public VmConfig memory(long bytes) {
        return with(parts -> parts.memoryBytes = bytes);
    }

    /** With so many processors. */
    public VmConfig cpus(int count) {
        return with(parts -> parts.cpus = count);
    }

    /** With the hypervisor's clock, or without. */
    public VmConfig paravirtualClock(boolean offered) {
        return with(parts -> parts.paravirtualClock = offered);
    }

    /** What a technique must be capable of to run such a guest. */
    Set<Capability> needs() {
        Set<Capability> needs = EnumSet.noneOf(Capability.class);
        if (cpus > 1) {
            needs.add(Capability.SEVERAL_CPUS);
        }
        if (!disks.isEmpty()) {
            needs.add(Capability.DISKS);
        }
        if (paravirtualClock) {
            needs.add(Capability.PARAVIRTUAL_CLOCK);
        }
        return needs;
    }

    /** With one more disk. */
    public VmConfig disk(Path image, boolean readOnly) {
        return with(parts -> {
            List<Disk> all = new ArrayList<>(parts.disks);
            all.add(new Disk(image, readOnly));
            parts.disks = all;
        });
    }

    /** With one more file system in its memory. */
    public VmConfig memoryDisk(Path image, String directory) {
        return with(parts -> {
            List<MemoryDisk> all = new ArrayList<>(parts.memoryDisks);
            all.add(new MemoryDisk(image, directory));
            parts.memoryDisks = all;
        });
    }

    /** With this kernel file. */
    public VmConfig kernel(Path file) {
        return with(parts -> parts.kernel = Optional.of(file));
    }

    /** With the kernel of this Debian package, such as {@code linux-image-amd64}. */
    public VmConfig kernelPackage(String name) {
        return with(parts -> parts.kernelPackage = Optional.of(name));
    }

    /** With the kernel of the other configuration. */
    public VmConfig kernelOf(VmConfig other) {
        return with(parts -> {
            parts.kernel = other.kernel;
            parts.kernelPackage = other.kernelPackage;
        });
    }

    /** With the agent, in mode AGENT. */
    public VmConfig agent(Path jar) {
        return with(parts -> {
            parts.agentJar = Optional.of(jar);
            parts.mode = Mode.AGENT;
        });
    }

    /** With these files in the image, for options of the agent's JVM. */
    public VmConfig agentFiles(Map<String, Path> files) {
        return with(parts -> parts.agentFiles = files);
    }

    /** With one command, in mode COMMAND. */
    public VmConfig command(String shellCommand) {
        return with(parts -> {
            parts.command = Optional.of(shellCommand);
            parts.mode = Mode.COMMAND;
        });
    }

    /** With these arguments after the default ones. */
    public VmConfig kernelArguments(List<String> arguments) {
        return with(parts -> parts.kernelArguments = arguments);
    }

    /** With the console written to this file. */
    public VmConfig consoleLog(Path file) {
        return with(parts -> parts.consoleLog = Optional.of(file));
    }

    /** The same guest, with nobody who gets its console. */
    public VmConfig withoutConsole() {
        return with(parts -> {
            parts.consoleLog = Optional.empty();
            parts.consoleListener = Optional.empty();
        });
    }

    /** With the console also handed to this listener. */
    public VmConfig consoleListener(Consumer<byte[]> listener) {
        return with(parts -> parts.consoleListener = Optional.of(listener));
    }

    /** With this limit for fetching the kernel and making the image. */
    public VmConfig prepareTimeout(Duration timeout) {
        return with(parts -> parts.prepareTimeout = timeout);
    }

    private VmConfig with(Consumer<Parts> change) {
        Parts parts = new Parts(this);
        change.accept(parts);
        return parts.whole();
    }

    /** A configuration that is being put together: the only place that lists all components. */
    private static final class Parts {
        private final Technique technique;
        private long memoryBytes = DEFAULT_MEMORY;
        private int cpus = 1;
        private boolean paravirtualClock;
        private List<Disk> disks = List.of();
        private List<MemoryDisk> memoryDisks = List.of();
        private Optional<Path> kernel = Optional.empty();
        private Optional<String> kernelPackage = Optional.empty();
        private Optional<Path> agentJar = Optional.empty();
        private Map<String, Path> agentFiles = Map.of();
        private Mode mode = Mode.SHELL;
        private Optional<String> command = Optional.empty();
        private List<String> kernelArguments = List.of();
        private Optional<Path> consoleLog = Optional.empty();
        private Optional<Consumer<byte[]>> consoleListener = Optional.empty();
        private Duration prepareTimeout = Duration.ofMinutes(10);

        Parts(Technique technique) {
            this.technique = technique;
        }

        Parts(VmConfig whole) {
            technique = whole.technique;
            memoryBytes = whole.memoryBytes;
            cpus = whole.cpus;
            paravirtualClock = whole.paravirtualClock;
            disks = whole.disks;
            memoryDisks = whole.memoryDisks;
            kernel = whole.kernel;
            kernelPackage = whole.kernelPackage;
            agentJar = whole.agentJar;
            agentFiles = whole.agentFiles;
            mode = whole.mode;
            command = whole.command;
            kernelArguments = whole.kernelArguments;
            consoleLog = whole.consoleLog;
            consoleListener = whole.consoleListener;
            prepareTimeout = whole.prepareTimeout;
        }

        VmConfig whole() {
            return new VmConfig(
                    technique,
                    memoryBytes,
                    cpus,
                    paravirtualClock,
                    disks,
                    memoryDisks,
                    kernel,
                    kernelPackage,
                    agentJar,
                    agentFiles,
                    mode,
                    command,
                    kernelArguments,
                    consoleLog,
                    consoleListener,
                    prepareTimeout);
        }
    }
}
