package dev.runinvm.junit;

import dev.runinvm.wire.GuestMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.MediaType;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Shows output, report entries and files as those of a node of the host. */
record ContextSink(ExtensionContext context) implements Sink {
    @Override
    public void output(GuestMessage.Stream stream, String text) {
        Streams.print(stream, text);
    }

    @Override
    public void report(Map<String, String> entries) {
        context.publishReportEntry(entries);
    }

    @Override
    public void attach(Path file, String name, @Nullable String mediaType) {
        if (mediaType == null) {
            context.publishDirectory(name, target -> copy(file, target));
        } else {
            context.publishFile(name, MediaType.parse(mediaType), target -> replace(file, target));
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        if (!Files.isDirectory(from)) {
            return; // It was empty.
        }
        List<Path> all;
        try (Stream<Path> found = Files.walk(from)) {
            all = found.filter(Files::isRegularFile).toList();
        }
        for (Path file : all) {
            Path target = to.resolve(from.relativize(file).toString());
            Files.createDirectories(target.getParent());
            replace(file, target);
        }
    }

    /** What an earlier build left there is in the way. */
    private static void replace(Path from, Path to) throws IOException {
        Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
    }
}
