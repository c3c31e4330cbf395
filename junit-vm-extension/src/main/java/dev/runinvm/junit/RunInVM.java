package dev.runinvm.junit;

import dev.runinvm.engine.Technique;
import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Runs a test class, or one test method, in a virtual machine of its own.
 *
 * <p>Constructors, field initialisers, lifecycle methods and tests run in the guest and only there; the host's JUnit waits
 * for each and shows its result, output and exception. On the host there still run: static initialisers of the test class
 * (its instances there are made without running constructors), sources of arguments, parameter resolution and callbacks of
 * other extensions.
 *
 * <p>What is left empty comes from the JUnit configuration parameter {@code runinvm.<attribute>}, else the system property of
 * that name, else {@code ~/.config/runinvm/config.properties}, else the default.
 */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@Documented
@Inherited
@ExtendWith({RunInVMExtension.class, TechniqueTemplates.class, GuestParameter.class})
public @interface RunInVM {
    /**
     * The technique; default {@link Technique#FULL}. It fails where it cannot run; another never takes its place.
     *
     * <p>Several run everything once each, in nodes named {@code [FULL]}, {@code [PARA]}, {@code [HW]}. The class must be a
     * {@link org.junit.jupiter.api.ClassTemplate}, a method a {@link org.junit.jupiter.api.TestTemplate}, since JUnit runs
     * nothing else several times. The setting {@code runinvm.techniques} (such as {@code FULL,HW}) overrides what stands here.
     */
    Technique[] technique() default {};

    /** The guest's memory, such as {@code 512M} or {@code 1G}; default 1G. */
    String memory() default "";

    /** Number of the guest's processors; default 1. More need a technique that has them: HW. */
    int cpus() default 0;

    /** A kernel file, or the name of a Debian package that holds one, such as {@code linux-image-amd64}; default Debian's
     * {@code linux-image-cloud-amd64}. */
    String kernel() default "";

    /** The most that one test may take, such as {@code 30s} or {@code 5m}; default 10m. Off under a debugger. */
    String timeout() default "";

    /** The most that the guest may take from its start to the agent's first word; default 3m. Off under a debugger. */
    String bootTimeout() default "";

    /** The most that all tests of one guest may take together; default 1h. Off under a debugger. */
    String runTimeout() default "";

    /** Whether the tests are skipped, with the reason, where the technique cannot run; by default they fail. */
    boolean disabledWithout() default false;

    /**
     * Files and directories of the host that are copied into the guest before its tests run, each as {@code HOST:GUEST}; the
     * path on the host is relative to the working directory, the one in the guest absolute. What comes back, see
     * {@link GuestFiles}.
     */
    String[] files() default {};

    /** What shares a guest; default {@link Isolation#CLASS}. At most one. */
    Isolation[] isolation() default {};
}
