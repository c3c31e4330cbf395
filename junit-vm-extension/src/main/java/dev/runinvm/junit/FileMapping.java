package dev.runinvm.junit;

import dev.runinvm.engine.HostLacks;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A file or directory of the host's that is copied into a guest.
 *
 * @param guest absolute
 */
record FileMapping(Path host, String guest) {

    /**
     * Reads {@code HOST:GUEST} texts.
     *
     * @param annotated those of an annotation; if there are none, the setting counts
     * @param setting several, separated by commas
     */
    static List<FileMapping> parse(String[] annotated, @Nullable String setting) {
        String[] texts = annotated.length > 0 || setting == null ? annotated : setting.split(",");
        List<FileMapping> all = new ArrayList<>();
        for (String text : texts) {
            int colon = text.lastIndexOf(':');
            if (colon < 1 || !text.startsWith("/", colon + 1)) {
                throw new HostLacks("files has \"" + text
                        + "\"; write HOST:GUEST, the path in the guest absolute, such as src/test/data:/data");
            }
            Path host = Path.of(text.substring(0, colon).trim()).toAbsolutePath();
            if (!Files.exists(host)) {
                throw new HostLacks("files has \"" + text + "\", and there is no " + host);
            }
            all.add(new FileMapping(host, text.substring(colon + 1).trim()));
        }
        return List.copyOf(all);
    }
}
