package dev.runinvm.agent;

import dev.runinvm.wire.ProtocolException;
import dev.runinvm.wire.SocketRelay;
import dev.runinvm.wire.Window;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Connects a debugger on the host with the JVM that runs the tests, from a process of its own: a JVM that is suspended can
 * forward nothing.
 */
final class DebugForwarder {
    private static final long BUSY_NANOS = 500_000;
    private static final long IDLE_NANOS = 10_000_000;
    /** How long after the last byte it looks often. */
    private static final long BUSY_TIME_NANOS = 2_000_000_000L;

    private DebugForwarder() {}

    /** Runs until the machine ends. Argument: the port on which the tests' JVM listens. */
    public static void main(String[] args) {
        InetSocketAddress target = new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(args[0]));
        try {
            Window window = Window.open(
                    PciDoorbell.open(Path.of("/sys/bus/pci/devices")).window());
            SocketRelay relay = new SocketRelay(window.outOfBand(), () -> connect(target));
            long last = System.nanoTime();
            while (true) {
                long now = System.nanoTime();
                if (relay.step()) {
                    last = now;
                } else {
                    LockSupport.parkNanos(now - last < BUSY_TIME_NANOS ? BUSY_NANOS : IDLE_NANOS);
                }
            }
        } catch (IOException | ProtocolException e) {
            System.err.println("runinvm: no debugger can be connected any more: " + e);
            System.exit(1);
        }
    }

    /** The JVM may not be as far yet. */
    private static @Nullable SocketChannel connect(InetSocketAddress target) {
        try {
            return SocketChannel.open(target);
        } catch (IOException e) {
            LockSupport.parkNanos(10 * IDLE_NANOS);
            return null;
        }
    }
}
