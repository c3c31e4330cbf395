package dev.runinvm.junit;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.Technique;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterClassTemplateInvocationCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeClassTemplateInvocationCallback;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionConfigurationException;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * The host's side of {@link RunInVM}: skips everything that belongs to the guest and waits, node by node, for what the guest
 * says of it. In a guest it does nothing, so that everything runs there.
 */
public final class RunInVMExtension
        implements ExecutionCondition,
                BeforeAllCallback,
                AfterAllCallback,
                BeforeClassTemplateInvocationCallback,
                AfterClassTemplateInvocationCallback,
                InvocationInterceptor {
    static final ExtensionContext.Namespace NAMESPACE = ExtensionContext.Namespace.create(RunInVMExtension.class);
    private static final String CLASS_RUN = "class run";
    private static final String METHOD_RUN = "method run";

    /** Called by JUnit. */
    public RunInVMExtension() {}

    static boolean inGuest() {
        return Boolean.getBoolean("runinvm.guest");
    }

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        AnnotatedElement element = context.getElement().orElse(null);
        RunInVM annotation = element == null ? null : annotation(element);
        if (inGuest() || annotation == null) {
            return ConditionEvaluationResult.enabled("nothing to check");
        }
        List<Technique> techniques = choice(annotation, context).techniques();
        if (!Settings.disabledWithout(annotation, configuration(context))) {
            return ConditionEvaluationResult.enabled("runs in a guest, or fails");
        }
        List<Availability> here = techniques.stream().map(Guests.availability).toList();
        return here.stream().anyMatch(Availability::usable)
                ? ConditionEvaluationResult.enabled("can run here: " + techniques)
                : ConditionEvaluationResult.disabled(
                        here.stream().map(RunInVMExtension::unusable).collect(Collectors.joining(". ")));
    }

    static String unusable(Availability availability) {
        return "technique " + availability.technique() + " cannot run here: "
                + String.join("; ", availability.missing());
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        if (inGuest()) {
            return;
        }
        Class<?> type = context.getRequiredTestClass();
        RunInVM annotation = annotation(type);
        ExtensionContext.Store store = context.getStore(NAMESPACE);
        ClassRun above = store.get(CLASS_RUN, ClassRun.class);
        ClassRun run = above;
        if (annotation != null && asksForItsOwn(annotation, above)) {
            TechniqueChoice choice = choice(annotation, context);
            if (choice.each()) {
                return; // A guest for each of its invocations.
            }
            run = start(annotation, context, choice.ofInvocation(1), false, above);
        }
        if (run == null) {
            throw new IllegalStateException("no @RunInVM on " + type.getName() + " or on a class around it");
        }
        if (run.run != null) {
            awaitBeginning(run.run, run.run.id(context), new ContextSink(context));
        }
    }

    private static boolean asksForItsOwn(RunInVM annotation, @Nullable ClassRun above) {
        return above == null || !annotation.equals(above.annotation);
    }

    private static ClassRun start(
            RunInVM annotation,
            ExtensionContext context,
            Technique technique,
            boolean invocation,
            @Nullable ClassRun above) {
        boolean apart =
                Settings.of(annotation, configuration(context), technique).isolation() == Isolation.METHOD;
        if (apart && invocation) {
            throw new ExtensionConfigurationException(
                    "@RunInVM on " + context.getRequiredTestClass().getName()
                            + " asks for isolation METHOD and for several techniques; a class can have one of the two");
        }
        GuestRun run = apart
                ? null
                : RunStarter.start(annotation, context, technique, invocation, above == null ? null : above.run);
        ClassRun started = new ClassRun(annotation, context.getUniqueId(), run, apart ? technique : null);
        context.getStore(NAMESPACE).put(CLASS_RUN, started);
        return started;
    }

    private static void awaitBeginning(GuestRun run, String id, Sink sink) {
        NodeState end = run.awaitFirstChild(id, sink);
        if (end != null) {
            Throwable failure = Outcomes.throwable(run, run.awaitEnd(id, sink));
            if (failure != null) {
                throw Outcomes.sneaky(failure);
            }
        }
    }

    /** A template's invocation stands for a technique, if the class asks for several. */
    @Override
    public void beforeClassTemplateInvocation(ExtensionContext context) {
        if (inGuest()) {
            return;
        }
        RunInVM annotation = annotation(context.getRequiredTestClass());
        ClassRun above = context.getStore(NAMESPACE).get(CLASS_RUN, ClassRun.class);
        if (annotation == null || !asksForItsOwn(annotation, above)) {
            return;
        }
        Technique technique = choice(annotation, context).ofInvocation(Ids.number(context.getUniqueId()));
        ClassRun run = start(annotation, context, technique, true, above);
        if (run.run != null) {
            awaitBeginning(run.run, run.run.plan().root(), new ContextSink(context));
        }
    }

    @Override
    public void afterClassTemplateInvocation(ExtensionContext context) {
        ClassRun run = inGuest() ? null : context.getStore(NAMESPACE).get(CLASS_RUN, ClassRun.class);
        if (run == null || run.run == null || run.run.isDead() || !run.root.equals(context.getUniqueId())) {
            return;
        }
        end(run, List.of(run.run.id(context), run.run.plan().root()), new ContextSink(context), true);
    }

    @Override
    public void afterAll(ExtensionContext context) {
        ClassRun run = inGuest() ? null : context.getStore(NAMESPACE).get(CLASS_RUN, ClassRun.class);
        if (run == null || run.run == null || run.run.isDead()) {
            return;
        }
        end(run, List.of(run.run.id(context)), new ContextSink(context), run.root.equals(context.getUniqueId()));
    }

    private static void end(ClassRun run, List<String> ids, Sink sink, boolean all) {
        GuestRun guest = Objects.requireNonNull(run.run);
        Throwable failure = null;
        for (String id : ids) {
            boolean shown = guest.isShown(id);
            NodeState end = guest.awaitEnd(id, sink);
            Throwable own = shown ? null : Outcomes.throwable(guest, end);
            failure = failure == null ? own : failure;
        }
        if (all) {
            try {
                guest.finish(sink);
            } catch (GuestFailure e) {
                if (failure == null) {
                    throw e;
                }
                failure.addSuppressed(e);
            }
        }
        if (failure != null) {
            throw Outcomes.sneaky(failure);
        }
    }

    @Override
    public <T> T interceptTestClassConstructor(
            Invocation<T> invocation, ReflectiveInvocationContext<Constructor<T>> target, ExtensionContext context)
            throws Throwable {
        if (inGuest()) {
            return invocation.proceed();
        }
        invocation.skip();
        T instance = Bare.instance(target.getExecutable().getDeclaringClass());
        StandIns.fill(instance);
        return instance;
    }

    @Override
    public void interceptBeforeAllMethod(
            Invocation<Void> invocation, ReflectiveInvocationContext<Method> target, ExtensionContext context)
            throws Throwable {
        leaveToGuest(invocation);
    }

    @Override
    public void interceptBeforeEachMethod(
            Invocation<Void> invocation, ReflectiveInvocationContext<Method> target, ExtensionContext context)
            throws Throwable {
        leaveToGuest(invocation);
    }

    @Override
    public void interceptAfterEachMethod(
            Invocation<Void> invocation, ReflectiveInvocationContext<Method> target, ExtensionContext context)
            throws Throwable {
        leaveToGuest(invocation);
    }

    @Override
    public void interceptAfterAllMethod(
            Invocation<Void> invocation, ReflectiveInvocationContext<Method> target, ExtensionContext context)
            throws Throwable {
        leaveToGuest(invocation);
    }

    @Override
    public void interceptTestMethod(
            Invocation<Void> invocation, ReflectiveInvocationContext<Method> target, ExtensionContext context)
            throws Throwable {
        if (leaveToGuest(invocation)) {
            show(context);
        }
    }

    @Override
    public void interceptTestTemplateMethod(
            Invocation<Void> invocation, ReflectiveInvocationContext<Method> target, ExtensionContext context)
            throws Throwable {
        if (leaveToGuest(invocation)) {
            show(context);
        }
    }

    @Override
    @SuppressWarnings("unchecked") // JUnit takes any stream of dynamic nodes here, whatever the method's own type.
    public <T> T interceptTestFactoryMethod(
            Invocation<T> invocation, ReflectiveInvocationContext<Method> target, ExtensionContext context)
            throws Throwable {
        if (inGuest()) {
            return invocation.proceed();
        }
        invocation.skip();
        GuestRun run = run(context);
        return (T) new DynamicChildren(run, new ContextSink(context)).of(run.id(context));
    }

    private static boolean leaveToGuest(Invocation<Void> invocation) throws Throwable {
        if (inGuest()) {
            invocation.proceed();
            return false;
        }
        invocation.skip();
        return true;
    }

    /** Waits for the guest to run this node, and ends as it did there. */
    private static void show(ExtensionContext context) throws Throwable {
        GuestRun run = run(context);
        String id = run.id(context);
        NodeState end = run.awaitEnd(id, new ContextSink(context));
        Throwable failure = Outcomes.throwable(run, end);
        if (!Names.same(end.node.displayName(), context.getDisplayName())) {
            GuestFailure differs = new GuestFailure("the host calls " + id + " \"" + context.getDisplayName()
                    + "\", the guest calls it \"" + end.node.displayName()
                    + "\": its source gave different arguments on the two sides");
            if (failure != null) {
                differs.addSuppressed(failure);
            }
            throw differs;
        }
        if (failure != null) {
            throw failure;
        }
    }

    /** The run that a test belongs to: its class's, or one of its own if the annotation on the method asks for another. */
    private static GuestRun run(ExtensionContext context) {
        RunInVM annotation = annotation(context.getRequiredTestMethod());
        ClassRun above = context.getStore(NAMESPACE).get(CLASS_RUN, ClassRun.class);
        if (annotation != null && asksForItsOwn(annotation, above)) {
            TechniqueChoice choice = choice(annotation, context);
            ExtensionContext invocation = context;
            ExtensionContext method = context;
            while (method.getParent().flatMap(ExtensionContext::getTestMethod).isPresent()) {
                invocation = method;
                method = method.getParent().get();
            }
            ExtensionContext root = choice.each() ? invocation : method;
            Technique technique = choice.ofInvocation(choice.each() ? Ids.number(root.getUniqueId()) : 1);
            return root.getStore(NAMESPACE)
                    .getOrComputeIfAbsent(
                            METHOD_RUN,
                            key -> MethodRun.start(
                                    annotation, root, technique, choice.each(), above == null ? null : above.run),
                            MethodRun.class)
                    .run;
        }
        Technique technique = above == null ? null : above.perMethod;
        if (above != null && technique != null) {
            ExtensionContext method = context;
            while (method.getParent().flatMap(ExtensionContext::getTestMethod).isPresent()) {
                method = method.getParent().get();
            }
            ExtensionContext root = method;
            return root.getStore(NAMESPACE)
                    .getOrComputeIfAbsent(
                            METHOD_RUN,
                            key -> MethodRun.start(above.annotation, root, technique, false, null),
                            MethodRun.class)
                    .run;
        }
        if (above == null || above.run == null) {
            throw new IllegalStateException("no guest was started for " + context.getUniqueId());
        }
        return above.run;
    }

    static @Nullable RunInVM annotation(AnnotatedElement element) {
        return AnnotationSupport.findAnnotation(element, RunInVM.class).orElse(null);
    }

    static Configuration configuration(ExtensionContext context) {
        return new Configuration(context::getConfigurationParameter);
    }

    static TechniqueChoice choice(RunInVM annotation, ExtensionContext context) {
        return TechniqueChoice.of(
                annotation, configuration(context), context.getElement().orElse(null));
    }

    /**
     * A run that belongs to a class: JUnit closes it with the class's store.
     *
     * @param perMethod the technique of runs that each test method has for itself, instead of {@code run}
     */
    private record ClassRun(
            RunInVM annotation,
            String root,
            @Nullable GuestRun run,
            @Nullable Technique perMethod) implements AutoCloseable {
        @Override
        public void close() {
            if (run != null) {
                run.close();
            }
        }
    }

    /** A run that belongs to one method. */
    private record MethodRun(GuestRun run, ExtensionContext context) implements AutoCloseable {
        static MethodRun start(
                RunInVM annotation,
                ExtensionContext method,
                Technique technique,
                boolean invocation,
                @Nullable GuestRun above) {
            GuestRun run = RunStarter.start(annotation, method, technique, invocation, above);
            if (run == null) {
                throw new IllegalStateException("nothing is selected of " + method.getUniqueId());
            }
            return new MethodRun(run, method);
        }

        @Override
        public void close() {
            try {
                if (!run.isDead()) {
                    run.finish(new ContextSink(context));
                }
            } finally {
                run.close();
            }
        }
    }
}
