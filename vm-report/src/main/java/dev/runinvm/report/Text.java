package dev.runinvm.report;

import dev.runinvm.report.RunDocument.Outcome;
import java.util.Locale;

/** Figures and outcomes in words, alike on the page and in the console. */
final class Text {
    private Text() {}

    /** A duration for people: three figures and a unit. */
    static String time(long nanos) {
        double ms = nanos / 1e6;
        if (nanos == 0) {
            return "0 ms";
        }
        if (ms < 0.1) {
            return "<0.1 ms";
        }
        if (ms < 9.95) {
            return format("%.1f ms", ms);
        }
        if (ms < 999.5) {
            return format("%.0f ms", ms);
        }
        if (ms < 119_950) {
            return format(ms < 9_995 ? "%.2f s" : "%.1f s", ms / 1000);
        }
        long seconds = Math.round(ms / 1000);
        return seconds / 60 + " min " + format("%02d s", seconds % 60);
    }

    /** A counter's value with its unit. */
    static String value(long value, CounterCatalogue.Unit unit) {
        return switch (unit) {
            case NANOS -> time(value);
            case BYTES -> bytes(value);
            case COUNT -> format("%,d", value);
        };
    }

    static String bytes(long bytes) {
        if (bytes < 10_240) {
            return format("%,d B", bytes);
        }
        return bytes < 10L << 20 ? format("%,d KiB", bytes >> 10) : format("%,d MiB", bytes >> 20);
    }

    /** How many times as long; empty where that says nothing. */
    static String ratio(long now, long before) {
        return now <= 0 || before <= 0 ? "" : format("\u00d7%.2f", (double) now / before);
    }

    static String word(Outcome outcome) {
        return switch (outcome) {
            case PASSED -> "passed";
            case FAILED -> "failed";
            case ABORTED -> "aborted";
            case SKIPPED -> "skipped";
            case UNFINISHED -> "unfinished";
            case NOT_RUN -> "not run";
        };
    }

    /** A sign beside the word, so that colour is not all there is. */
    static String sign(Outcome outcome) {
        return switch (outcome) {
            case PASSED -> "\u2713";
            case FAILED -> "\u2717";
            case ABORTED, SKIPPED -> "\u2013";
            case UNFINISHED, NOT_RUN -> "\u2026";
        };
    }

    /** Class of the style sheet. */
    static String style(Outcome outcome) {
        return switch (outcome) {
            case PASSED -> "good";
            case FAILED, UNFINISHED -> "bad";
            case ABORTED, SKIPPED, NOT_RUN -> "calm";
        };
    }

    /** Control characters as their pictures: pages cannot hold them, and terminals obey them. */
    static String printable(String text) {
        StringBuilder out = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean bad = c < ' ' && c != '\n' && c != '\t' && c != '\r' || c >= 0x7f && c < 0xa0 || lone(text, i);
            if (bad && out == null) {
                out = new StringBuilder(text.substring(0, i));
            }
            if (out != null) {
                out.append(!bad ? c : c < ' ' ? (char) (0x2400 + c) : '\ufffd');
            }
        }
        return out == null ? text : out.toString();
    }

    private static boolean lone(String text, int i) {
        char c = text.charAt(i);
        return Character.isHighSurrogate(c) && (i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1)))
                || Character.isLowSurrogate(c) && (i == 0 || !Character.isHighSurrogate(text.charAt(i - 1)));
    }

    /** One line of at most so many characters. */
    static String line(String text, int most) {
        String line = printable(text.lines().findFirst().orElse("")).replace('\t', ' ');
        if (line.length() <= most) {
            return line;
        }
        int end = Character.isHighSurrogate(line.charAt(most - 2)) ? most - 2 : most - 1;
        return line.substring(0, end) + "\u2026";
    }

    static String number(long n, String one, String many) {
        return format("%,d ", n) + (n == 1 ? one : many);
    }

    private static String format(String format, Object... arguments) {
        return String.format(Locale.ROOT, format, arguments);
    }
}
