package dev.runinvm.client;

import dev.runinvm.engine.HostLacks;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A file or directory of the host's that is copied into a guest.
 *
 * @param guest absolute
 */
public record FileMapping(Path host, String guest) {

    /**
     * Reads {@code HOST:GUEST} texts.
     *
     * @param base that paths of the host's are relative to
     * @throws HostLacks if one is no such text, or the host has no such file
     */
    public static List<FileMapping> parse(List<String> texts, Path base) {
        List<FileMapping> all = new ArrayList<>();
        for (String text : texts) {
            int colon = text.lastIndexOf(':');
            if (colon < 1 || !text.startsWith("/", colon + 1)) {
                throw new HostLacks("files has \"" + text
                        + "\"; write HOST:GUEST, the path in the guest absolute, such as src/test/data:/data");
            }
            Path host = base.resolve(text.substring(0, colon).trim()).toAbsolutePath();
            if (!Files.exists(host)) {
                throw new HostLacks("files has \"" + text + "\", and there is no " + host);
            }
            all.add(new FileMapping(host, text.substring(colon + 1).trim()));
        }
        return List.copyOf(all);
    }
}
