package dev.runinvm.agent;

import dev.runinvm.wire.GuestMessage;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One captured stream. Sends whole lines as they are printed, the rest when flushed, each under the node that printed it.
 */
final class Capture extends OutputStream {
    private static final int SIZE = 8192;

    private final GuestMessage.Stream stream;
    private final Attribution attribution;
    private final Consumer<GuestMessage> out;
    private final CharsetDecoder decoder = StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE)
            .onUnmappableCharacter(CodingErrorAction.REPLACE);
    private final ByteBuffer bytes = ByteBuffer.allocate(SIZE);
    private @Nullable String owner;

    Capture(GuestMessage.Stream stream, Attribution attribution, Consumer<GuestMessage> out) {
        this.stream = stream;
        this.attribution = attribution;
        this.out = out;
    }

    /** A stream for System.setOut or setErr. */
    PrintStream printStream() {
        return new PrintStream(this, false, StandardCharsets.UTF_8);
    }

    @Override
    public void write(int b) {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public synchronized void write(byte[] source, int from, int length) {
        String now = attribution.current();
        if (bytes.position() > 0 && !Objects.equals(owner, now)) {
            send();
        }
        owner = now;
        int at = from;
        int left = length;
        while (left > 0) {
            int n = Math.min(left, bytes.remaining());
            bytes.put(source, at, n);
            at += n;
            left -= n;
            if (!bytes.hasRemaining()) {
                send();
            }
        }
        for (int i = from + length - 1; i >= from; i--) {
            if (source[i] == '\n') {
                send();
                break;
            }
        }
    }

    /** PrintStream flushes at every print; lines are sent when they are whole, the rest by {@link #drain}. */
    @Override
    public void flush() {}

    /** Sends what has been printed. */
    synchronized void drain() {
        if (bytes.position() > 0) {
            send();
        }
    }

    private void send() {
        bytes.flip();
        CharBuffer text = CharBuffer.allocate(SIZE + 2);
        decoder.decode(bytes, text, false);
        bytes.compact();
        text.flip();
        if (text.hasRemaining()) {
            out.accept(new GuestMessage.Output(owner, stream, text.toString()));
        }
    }
}
