package dev.runinvm.junit;

import dev.runinvm.wire.Thrown;
import java.lang.reflect.Constructor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.opentest4j.AssertionFailedError;
import org.opentest4j.MultipleFailuresError;

/**
 * Makes a throwable of the guest's again on the host: of its own type if that can be loaded and made with the same message;
 * else of the nearest supertype that can, with the type's name before the message. Stack, cause and suppressed are the
 * guest's.
 */
final class ThrownRebuilder {
    private final ClassLoader loader;

    ThrownRebuilder(ClassLoader loader) {
        this.loader = loader;
    }

    Throwable rebuild(Thrown image) {
        Throwable cause = image.cause() == null ? null : rebuild(image.cause());
        List<Throwable> parts = image.parts().stream().map(this::rebuild).toList();
        Throwable made = make(image, cause, parts);
        if (cause != null && made.getCause() == null) {
            try {
                made.initCause(cause);
            } catch (IllegalStateException e) {
                made.addSuppressed(cause);
            }
        }
        made.setStackTrace(image.stack().toArray(StackTraceElement[]::new));
        image.suppressed().forEach(s -> made.addSuppressed(rebuild(s)));
        parts.forEach(made::addSuppressed);
        return made;
    }

    private Throwable make(Thrown image, @Nullable Throwable cause, List<Throwable> parts) {
        Class<? extends Throwable> type = load(image.type());
        Throwable made = type == null ? null : original(type, image, cause, parts);
        if (made != null) {
            return made;
        }
        String message = image.message() == null ? image.type() : image.type() + ": " + image.message();
        if (image.expected() != null || image.actual() != null) {
            return new AssertionFailedError(message, image.expected(), image.actual(), cause);
        }
        for (String name : image.supertypes()) {
            Class<? extends Throwable> supertype = load(name);
            Throwable near = supertype == null ? null : byConstructor(supertype, message, cause);
            if (near != null) {
                return near;
            }
        }
        return new RuntimeException(image.text(), cause);
    }

    private @Nullable Class<? extends Throwable> load(String name) {
        try {
            return Class.forName(name, false, loader).asSubclass(Throwable.class);
        } catch (ClassNotFoundException | LinkageError | ClassCastException e) {
            return null;
        }
    }

    private static @Nullable Throwable original(
            Class<? extends Throwable> type, Thrown image, @Nullable Throwable cause, List<Throwable> parts) {
        String message = image.message();
        if (type == MultipleFailuresError.class) {
            return multiple(message, parts);
        }
        if (AssertionFailedError.class.isAssignableFrom(type) && (image.expected() != null || image.actual() != null)) {
            Throwable made = invoke(
                    type,
                    new Class<?>[] {String.class, Object.class, Object.class, Throwable.class},
                    message,
                    image.expected(),
                    image.actual(),
                    cause);
            if (made == null) {
                made = invoke(
                        type,
                        new Class<?>[] {String.class, Object.class, Object.class},
                        message,
                        image.expected(),
                        image.actual());
            }
            return made != null && says(made, message) ? made : null;
        }
        Throwable made = byConstructor(type, message, cause);
        return made != null ? made : bare(type, message, cause);
    }

    /** The message is made of the heading and of the parts' messages; the heading is what comes before their number. */
    private static @Nullable Throwable multiple(@Nullable String message, List<Throwable> parts) {
        String heading = message == null ? "" : message;
        int end = heading.indexOf(" (" + parts.size() + " failure");
        Throwable made = new MultipleFailuresError(end < 0 ? heading : heading.substring(0, end), parts);
        return says(made, message) ? made : null;
    }

    private static @Nullable Throwable byConstructor(
            Class<? extends Throwable> type, @Nullable String message, @Nullable Throwable cause) {
        List<Throwable> made = new ArrayList<>();
        if (cause != null) {
            add(made, invoke(type, new Class<?>[] {String.class, Throwable.class}, message, cause));
        }
        add(made, invoke(type, new Class<?>[] {String.class}, message));
        add(made, invoke(type, new Class<?>[] {Object.class}, message));
        if (cause != null) {
            add(made, invoke(type, new Class<?>[] {Throwable.class}, cause));
        } else {
            add(made, invoke(type, new Class<?>[] {String.class, Throwable.class}, message, null));
        }
        add(made, invoke(type, new Class<?>[0]));
        Throwable second = null;
        for (Throwable t : made) {
            if (says(t, message) && t.getCause() == cause) {
                return t;
            }
            if (second == null && says(t, message) && t.getCause() == null) {
                second = t;
            }
        }
        return second;
    }

    private static void add(List<Throwable> to, @Nullable Throwable t) {
        if (t != null) {
            to.add(t);
        }
    }

    /** Without the type's own constructors: its own fields stay empty, the message is right. */
    private static @Nullable Throwable bare(
            Class<? extends Throwable> type, @Nullable String message, @Nullable Throwable cause) {
        try {
            Constructor<?> base = Throwable.class.getConstructor(String.class, Throwable.class);
            Throwable made = Bare.construct(type, base, message, cause);
            return says(made, message) ? made : null;
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            return null;
        }
    }

    private static boolean says(Throwable t, @Nullable String message) {
        try {
            return Objects.equals(t.getMessage(), message) && t.toString() != null;
        } catch (RuntimeException | Error e) {
            return false;
        }
    }

    private static @Nullable Throwable invoke(
            Class<? extends Throwable> type, Class<?>[] parameters, @Nullable Object... values) {
        try {
            Constructor<? extends Throwable> constructor = type.getDeclaredConstructor(parameters);
            return constructor.trySetAccessible() ? constructor.newInstance(values) : null;
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            return null;
        }
    }
}
