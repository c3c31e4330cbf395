package dev.runinvm.wire;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import org.jspecify.annotations.Nullable;

/**
 * One end of a stream connection that is carried by {@link OutOfBand} messages: what a socket here reads, the other end's
 * socket writes. One connection at a time, any number one after the other. The first byte of a message says what it is.
 * Not thread-safe.
 */
public final class SocketRelay {
    /** Makes the connection when the other end asks for one. */
    public interface Connector {
        /** A connected socket; null for not now: it is asked again. */
        @Nullable
        SocketChannel connect() throws IOException;
    }

    private static final byte OPEN = 1;
    private static final byte DATA = 2;
    private static final byte CLOSE = 3;

    private final OutOfBand line;
    private final Connector connector;
    private final ByteBuffer fromSocket = ByteBuffer.allocate(OutOfBand.MAX_MESSAGE - 1);
    private @Nullable SocketChannel socket;
    private @Nullable ByteBuffer toSocket;
    private byte @Nullable [] toLine;
    private boolean connecting;

    /** @param connector for the end that is asked; the one that asks calls {@link #open} */
    public SocketRelay(OutOfBand line, Connector connector) {
        this.line = line;
        this.connector = connector;
    }

    /** Whether there is a connection. */
    public boolean isOpen() {
        return socket != null;
    }

    /** Takes a socket over, and has the other end make its half of the connection. */
    public void open(SocketChannel accepted) throws IOException {
        adopt(accepted);
        toLine = new byte[] {OPEN};
    }

    private void adopt(SocketChannel channel) throws IOException {
        channel.configureBlocking(false);
        channel.socket().setTcpNoDelay(true);
        socket = channel;
        toSocket = null;
    }

    /**
     * Moves what can be moved now.
     *
     * @return whether anything was
     * @throws ProtocolException if the other end sends what it may not
     * @throws IOException if the connection cannot be made
     */
    public boolean step() throws IOException {
        boolean moved = connecting && connected();
        moved |= flushLine();
        moved |= writeSocket();
        if (toSocket == null && !connecting) {
            moved |= receive();
        }
        if (toLine == null && !connecting) {
            moved |= readSocket();
        }
        return moved;
    }

    private boolean connected() throws IOException {
        SocketChannel made = connector.connect();
        if (made == null) {
            return false;
        }
        connecting = false;
        adopt(made);
        return true;
    }

    private boolean flushLine() {
        byte[] message = toLine;
        if (message == null || !line.offer(message)) {
            return false;
        }
        toLine = null;
        return true;
    }

    private boolean receive() throws IOException {
        byte[] message = line.poll();
        if (message == null) {
            return false;
        }
        switch (message[0]) {
            case OPEN -> {
                close();
                connecting = true;
            }
            case DATA -> toSocket = socket == null ? null : ByteBuffer.wrap(message, 1, message.length - 1);
            case CLOSE -> close();
            default -> throw new ProtocolException("an out-of-band message of type " + message[0]);
        }
        return true;
    }

    private boolean writeSocket() {
        ByteBuffer bytes = toSocket;
        SocketChannel to = socket;
        if (bytes == null || to == null) {
            return false;
        }
        try {
            int n = to.write(bytes);
            if (!bytes.hasRemaining()) {
                toSocket = null;
            }
            return n > 0;
        } catch (IOException e) {
            hungUp();
            return true;
        }
    }

    private boolean readSocket() {
        SocketChannel from = socket;
        if (from == null) {
            return false;
        }
        try {
            fromSocket.clear();
            int n = from.read(fromSocket);
            if (n < 0) {
                hungUp();
            } else if (n > 0) {
                byte[] message = new byte[n + 1];
                message[0] = DATA;
                fromSocket.flip().get(message, 1, n);
                toLine = message;
                flushLine();
            }
            return n != 0;
        } catch (IOException e) {
            hungUp();
            return true;
        }
    }

    /** This end's socket is closed, by whoever it is connected to. */
    private void hungUp() {
        close();
        toLine = new byte[] {CLOSE};
    }

    /** Closes this end's socket. */
    public void close() {
        SocketChannel old = socket;
        socket = null;
        toSocket = null;
        if (old != null) {
            try {
                old.close();
            } catch (IOException e) {
                // Gone either way.
            }
        }
    }
}
