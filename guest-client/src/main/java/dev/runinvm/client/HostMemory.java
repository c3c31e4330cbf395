package dev.runinvm.client;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How much memory the host can spare. */
public final class HostMemory {
    private static final Pattern AVAILABLE = Pattern.compile("MemAvailable:\\s+(\\d+) kB");

    private HostMemory() {}

    /** Bytes available by /proc/meminfo; where it can't be read, as many as this JVM may use. */
    public static long available() {
        try {
            Matcher m = AVAILABLE.matcher(Files.readString(Path.of("/proc/meminfo")));
            return m.find()
                    ? Long.parseLong(m.group(1)) << 10
                    : Runtime.getRuntime().maxMemory();
        } catch (IOException e) {
            return Runtime.getRuntime().maxMemory();
        }
    }
}
