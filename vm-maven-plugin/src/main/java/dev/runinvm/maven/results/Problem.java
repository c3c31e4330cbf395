package dev.runinvm.maven.results;

import org.jspecify.annotations.Nullable;

/**
 * What went wrong with a test.
 *
 * @param type class of what was thrown
 * @param message what it said
 * @param stack its stack trace, as text
 * @param line of the test class, where the stack tells; 0 where it does not
 */
public record Problem(String type, @Nullable String message, String stack, int line) {
    /** The class's name without its package, and without what every exception's name ends in, as Surefire has it. */
    String shortType() {
        String simple = type.substring(type.lastIndexOf('.') + 1);
        for (String end : new String[] {"Exception", "Error"}) {
            if (simple.endsWith(end) && simple.length() > end.length()) {
                return simple.substring(0, simple.length() - end.length());
            }
        }
        return simple;
    }
}
