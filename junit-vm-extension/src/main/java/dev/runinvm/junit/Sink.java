package dev.runinvm.junit;

import dev.runinvm.wire.GuestMessage;
import java.util.Map;

/** Takes what belongs to a node while it is the host's turn to show it. */
interface Sink {
    void output(GuestMessage.Stream stream, String text);

    void report(Map<String, String> entries);
}
