package dev.runinvm.junit;

import dev.runinvm.wire.GuestMessage;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Takes what belongs to a node while it is the host's turn to show it. */
interface Sink {
    void output(GuestMessage.Stream stream, String text);

    void report(Map<String, String> entries);

    /**
     * @param file a file or directory that came from the guest
     * @param mediaType null for a directory
     */
    void attach(Path file, String name, @Nullable String mediaType);
}
