package dev.runinvm.client;

import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.Vm;
import dev.runinvm.wire.ProtocolException;
import dev.runinvm.wire.SocketRelay;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The host's port for a debugger, connected with the JVM in a guest. The bytes go beside the agent's messages, to a program of
 * the guest's own, so that the JVM may be suspended. One debugger at a time, any number one after the other.
 */
public final class DebugPort implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(DebugPort.class);
    private static final long BUSY_NANOS = 300_000;
    private static final long IDLE_NANOS = 10_000_000;
    /** How long after the last byte it looks often. */
    private static final long BUSY_TIME_NANOS = 2_000_000_000L;

    private static final long PATIENCE_MILLIS = 5000;

    private final ServerSocketChannel server;
    private final int port;
    private volatile boolean closed;
    private Thread thread = new Thread();

    private DebugPort(ServerSocketChannel server, int port) {
        this.server = server;
        this.port = port;
    }

    /**
     * Takes the port; before a guest boots, so that it does not boot in vain.
     *
     * @throws HostLacks if somebody else has it
     */
    public static DebugPort listen(GuestDebugging debugging) {
        ServerSocketChannel server = null;
        try {
            server = ServerSocketChannel.open();
            server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), debugging.port()), 1);
            server.configureBlocking(false);
            return new DebugPort(server, server.socket().getLocalPort());
        } catch (IOException e) {
            close(server);
            throw new HostLacks(
                    "cannot listen for a debugger on port " + debugging.port() + " of 127.0.0.1: " + e.getMessage()
                            + "; another program or guest has it, name another one",
                    e);
        }
    }

    /**
     * Connects whoever comes with a guest, until either is closed, and says so in the words by which development
     * environments know a JVM that can be debugged.
     *
     * @param name what the guest runs, for people
     */
    public void serve(Vm vm, String name) {
        System.out.println("Listening for transport dt_socket at address: " + port);
        LOG.info("port {} of 127.0.0.1 leads to the JVM in the {} guest of {}", port, vm.technique(), name);
        thread = new Thread(() -> run(vm), "runinvm-debug-port");
        thread.setDaemon(true);
        thread.start();
    }

    private void run(Vm vm) {
        SocketRelay relay = new SocketRelay(vm.channel().outOfBand(), () -> {
            throw new ProtocolException("the guest wants to connect to the debugger; it is the other way round");
        });
        try (server) {
            long last = System.nanoTime();
            while (!closed) {
                long now = System.nanoTime();
                boolean moved = relay.step();
                if (!relay.isOpen()) {
                    moved |= accept(relay);
                }
                if (moved) {
                    last = now;
                } else {
                    LockSupport.parkNanos(now - last < BUSY_TIME_NANOS ? BUSY_NANOS : IDLE_NANOS);
                }
            }
        } catch (GuestFailure e) {
            LOG.debug("no debugger can be connected any more: the guest has ended");
        } catch (IOException | ProtocolException e) {
            LOG.warn("no debugger can be connected with the guest any more: {}", e.toString());
        } finally {
            relay.close();
        }
    }

    private boolean accept(SocketRelay relay) throws IOException {
        SocketChannel debugger = server.accept();
        if (debugger == null) {
            return false;
        }
        relay.open(debugger);
        return true;
    }

    private static void close(java.io.@org.jspecify.annotations.Nullable Closeable what) {
        if (what != null) {
            try {
                what.close();
            } catch (IOException e) {
                // Nothing more to be done for it.
            }
        }
    }

    /** Frees the port and ends the debugger's connection. */
    @Override
    public void close() {
        closed = true;
        close(server);
        LockSupport.unpark(thread);
        try {
            thread.join(PATIENCE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
