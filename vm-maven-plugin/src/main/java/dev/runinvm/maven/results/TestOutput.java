package dev.runinvm.maven.results;

import java.io.IOException;
import java.io.Reader;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What a test printed: in memory while it is little, in a file that {@link #close} deletes once it is much. */
public final class TestOutput implements AutoCloseable {
    private static final int IN_MEMORY = 64 << 10;

    /** One of the two streams. */
    public static final class Text {
        private final Path directory;
        private final StringBuilder memory = new StringBuilder();
        private @Nullable Path file;
        private @Nullable Writer writer;

        private Text(Path directory) {
            this.directory = directory;
        }

        /** Adds to it. */
        public void append(String text) {
            try {
                if (writer == null && memory.length() + text.length() > IN_MEMORY) {
                    Files.createDirectories(directory);
                    file = Files.createTempFile(directory, "output", ".tmp");
                    file.toFile().deleteOnExit();
                    writer = Files.newBufferedWriter(file, StandardCharsets.UTF_8);
                    writer.append(memory);
                    memory.setLength(0);
                }
                (writer == null ? memory : writer).append(text);
            } catch (IOException e) {
                throw new UncheckedIOException("cannot keep a test's output in " + directory, e);
            }
        }

        boolean isEmpty() {
            return writer == null && memory.isEmpty();
        }

        /** Reads all of it; nothing may be added afterwards. */
        Reader open() throws IOException {
            Path kept = file;
            Writer open = writer;
            if (kept == null || open == null) {
                return new StringReader(memory.toString());
            }
            open.close();
            return Files.newBufferedReader(kept, StandardCharsets.UTF_8);
        }

        private void close() {
            try {
                if (writer != null) {
                    writer.close();
                }
                if (file != null) {
                    Files.deleteIfExists(file);
                }
            } catch (IOException e) {
                throw new UncheckedIOException("cannot delete a test's output in " + directory, e);
            }
        }
    }

    private final Text out;
    private final Text err;

    /** @param directory for what is too much for memory */
    public TestOutput(Path directory) {
        out = new Text(directory);
        err = new Text(directory);
    }

    /** Standard output. */
    public Text out() {
        return out;
    }

    /** Standard error. */
    public Text err() {
        return err;
    }

    @Override
    public void close() {
        out.close();
        err.close();
    }
}
