package dev.runinvm.corpus;

import dev.runinvm.agent.AgentMain;
import dev.runinvm.agent.Doorbell;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** The agent of a native run: the guest's, over a window in a file and a doorbell in a socket. */
public final class NativeMain implements Doorbell {
    private final SocketChannel socket;

    private NativeMain(SocketChannel socket) {
        this.socket = socket;
    }

    /** Takes the window's file, the doorbell's socket, and a directory for the class path. */
    public static void main(String[] args) throws IOException {
        ByteBuffer window;
        try (FileChannel file = FileChannel.open(Path.of(args[0]), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            window = file.map(FileChannel.MapMode.READ_WRITE, 0, file.size());
        }
        SocketChannel socket = SocketChannel.open(StandardProtocolFamily.UNIX);
        socket.connect(UnixDomainSocketAddress.of(args[1]));
        System.exit(AgentMain.serve(window, new NativeMain(socket), Path.of(args[2]), System.err));
    }

    private synchronized void ring(int command, int millis) {
        ByteBuffer out =
                ByteBuffer.allocate(5).put((byte) command).putInt(millis).flip();
        ByteBuffer answer = ByteBuffer.allocate(1);
        try {
            while (out.hasRemaining()) {
                socket.write(out);
            }
            if (socket.read(answer) < 0) {
                Runtime.getRuntime().halt(99);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void flush() {
        ring(1, 0);
    }

    @Override
    public void await(int millis) {
        ring(2, millis);
    }

    @Override
    public void goodbye() {
        ring(3, 0);
    }
}
