package dev.runinvm.junit;

import dev.runinvm.wire.GuestMessage;
import java.util.Map;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Shows output and report entries as those of a node of the host. */
record ContextSink(ExtensionContext context) implements Sink {
    @Override
    public void output(GuestMessage.Stream stream, String text) {
        Streams.print(stream, text);
    }

    @Override
    public void report(Map<String, String> entries) {
        context.publishReportEntry(entries);
    }
}
