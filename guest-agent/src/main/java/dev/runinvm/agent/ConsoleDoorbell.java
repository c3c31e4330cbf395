package dev.runinvm.agent;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;

/**
 * A doorbell that is a console of Xen's: each write makes the guest's kernel notify an event channel, a hypercall that
 * returns when the host is done.
 */
final class ConsoleDoorbell implements Doorbell {
    private final FileChannel bell;

    private ConsoleDoorbell(FileChannel bell) {
        this.bell = bell;
    }

    /**
     * Opens the console.
     *
     * @throws IOException if it cannot be opened for writing
     */
    static ConsoleDoorbell open(Path console) throws IOException {
        return new ConsoleDoorbell(FileChannel.open(console, StandardOpenOption.WRITE));
    }

    /** One write: what is asked arrives at once or not at all. */
    private synchronized void ring(String what) {
        try {
            ByteBuffer bytes = ByteBuffer.wrap(what.getBytes(StandardCharsets.US_ASCII));
            while (bytes.hasRemaining()) {
                bell.write(bytes);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("the channel's doorbell cannot be rung", e);
        }
    }

    @Override
    public void flush() {
        ring("F");
    }

    @Override
    public void await(int millis) {
        ring(String.format(Locale.ROOT, "W%08x", millis));
    }

    @Override
    public void goodbye() {
        ring("G");
    }
}
