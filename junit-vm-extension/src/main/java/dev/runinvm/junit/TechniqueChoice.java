package dev.runinvm.junit;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.Technique;
import java.lang.annotation.Annotation;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.ClassTemplate;
import org.junit.jupiter.api.TestTemplate;
import org.junit.jupiter.api.extension.ExtensionConfigurationException;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * Which techniques a class or method runs with: {@code runinvm.techniques} before the annotation, the annotation before
 * {@code runinvm.technique}, FULL where nobody says.
 *
 * @param techniques at least one, each once
 * @param each whether each has a node of its own: there are several, or the annotation names several and a setting picked one
 */
record TechniqueChoice(List<Technique> techniques, boolean each) {

    /**
     * @param element what carries the annotation; for messages, and to see that JUnit can run it several times
     * @throws ExtensionConfigurationException if there are several and the element is no template
     */
    static TechniqueChoice of(RunInVM annotation, Configuration configuration, @Nullable AnnotatedElement element) {
        List<Technique> named = List.copyOf(new LinkedHashSet<>(Arrays.asList(annotation.technique())));
        List<Technique> techniques = configured(configuration, named);
        boolean several = techniques.size() > 1;
        boolean each = several || named.size() > 1 && element != null && isTemplate(element);
        if (each && element != null) {
            requireTemplate(element, techniques, several);
        }
        return new TechniqueChoice(techniques, each);
    }

    private static List<Technique> configured(Configuration configuration, List<Technique> named) {
        String override = configuration.get("techniques");
        if (override != null) {
            return parse("techniques", override);
        }
        if (!named.isEmpty()) {
            return named;
        }
        String one = configuration.get("technique");
        if (one == null) {
            return List.of(Technique.FULL);
        }
        List<Technique> parsed = parse("technique", one);
        if (parsed.size() > 1) {
            throw new HostLacks("runinvm.technique is \"" + one + "\"; several are named by runinvm.techniques");
        }
        return parsed;
    }

    private static List<Technique> parse(String setting, String text) {
        Set<Technique> all = new LinkedHashSet<>();
        for (String name : text.split(",")) {
            try {
                all.add(Technique.valueOf(name.trim().toUpperCase(Locale.ROOT)));
            } catch (IllegalArgumentException e) {
                throw new HostLacks("runinvm." + setting + " is \"" + text + "\"; there are "
                        + Arrays.toString(Technique.values()));
            }
        }
        return List.copyOf(all);
    }

    private static boolean isTemplate(AnnotatedElement element) {
        return AnnotationSupport.isAnnotated(
                element, element instanceof Method ? TestTemplate.class : ClassTemplate.class);
    }

    private static void requireTemplate(AnnotatedElement element, List<Technique> techniques, boolean several) {
        boolean method = element instanceof Method;
        Class<? extends Annotation> template = method ? TestTemplate.class : ClassTemplate.class;
        if (element.isAnnotationPresent(template)) {
            return;
        }
        String what = "@RunInVM on " + element + " is to run with " + techniques;
        if (isTemplate(element)) {
            if (!several) {
                return;
            }
            throw new ExtensionConfigurationException(
                    what + ", and JUnit runs it several times for reasons of its own: "
                            + "the two cannot be crossed; name one technique, and run the build once for each "
                            + "(-Druninvm.techniques=...)");
        }
        throw new ExtensionConfigurationException(what + "; JUnit runs a "
                + (method ? "method" : "class") + " several times only if it is a template: "
                + (method
                        ? "write @TestTemplate in the place of @Test"
                        : "add @ClassTemplate (org.junit.jupiter.api) to the class")
                + ", or name one technique");
    }

    /** The technique of the n-th invocation, from 1. */
    Technique ofInvocation(int n) {
        if (n < 1 || n > techniques.size()) {
            throw new ExtensionConfigurationException("invocation " + n + " of a template that runs with " + techniques
                    + ": another extension adds some");
        }
        return techniques.get(n - 1);
    }

    /** Names of the nodes. */
    List<String> names() {
        List<String> names = new ArrayList<>();
        techniques.forEach(t -> names.add(name(t.name())));
        return names;
    }

    static String name(String technique) {
        return "[" + technique + "]";
    }
}
