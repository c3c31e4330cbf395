package dev.runinvm.junit.jupiter;

import dev.runinvm.junit.RunInVM;
import java.lang.reflect.Method;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.Extension;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.InvocationInterceptor;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.ReflectiveInvocationContext;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** Extensions of the user's: by annotation, by field, by service. They speak in the guest only. */
@RunInVM
@ExtendWith({Extensions.Numbers.class, Extensions.Forgiving.class, Extensions.Around.class})
@TestMethodOrder(MethodOrderer.MethodName.class)
public class Extensions {
    @RegisterExtension
    static final Extension BY_STATIC_FIELD = (BeforeEachCallback) context -> say("static field");

    @RegisterExtension
    final Extension byField = (BeforeEachCallback) context -> say("field");

    /** Prints where tests run. */
    static void say(String what) {
        if (Boolean.getBoolean("runinvm.guest")) {
            System.out.println(what);
        }
    }

    @Test
    void forgiven() {
        throw new IllegalStateException("forgive me");
    }

    @Test
    void notForgiven() {
        throw new IllegalArgumentException("never");
    }

    @Test
    void resolved(Integer number) {
        assertEquals(42, number);
    }

    @RepeatedTest(2)
    void wrapped() {
        System.out.println("inside");
    }

    /** Gives numbers. */
    public static final class Numbers implements ParameterResolver {
        @Override
        public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
            return parameter.getParameter().getType() == Integer.class;
        }

        @Override
        public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
            return 42;
        }
    }

    /** Swallows one kind of exception. */
    public static final class Forgiving implements TestExecutionExceptionHandler {
        @Override
        public void handleTestExecutionException(ExtensionContext context, Throwable thrown) throws Throwable {
            if (!(thrown instanceof IllegalStateException)) {
                throw thrown;
            }
            say("forgiven " + thrown.getMessage());
        }
    }

    /** Runs round tests. */
    public static final class Around implements InvocationInterceptor {
        @Override
        public void interceptTestMethod(
                Invocation<Void> invocation, ReflectiveInvocationContext<Method> target, ExtensionContext context)
                throws Throwable {
            say("around");
            invocation.proceed();
        }
    }

    /** Registered as a service. */
    public static final class ByService implements BeforeEachCallback {
        @Override
        public void beforeEach(ExtensionContext context) {
            if (context.getRequiredTestClass() == Extensions.class) {
                say("service");
            }
        }
    }
}
