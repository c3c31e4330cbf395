package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.VmConfig;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The guest kernel's command line (Documentation/admin-guide/kernel-parameters.rst). */
public final class CommandLine {
    /** What the guest's first program does. */
    public enum Mode {
        /** Runs the agent, the test launcher. */
        AGENT,
        /** Gives a shell on the console. */
        SHELL,
        /** Runs one command line. */
        COMMAND
    }

    /** What needs no quoting, neither for the kernel nor for the shell that reads /proc/cmdline. */
    private static final Pattern PLAIN_OPTION = Pattern.compile("[A-Za-z0-9_.,:=/+@%-]+");

    /**
     * Initialisation the kernel is asked to leave out, a fifth of a boot's instructions: looking every traceable
     * function's name up to find overridden ones (kernel/trace/ftrace.c), replacing names of enumeration values in
     * the texts of trace events (kernel/trace/trace.c), a self-test of BLAKE2s. All three change at most what
     * tracefs shows. A kernel without a function of the name takes no notice.
     */
    private static final List<String> SKIPPED =
            List.of("ftrace_check_for_weak_functions", "trace_eval_init", "blake2s_mod_init");

    /** What arguments of our init begin with, and where it looks for those that the kernel was not given. */
    private static final String OWN = "runinvm.";

    private static final String ARGUMENTS = "opt/runinvm/arguments";

    private final List<String> arguments = new ArrayList<>();

    private CommandLine() {}

    /**
     * The arguments every guest gets: no mitigations (page-table isolation alone doubles the price of a system
     * call), a layout that is the same in every boot, entropy from the processor, no self-tests of the kernel's
     * cryptography (RSA alone is 700 million instructions), no watchdogs that take a paused guest for a hanging one,
     * a reboot after a panic, and reboots by triple fault, which every machine of ours ends at.
     */
    public static CommandLine standard() {
        return common("ttyS0")
                .add("8250.nr_uarts=2")
                .add("reboot=t") // by triple fault, which every machine without a hypervisor of ours ends at
                .add("io_delay=none")
                .add("tsc=reliable");
    }

    /**
     * As {@link #standard()}, for a kernel that runs on a hypervisor and finds console, clock and reboot there.
     *
     * @param console the console's device
     */
    public static CommandLine standard(String console) {
        return common(console);
    }

    private static CommandLine common(String console) {
        CommandLine line = new CommandLine();
        return line.add("console=" + console)
                .add("mitigations=off")
                .add("nokaslr")
                .add("random.trust_cpu=on")
                .add("cryptomgr.notests=1")
                .add("initcall_blacklist=" + String.join(",", SKIPPED))
                .add("panic=-1")
                .add("nowatchdog")
                .add("rcupdate.rcu_cpu_stall_suppress=1")
                .add("loglevel=6")
                .add("rdinit=/init");
    }

    /**
     * Names the devices through which a guest on a hypervisor speaks to the host.
     *
     * @param control the console on which its init tells what it does
     * @param bell the console whose writing is the channel's doorbell
     */
    public CommandLine channel(String control, String bell) {
        return add("runinvm.control=" + control).add("runinvm.bell=" + bell);
    }

    /** Tells the guest its TSC frequency, so that it need not measure. */
    public CommandLine tscKhz(long khz) {
        return add("tsc_early_khz=" + khz);
    }

    /** What the guest's user asked for: mode, command, further arguments. */
    public CommandLine guest(VmConfig config) {
        switch (config.mode()) {
            case AGENT -> mode(Mode.AGENT);
            case SHELL -> mode(Mode.SHELL);
            case COMMAND -> command(config.command().orElseThrow());
        }
        config.memoryDisks().forEach(disk -> add("runinvm.disk=" + disk.directory()));
        config.kernelArguments().forEach(this::add);
        return this;
    }

    /** What /init does. */
    public CommandLine mode(Mode mode) {
        return add("runinvm.mode=" + mode.name().toLowerCase(java.util.Locale.ROOT));
    }

    /** Makes /init run a shell command and report its exit status. */
    public CommandLine command(String shellCommand) {
        String encoded = Base64.getEncoder().encodeToString(shellCommand.getBytes(StandardCharsets.UTF_8));
        return mode(Mode.COMMAND).add("runinvm.command=" + encoded);
    }

    /** Arguments that give the agent's JVM these options, to be appended to the kernel's others. */
    public static List<String> ofJavaOptions(List<String> options) {
        return new CommandLine().javaOptions(options).arguments;
    }

    /** Arguments that connect a debugger on the host with a port of the guest's. */
    public static List<String> ofDebugPort(int port) {
        return List.of("runinvm.debug=" + port);
    }

    /** Options of the agent's JVM, in order. */
    public CommandLine javaOptions(List<String> options) {
        if (options.stream().allMatch(o -> PLAIN_OPTION.matcher(o).matches())) {
            return options.isEmpty() ? this : add("runinvm.java=" + String.join(";", options));
        }
        StringBuilder words = new StringBuilder();
        for (String option : options) {
            words.append('\'').append(option.replace("'", "'\\''")).append("' ");
        }
        return add("runinvm.java64="
                + Base64.getEncoder().encodeToString(words.toString().getBytes(StandardCharsets.UTF_8)));
    }

    /**
     * Appends arguments; of a parameter given twice the kernel takes the last.
     *
     * @throws HostLacks if they hold a line break or zero byte
     */
    public CommandLine add(String more) {
        if (more.indexOf('\n') >= 0 || more.indexOf('\0') >= 0) {
            throw new HostLacks("a kernel argument holds a line break or zero byte: " + more);
        }
        if (!more.isBlank()) {
            arguments.add(more.trim());
        }
        return this;
    }

    /**
     * Divides a line that is too long for the kernel: what is for our own init goes another way, as {@link #archive} of the
     * second.
     *
     * @param most bytes that the kernel takes
     * @return the line for the kernel, and the rest, empty if nothing has to be taken away
     */
    public List<String> divide(int most) {
        if (toString().getBytes(StandardCharsets.UTF_8).length <= most) {
            return List.of(toString(), "");
        }
        Predicate<String> own = argument -> argument.startsWith(OWN);
        return List.of(
                arguments.stream().filter(own.negate()).collect(Collectors.joining(" ")),
                arguments.stream().filter(own).collect(Collectors.joining(" ")));
    }

    /** A cpio archive that gives our init arguments which are not in the kernel's command line. */
    public static byte[] archive(String arguments) {
        FileTree tree = new FileTree();
        tree.file(ARGUMENTS, 0644, arguments + "\n");
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            CpioWriter.write(tree, bytes, "arguments", Progress.NONE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    @Override
    public String toString() {
        return String.join(" ", arguments);
    }
}
