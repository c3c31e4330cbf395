package dev.runinvm.maven;

import dev.runinvm.engine.EngineBug;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.VmException;
import java.io.File;
import org.apache.maven.plugin.AbstractMojo;
import org.apache.maven.plugin.MojoExecutionException;
import org.apache.maven.plugin.MojoFailureException;
import org.apache.maven.plugins.annotations.Parameter;
import org.jspecify.annotations.Nullable;

/** What all goals share: {@code vm.skip}, and how the engine's failures become Maven's. */
abstract class AbstractVmMojo extends AbstractMojo {
    /**
     * Does nothing.
     *
     * @since 0.1.0
     */
    @Parameter(property = "vm.skip", defaultValue = "false")
    private boolean skip;

    @Override
    public final void execute() throws MojoExecutionException, MojoFailureException {
        if (skip) {
            getLog().info("Skipped: vm.skip is set.");
            return;
        }
        try {
            run();
        } catch (EngineBug e) {
            throw new MojoExecutionException(String.valueOf(e.getMessage()), e);
        } catch (VmException e) {
            throw new MojoFailureException(String.valueOf(e.getMessage()), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MojoExecutionException("interrupted", e);
        }
    }

    /**
     * The goal itself.
     *
     * @throws VmException as the engine throws it; it becomes a build failure, or an error if it is the engine's bug
     */
    abstract void run() throws MojoExecutionException, MojoFailureException, InterruptedException;

    /** A guest with the kernel of a file, or else of a Debian package, if either is named. */
    static VmConfig withKernel(VmConfig config, @Nullable File file, @Nullable String debianPackage) {
        VmConfig named = debianPackage == null ? config : config.kernelPackage(debianPackage);
        return file == null ? named : named.kernel(file.toPath());
    }
}
