package dev.runinvm.engine.guest;

import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/** Cuts a stream of bytes into lines; a line without end is cut at {@link #LIMIT} bytes. Not thread-safe. */
final class LineBuffer {
    static final int LIMIT = 4096;

    private final byte[] line = new byte[LIMIT];
    private final Consumer<String> sink;
    private int length;

    LineBuffer(Consumer<String> sink) {
        this.sink = sink;
    }

    void accept(byte[] bytes, int from, int count) {
        for (int i = from; i < from + count; i++) {
            byte b = bytes[i];
            if (b == '\n') {
                flush();
            } else if (b != '\r') {
                line[length++] = b;
                if (length == LIMIT) {
                    flush();
                }
            }
        }
    }

    /** What has come of the line that has no end yet. */
    String rest() {
        return new String(line, 0, length, StandardCharsets.UTF_8);
    }

    private void flush() {
        String text = rest();
        length = 0;
        sink.accept(text);
    }
}
