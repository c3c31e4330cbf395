package dev.runinvm.client;

import dev.runinvm.engine.Technique;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Hands the guest's console to the logger {@code vm.<technique>}, line by line, at debug level. */
public final class ConsoleLogger implements Consumer<byte[]> {
    private static final int MAX_LINE = 4096;

    private final Logger logger;
    private final StringBuilder line = new StringBuilder();

    /** For a guest of this technique. */
    public ConsoleLogger(Technique technique) {
        logger = LoggerFactory.getLogger("vm." + technique.name().toLowerCase(Locale.ROOT));
    }

    @Override
    public void accept(byte[] bytes) {
        if (!logger.isDebugEnabled()) {
            return;
        }
        for (char c : new String(bytes, StandardCharsets.ISO_8859_1).toCharArray()) {
            if (c == '\n' || line.length() >= MAX_LINE) {
                logger.debug("{}", line);
                line.setLength(0);
            }
            if (c >= ' ' || c == '\t') {
                line.append(c);
            }
        }
    }
}
