package dev.runinvm.junit;

import dev.runinvm.engine.EngineBug;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import org.jspecify.annotations.Nullable;
import sun.reflect.ReflectionFactory;

/**
 * Makes objects without running their class's constructors or field initialisers, as deserialisation does, through
 * jdk.unsupported's ReflectionFactory. The class itself is initialised: that much the JVM insists on.
 */
final class Bare {
    private Bare() {}

    /** An instance whose fields all have their default value. */
    static <T> T instance(Class<T> type) {
        try {
            return construct(type, Object.class.getDeclaredConstructor());
        } catch (NoSuchMethodException e) {
            throw new EngineBug("Object has a constructor", e);
        } catch (InvocationTargetException e) {
            throw new EngineBug("Object's constructor failed", e);
        }
    }

    /** An instance on which only a superclass's constructor has run. */
    static <T> T construct(Class<T> type, Constructor<?> inherited, @Nullable Object... arguments)
            throws InvocationTargetException {
        Constructor<?> made = ReflectionFactory.getReflectionFactory().newConstructorForSerialization(type, inherited);
        try {
            return type.cast(made.newInstance(arguments));
        } catch (InstantiationException | IllegalAccessException e) {
            throw new EngineBug("cannot make a bare instance of " + type.getName(), e);
        }
    }
}
