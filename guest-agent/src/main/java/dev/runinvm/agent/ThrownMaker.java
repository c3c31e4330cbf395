package dev.runinvm.agent;

import dev.runinvm.wire.Thrown;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Takes a throwable apart into what travels. Bounded: no cycle, no endless text gets through. */
final class ThrownMaker {
    private static final int MAX_NODES = 500;
    /** What is nested deeper is left out; a message of the wire's may be nested 200 deep, and each takes two of that. */
    private static final int MAX_DEPTH = 80;

    private static final int MAX_FRAMES = 1500;
    private static final int MAX_TEXT = 256 << 10;

    private final Set<Throwable> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    private long budget = 4L << 20;
    private int depth;

    private ThrownMaker() {}

    static Thrown make(Throwable t) {
        return new ThrownMaker().image(t);
    }

    private Thrown image(Throwable t) {
        seen.add(t);
        depth++;
        Throwable c = t.getCause();
        Thrown cause = c == null || !mayVisit(c) ? null : image(c);
        List<Thrown> parts = new ArrayList<>();
        List<Throwable> failures = failures(t);
        for (Throwable part : failures) {
            addImage(parts, part);
        }
        List<Thrown> suppressed = new ArrayList<>();
        for (Throwable s : t.getSuppressed()) {
            if (!failures.contains(s)) {
                addImage(suppressed, s);
            }
        }
        depth--;
        return new Thrown(
                t.getClass().getName(),
                supertypes(t.getClass()),
                text(t::getMessage),
                String.valueOf(text(t::toString)),
                frames(t),
                cause,
                suppressed,
                parts,
                value(t, "getExpected"),
                value(t, "getActual"));
    }

    private void addImage(List<Thrown> to, Throwable t) {
        if (mayVisit(t)) {
            to.add(image(t));
        }
    }

    private boolean mayVisit(Throwable t) {
        return depth < MAX_DEPTH && seen.size() < MAX_NODES && !seen.contains(t);
    }

    private static List<String> supertypes(Class<?> type) {
        List<String> names = new ArrayList<>();
        for (Class<?> c = type.getSuperclass(); c != null && c != Object.class; c = c.getSuperclass()) {
            names.add(c.getName());
        }
        return names;
    }

    private List<StackTraceElement> frames(Throwable t) {
        StackTraceElement[] all = t.getStackTrace();
        int n = Math.min(all.length, MAX_FRAMES);
        budget -= n * 100L;
        return budget < 0 ? List.of() : List.of(all).subList(0, n);
    }

    private interface Source {
        @Nullable
        Object get() throws Exception;
    }

    /** Text from code of the user's, which may throw whatever it likes. */
    private @Nullable String text(Source source) {
        String s;
        try {
            Object value = source.get();
            s = value == null ? null : value.toString();
        } catch (Throwable e) {
            return "(asking for it threw " + e.getClass().getName() + ")";
        }
        if (s == null) {
            return null;
        }
        int most = (int) Math.max(1000, Math.min(MAX_TEXT, budget));
        budget -= Math.min(s.length(), most);
        return s.length() <= most ? s : s.substring(0, most) + "... (" + s.length() + " characters)";
    }

    /** Expected or actual value: opentest4j wraps it, JUnit 4 and others give a text. */
    private @Nullable String value(Throwable t, String getter) {
        return text(() -> {
            Method m = method(t, getter);
            Object value = m == null ? null : m.invoke(t);
            if (value == null || value instanceof CharSequence) {
                return value;
            }
            Method representation = method(value, "getStringRepresentation");
            return representation == null ? null : representation.invoke(value);
        });
    }

    private static List<Throwable> failures(Throwable t) {
        List<Throwable> parts = new ArrayList<>();
        try {
            Method m = method(t, "getFailures");
            if (m != null && m.invoke(t) instanceof Collection<?> list) {
                for (Object o : list) {
                    if (o instanceof Throwable part) {
                        parts.add(part);
                    }
                }
            }
        } catch (ReflectiveOperationException | RuntimeException e) {
            return List.of();
        }
        return parts;
    }

    private static @Nullable Method method(Object target, String name) {
        try {
            Method m = target.getClass().getMethod(name);
            return m.trySetAccessible() ? m : null;
        } catch (NoSuchMethodException e) {
            return null;
        }
    }
}
