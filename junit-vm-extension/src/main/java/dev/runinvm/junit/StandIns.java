package dev.runinvm.junit;

import dev.runinvm.engine.EngineBug;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExtensionConfigurationException;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.commons.support.AnnotationSupport;
import org.junit.platform.commons.support.HierarchyTraversalMode;

/**
 * Extensions that do nothing, for the fields of a test instance that JUnit reads extensions from: their initialisers run in
 * the guest only, and JUnit insists on a value.
 */
final class StandIns {
    private StandIns() {}

    static void fill(Object instance) {
        Class<?> type = instance.getClass();
        for (Field field : AnnotationSupport.findAnnotatedFields(
                type,
                RegisterExtension.class,
                f -> !Modifier.isStatic(f.getModifiers()),
                HierarchyTraversalMode.TOP_DOWN)) {
            if (!field.getType().isInterface()) {
                throw new ExtensionConfigurationException("@RegisterExtension on the instance field " + field
                        + ": with @RunInVM its value exists in the guest only, and the host's JUnit wants one too; declare "
                        + "the field's type as an interface, such as "
                        + "org.junit.jupiter.api.extension.Extension, make "
                        + "the field static, or use @ExtendWith");
            }
            try {
                field.setAccessible(true);
                field.set(instance, idle(field.getType()));
            } catch (IllegalAccessException e) {
                throw new EngineBug("cannot set " + field, e);
            }
        }
    }

    private static Object idle(Class<?> type) {
        return Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
            Class<?> result = method.getReturnType();
            if (method.getName().equals("equals") && arguments != null && arguments.length == 1) {
                return proxy == arguments[0];
            }
            if (result == String.class) {
                return "stand-in for a " + type.getSimpleName() + " of the guest's";
            }
            if (result == ConditionEvaluationResult.class) {
                return ConditionEvaluationResult.enabled("decided in the guest");
            }
            return result == boolean.class ? Boolean.FALSE : result == int.class ? (Object) 0 : null;
        });
    }
}
