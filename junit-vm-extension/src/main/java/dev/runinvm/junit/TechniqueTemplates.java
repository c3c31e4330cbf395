package dev.runinvm.junit;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ClassTemplateInvocationContext;
import org.junit.jupiter.api.extension.ClassTemplateInvocationContextProvider;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestTemplateInvocationContext;
import org.junit.jupiter.api.extension.TestTemplateInvocationContextProvider;

/**
 * Runs a template once for each of its techniques. On the host there are as many nodes as techniques; in a guest there is the
 * one of the guest's own technique.
 */
public final class TechniqueTemplates
        implements ClassTemplateInvocationContextProvider, TestTemplateInvocationContextProvider {
    /** System property of a guest: ids of the templates that run once there for their technique's sake, a line each. */
    static final String EACH = "runinvm.each";

    /** Called by JUnit. */
    public TechniqueTemplates() {}

    @Override
    public boolean supportsClassTemplate(ExtensionContext context) {
        return supports(context);
    }

    @Override
    public boolean supportsTestTemplate(ExtensionContext context) {
        return supports(context);
    }

    private static boolean supports(ExtensionContext context) {
        if (RunInVMExtension.inGuest()) {
            return System.getProperty(EACH, "").lines().anyMatch(context.getUniqueId()::equals);
        }
        return context.getElement()
                .map(RunInVMExtension::annotation)
                .map(annotation -> RunInVMExtension.choice(annotation, context).each())
                .orElse(false);
    }

    private static List<String> names(ExtensionContext context) {
        if (RunInVMExtension.inGuest()) {
            return List.of(TechniqueChoice.name(System.getProperty("runinvm.technique", "")));
        }
        RunInVM annotation =
                context.getElement().map(RunInVMExtension::annotation).orElseThrow();
        return RunInVMExtension.choice(annotation, context).names();
    }

    @Override
    public Stream<ClassTemplateInvocationContext> provideClassTemplateInvocationContexts(ExtensionContext context) {
        return names(context).stream().map(OfClass::new);
    }

    @Override
    public Stream<TestTemplateInvocationContext> provideTestTemplateInvocationContexts(ExtensionContext context) {
        return names(context).stream().map(OfMethod::new);
    }

    private record OfClass(String name) implements ClassTemplateInvocationContext {
        @Override
        public String getDisplayName(int index) {
            return name;
        }
    }

    private record OfMethod(String name) implements TestTemplateInvocationContext {
        @Override
        public String getDisplayName(int index) {
            return name;
        }
    }
}
