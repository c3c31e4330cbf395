package dev.runinvm.junit;

import java.util.regex.Pattern;

/** Compares display names of the two sides. */
final class Names {
    /**
     * What the JVM makes up for objects and classes without names of their own: {@code Object@1b2c3d},
     * {@code Test$$Lambda$14/0x0000800100061a00@1b2c3d}, {@code Thread[#12,Thread-3,5,main]}.
     */
    private static final Pattern MADE_UP =
            Pattern.compile("@[0-9a-f]{1,8}\\b|\\$\\$Lambda[^@\\s,]*|\\bThread-\\d+\\b|Thread\\[#\\d+");

    private Names() {}

    /** Whether two names are the same but for what differs from one JVM to the next. */
    static boolean same(String guest, String host) {
        return guest.equals(host) || plain(guest).equals(plain(host));
    }

    private static String plain(String name) {
        return MADE_UP.matcher(name).replaceAll("?");
    }
}
