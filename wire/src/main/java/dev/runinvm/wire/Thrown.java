package dev.runinvm.wire;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A throwable as it travels: what it is and what it says, never its object.
 *
 * @param type binary name of its class
 * @param supertypes binary names of its superclasses, nearest first, up to Throwable
 * @param message what getMessage() said
 * @param text what toString() said
 * @param stack its frames, innermost first
 * @param cause its cause
 * @param suppressed its suppressed throwables
 * @param parts of an error made of several failures: those
 * @param expected of a failed comparison: the expected value, as text
 * @param actual of a failed comparison: the actual value, as text
 */
public record Thrown(
        String type,
        List<String> supertypes,
        @Nullable String message,
        String text,
        List<StackTraceElement> stack,
        @Nullable Thrown cause,
        List<Thrown> suppressed,
        List<Thrown> parts,
        @Nullable String expected,
        @Nullable String actual) {

    static void write(CborWriter out, Thrown t) {
        out.begin().text(t.type).texts(t.supertypes).text(t.message).text(t.text);
        out.list(t.stack, Thrown::writeFrame);
        out.optional(t.cause, Thrown::write)
                .list(t.suppressed, Thrown::write)
                .list(t.parts, Thrown::write)
                .text(t.expected)
                .text(t.actual)
                .end();
    }

    static Thrown read(CborReader in) {
        in.begin();
        Thrown t = new Thrown(
                in.text(),
                in.texts(),
                in.textOrNull(),
                in.text(),
                in.list(Thrown::readFrame),
                in.optional(Thrown::read),
                in.list(Thrown::read),
                in.list(Thrown::read),
                in.textOrNull(),
                in.textOrNull());
        in.end();
        return t;
    }

    private static void writeFrame(CborWriter out, StackTraceElement f) {
        out.begin()
                .text(f.getClassLoaderName())
                .text(f.getModuleName())
                .text(f.getModuleVersion())
                .text(f.getClassName())
                .text(f.getMethodName())
                .text(f.getFileName())
                .number(f.getLineNumber())
                .end();
    }

    private static StackTraceElement readFrame(CborReader in) {
        in.begin();
        StackTraceElement f = new StackTraceElement(
                in.textOrNull(),
                in.textOrNull(),
                in.textOrNull(),
                in.text(),
                in.text(),
                in.textOrNull(),
                in.number(Integer.MIN_VALUE, Integer.MAX_VALUE));
        in.end();
        return f;
    }
}
