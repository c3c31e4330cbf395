package dev.runinvm.engine;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Amounts of memory as people write them: {@code 512M}, {@code 1G}, {@code 1 GiB}, {@code 1073741824}. */
public final class MemorySize {
    private static final Pattern FORM = Pattern.compile("\\s*(\\d{1,15})\\s*([KMGT]?)(?:I?B)?\\s*");
    private static final String UNITS = "KMGT";

    private MemorySize() {}

    /**
     * Reads an amount; units are powers of 1024, upper or lower case, bytes where there is none.
     *
     * @return bytes
     * @throws HostLacks if the text is no amount
     */
    public static long parse(String text) {
        Matcher matcher = FORM.matcher(text.toUpperCase(Locale.ROOT));
        if (!matcher.matches()) {
            throw new HostLacks("\"" + text + "\" is not an amount of memory; write for example 512M or 1G");
        }
        String unit = matcher.group(2);
        int shift = unit.isEmpty() ? 0 : 10 * (UNITS.indexOf(unit) + 1);
        long number = Long.parseLong(matcher.group(1));
        if (number > Long.MAX_VALUE >> shift) {
            throw new HostLacks("\"" + text + "\" is more memory than a machine can have");
        }
        return number << shift;
    }

    /** An amount for people: in the largest unit that leaves no fraction. */
    public static String format(long bytes) {
        int unit = 0;
        long number = bytes;
        while (number != 0 && number % 1024 == 0 && unit < UNITS.length()) {
            number /= 1024;
            unit++;
        }
        return unit == 0 ? number + " B" : number + " " + UNITS.charAt(unit - 1) + "iB";
    }
}
