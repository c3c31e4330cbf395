package dev.runinvm.junit;

import dev.runinvm.engine.Availability;
import dev.runinvm.engine.GuestFailure;
import java.lang.reflect.AnnotatedElement;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;
import org.junit.platform.commons.support.AnnotationSupport;

/**
 * The host's side of {@link RunInVM}: skips everything that belongs to the guest and waits, node by node, for what the guest
 * says of it. In a guest it does nothing, so that everything runs there.
 */
public final class RunInVMExtension
        implements ExecutionCondition, BeforeAllCallback, AfterAllCallback, InvocationInterceptor {
    static final ExtensionContext.Namespace NAMESPACE = ExtensionContext.Namespace.create(RunInVMExtension.class);
    private static final String CLASS_RUN = "class run";
    private static final String METHOD_RUN = "method run";

    /** Called by JUnit. */
    public RunInVMExtension() {}

    private static boolean inGuest() {
        return Boolean.getBoolean("runinvm.guest");
    }

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        AnnotatedElement element = context.getElement().orElse(null);
        RunInVM annotation = element == null ? null : annotation(element);
        if (inGuest() || annotation == null) {
            return ConditionEvaluationResult.enabled("nothing to check");
        }
        Settings settings = settings(annotation, context);
        if (!settings.disabledWithout()) {
            return ConditionEvaluationResult.enabled("runs in a guest, or fails");
        }
        Availability availability = Guests.availability.apply(settings.technique());
        return availability.usable()
                ? ConditionEvaluationResult.enabled("technique " + settings.technique() + " can run here")
                : ConditionEvaluationResult.disabled("technique " + settings.technique() + " cannot run here: "
                        + String.join("; ", availability.missing()));
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
        if (annotation != null && (above == null || !annotation.equals(above.annotation))) {
            run = new ClassRun(
                    annotation,
                    context.getUniqueId(),
                    RunStarter.start(annotation, context, above == null ? null : above.run));
            store.put(CLASS_RUN, run);
        }
        if (run == null) {
            throw new IllegalStateException("no @RunInVM on " + type.getName() + " or on a class around it");
        }
        if (run.run == null) {
            return;
        }
        String id = Ids.inGuest(context.getUniqueId());
        ContextSink sink = new ContextSink(context);
        NodeState end = run.run.awaitFirstChild(id, sink);
        if (end != null) {
            Throwable failure = Outcomes.throwable(run.run, run.run.awaitEnd(id, sink));
            if (failure != null) {
                throw Outcomes.sneaky(failure);
            }
        }
    }

    @Override
    public void afterAll(ExtensionContext context) {
        ClassRun run = inGuest() ? null : context.getStore(NAMESPACE).get(CLASS_RUN, ClassRun.class);
        if (run == null || run.run == null || run.run.isDead()) {
            return;
        }
        String id = Ids.inGuest(context.getUniqueId());
        ContextSink sink = new ContextSink(context);
        boolean shown = run.run.isShown(id);
        NodeState end = run.run.awaitEnd(id, sink);
        Throwable failure = shown ? null : Outcomes.throwable(run.run, end);
        if (run.root.equals(context.getUniqueId())) {
            try {
                run.run.finish(sink);
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
        String id = Ids.inGuest(context.getUniqueId());
        return (T) new DynamicChildren(run(context), new ContextSink(context)).of(id);
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
        String id = Ids.inGuest(context.getUniqueId());
        NodeState end = run.awaitEnd(id, new ContextSink(context));
        Throwable failure = Outcomes.throwable(run, end);
        if (!end.node.displayName().equals(context.getDisplayName())) {
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
        if (annotation != null && (above == null || !annotation.equals(above.annotation))) {
            ExtensionContext method = context;
            while (method.getParent().flatMap(ExtensionContext::getTestMethod).isPresent()) {
                method = method.getParent().get();
            }
            ExtensionContext root = method;
            return root.getStore(NAMESPACE)
                    .getOrComputeIfAbsent(
                            METHOD_RUN,
                            key -> MethodRun.start(annotation, root, above == null ? null : above.run),
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

    static Settings settings(RunInVM annotation, ExtensionContext context) {
        String where = context.getElement().map(Object::toString).orElse(context.getDisplayName());
        return Settings.of(annotation, new Configuration(context::getConfigurationParameter), where);
    }

    /** A run that belongs to a class: JUnit closes it with the class's store. */
    private record ClassRun(
            RunInVM annotation, String root, @Nullable GuestRun run) implements AutoCloseable {
        @Override
        public void close() {
            if (run != null) {
                run.close();
            }
        }
    }

    /** A run that belongs to one method. */
    private record MethodRun(GuestRun run, ExtensionContext context) implements AutoCloseable {
        static MethodRun start(RunInVM annotation, ExtensionContext method, @Nullable GuestRun above) {
            GuestRun run = RunStarter.start(annotation, method, above);
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
