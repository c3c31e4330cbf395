package dev.runinvm.junit;

import dev.runinvm.client.Coverage;
import dev.runinvm.client.Debugging;
import dev.runinvm.client.GuestJvm;
import dev.runinvm.engine.Availability;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.Technique;
import java.io.IOException;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TimeZone;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.TestIdentifier;
import org.opentest4j.TestAbortedException;

/** Works out what a guest is to do, and starts it. */
final class RunStarter {
    /** Parameters that are about the host's reporting; in the guest they would only make it do things twice. */
    private static final List<String> NOT_FORWARDED =
            List.of("junit.platform.output.capture.", "junit.platform.reporting.", "junit.platform.execution.dryRun");

    private RunStarter() {}

    /**
     * Starts a guest for the annotated class or method that this context stands for.
     *
     * @param technique the one to run it with
     * @param invocation whether the context is a template's invocation that stands for the technique
     * @param above the run of the class around, if there is one
     * @return null if nothing was selected that is to run in it
     */
    static @Nullable GuestRun start(
            RunInVM annotation,
            ExtensionContext context,
            Technique technique,
            boolean invocation,
            @Nullable GuestRun above) {
        Configuration configuration = RunInVMExtension.configuration(context);
        Settings settings = Settings.of(annotation, configuration, technique);
        requireUsable(settings);
        String root = context.getUniqueId();
        GuestIds ids = above == null ? GuestIds.SAME : above.plan().ids();
        List<String> each =
                new ArrayList<>(above == null ? List.of() : above.plan().each());
        if (invocation) {
            ids = ids.withInvocation(root);
            each.add(String.valueOf(Ids.parent(ids.inGuest(root))));
        }
        Optional<List<String>> selected = Plans.selected(root, ids, node -> isApart(node, annotation));
        if (selected.isPresent() && selected.get().isEmpty()) {
            return null;
        }
        Class<?> type = context.getRequiredTestClass();
        String name = context.getTestMethod()
                        .map(method -> type.getName() + "." + method.getName())
                        .orElse(type.getName())
                + (invocation ? "-" + technique : "");
        String id = ids.inGuest(root);
        return GuestRun.start(
                new RunPlan(
                        name,
                        type.getName(),
                        invocation ? String.valueOf(Ids.parent(id)) : id,
                        ids,
                        List.copyOf(each),
                        selected.orElse(List.of(id)),
                        parameters(root, settings),
                        properties(settings.properties()),
                        settings,
                        new GuestJvm(type.desiredAssertionStatus(), List.of(), settings.debugging(), Coverage.here()),
                        type.getClassLoader(),
                        log(settings, name)),
                above,
                settings.isolation() == Isolation.SESSION
                                && above == null
                                && settings.debugging().isEmpty()
                        ? SessionGuests.of(context)
                        : null);
    }

    private static void requireUsable(Settings settings) {
        if (!settings.disabledWithout()) {
            return;
        }
        Availability availability = Guests.availability.apply(settings.technique());
        if (!availability.usable()) {
            throw new TestAbortedException(RunInVMExtension.unusable(availability));
        }
    }

    /** Whether a node asks for a guest of its own. */
    private static boolean isApart(TestIdentifier node, RunInVM annotation) {
        AnnotatedElement element = element(node.getSource().orElse(null));
        RunInVM own = element == null ? null : RunInVMExtension.annotation(element);
        return own != null && !own.equals(annotation);
    }

    private static @Nullable AnnotatedElement element(@Nullable TestSource source) {
        if (source instanceof MethodSource method) {
            Method m = method.getJavaMethod();
            return m;
        }
        return source instanceof ClassSource c ? c.getJavaClass() : null;
    }

    private static Map<String, String> parameters(String root, Settings settings) {
        Map<String, String> all = new LinkedHashMap<>();
        for (String key : System.getProperties().stringPropertyNames()) {
            if (key.startsWith("junit.")) {
                all.put(key, System.getProperty(key));
            }
        }
        all.putAll(Plans.parameters(root));
        all.keySet().removeIf(key -> NOT_FORWARDED.stream().anyMatch(key::startsWith));
        if (Debugging.active() || settings.debugging().isPresent()) {
            all.put("junit.jupiter.execution.timeout.mode", "disabled");
        }
        return all;
    }

    /** Never the host's environment, and of its properties only what was asked for, and what makes texts come out alike. */
    private static Map<String, String> properties(List<String> names) {
        Map<String, String> all = new LinkedHashMap<>();
        all.put("user.timezone", TimeZone.getDefault().getID());
        all.put("user.language", Locale.getDefault().getLanguage());
        all.put("user.country", Locale.getDefault().getCountry());
        for (String key : System.getProperties().stringPropertyNames()) {
            boolean asked = names.stream()
                    .anyMatch(n -> n.endsWith("*") ? key.startsWith(n.substring(0, n.length() - 1)) : key.equals(n));
            if (asked) {
                all.put(key, System.getProperty(key));
            }
        }
        return all;
    }

    /** target/vm/NAME/console.log in a Maven build, build/vm/NAME/console.log in a Gradle one, else in the temporary directory. */
    static Path log(Settings settings, String name) {
        Path base = settings.logDirectory().orElseGet(() -> {
            for (String build : List.of("target", "build")) {
                if (Files.isDirectory(Path.of(build))) {
                    return Path.of(build, "vm");
                }
            }
            return Path.of(System.getProperty("java.io.tmpdir"), "runinvm-" + System.getProperty("user.name"), "vm");
        });
        try {
            return Files.createDirectories(base.toAbsolutePath().resolve(name)).resolve("console.log");
        } catch (IOException e) {
            throw new HostLacks("cannot make the directory for the guest's console log: " + e, e);
        }
    }
}
