package dev.runinvm.maven;

import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.MemorySize;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.Mojo;
import org.apache.maven.plugins.annotations.Parameter;
import org.jspecify.annotations.Nullable;

/**
 * Opens an interactive shell in a fresh guest, or runs one command in it and passes the command's exit status on: a
 * status other than zero fails the build. The guest ends with the shell; Ctrl-] ends it at once.
 *
 * @since 0.1.0
 */
@Mojo(name = "shell", requiresProject = false, threadSafe = true)
public class ShellMojo extends AbstractVmMojo {
    private static final int CTRL_BRACKET = 0x1d;
    private static final byte CTRL_D = 4;
    private static final int TAIL_LINES = 20;

    /**
     * The technique that runs the guest: FULL, PARA or HW. It is never replaced by another one.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.technique", defaultValue = "FULL")
    private Technique technique = Technique.FULL;

    /**
     * A command for the guest's <code>sh -c</code>. Without one the shell is interactive.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.command")
    private @Nullable String command;

    /**
     * The guest's memory, for example <code>512M</code> or <code>1G</code>.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.memory", defaultValue = "1G")
    private String memory = "1G";

    /**
     * Number of the guest's processors. More than one needs a technique that has them: HW.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.cpus", defaultValue = "1")
    private int cpus = 1;

    /**
     * A kernel file, bzImage or vmlinux, instead of the default kernel.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.kernel")
    private @Nullable File kernel;

    /**
     * The Debian package to take the kernel from; by default <code>linux-image-cloud-amd64</code>.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.kernelPackage")
    private @Nullable String kernelPackage;

    /**
     * The most that the command may take, boot included, in seconds. An interactive shell may take any time.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.timeout", defaultValue = "600")
    private int timeout = 600;

    @Override
    void run() throws MojoFailureException, InterruptedException {
        VmConfig config = withKernel(
                VmConfig.of(technique)
                        .memory(MemorySize.parse(memory))
                        .cpus(cpus)
                        .consoleListener(ShellMojo::show),
                kernel,
                kernelPackage);
        if (command != null) {
            runCommand(config, command);
        } else {
            interact(config);
        }
    }

    private void runCommand(VmConfig config, String line) throws MojoFailureException, InterruptedException {
        try (Vm vm = Techniques.start(config.command(line))) {
            if (!vm.awaitEnd(Duration.ofSeconds(timeout))) {
                throw new MojoFailureException("the command did not end within " + timeout
                        + " s (vm.timeout), boot included: " + line + tail(vm));
            }
            OptionalInt status = vm.console().exitStatus();
            if (status.isEmpty()) {
                throw new GuestFailure("the guest ended before the command did ("
                        + vm.end().map(GuestEnd::toString).orElse("no reason known") + "): " + line + tail(vm));
            }
            if (status.getAsInt() != 0) {
                throw new MojoFailureException(
                        "the command ended with exit status " + status.getAsInt() + " in the guest: " + line);
            }
        }
    }

    private void interact(VmConfig config) throws InterruptedException {
        getLog().info("A shell in a " + technique + " guest; \"exit\" or Ctrl-] ends it.");
        Optional<Terminal> terminal = Terminal.raw();
        try (Vm vm = Techniques.start(config)) {
            Thread keys = new Thread(() -> copyKeys(vm, System.in, terminal.isPresent()), "vm-shell-keys");
            keys.setDaemon(true);
            keys.start();
            boolean ended = false;
            while (!ended) { // a person decides how long; the guest's end, or Ctrl-], is always noticed
                ended = vm.awaitEnd(Duration.ofMinutes(1));
            }
        } finally {
            terminal.ifPresent(Terminal::close);
        }
    }

    /** Types what comes in, until the guest ends, the input does, or Ctrl-] is pressed on a terminal. */
    private static void copyKeys(Vm vm, InputStream in, boolean terminal) {
        byte[] buffer = new byte[256];
        try {
            int n;
            while ((n = in.read(buffer)) >= 0 && vm.end().isEmpty()) {
                for (int i = 0; i < n && terminal; i++) {
                    if (buffer[i] == CTRL_BRACKET) {
                        vm.close();
                        return;
                    }
                }
                byte[] typed = new byte[n];
                System.arraycopy(buffer, 0, typed, 0, n);
                vm.console().type(typed);
            }
            if (vm.end().isEmpty()) {
                vm.console().type(new byte[] {CTRL_D});
            }
        } catch (IOException e) {
            vm.close(); // the terminal is gone, and with it whoever used the shell
        } catch (GuestFailure e) {
            show(("\r\n" + e.getMessage() + "\r\n").getBytes(StandardCharsets.UTF_8));
        }
    }

    private static void show(byte[] output) {
        PrintStream out = System.out;
        out.write(output, 0, output.length);
        out.flush();
    }

    private static String tail(Vm vm) {
        return System.lineSeparator() + "The console's last lines:" + System.lineSeparator()
                + String.join(System.lineSeparator(), vm.console().tail(TAIL_LINES));
    }
}
