package dev.runinvm.corpus;

import dev.runinvm.engine.GuestChannel;
import dev.runinvm.engine.GuestConsole;
import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.channel.WindowChannel;
import dev.runinvm.wire.Window;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.URISyntaxException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** No machine: a JVM of the host's with the guest's agent in it, in an empty directory, so that both runs are driven alike. */
final class NativeVm implements Vm {
    private static final int TAIL = 100;

    private final Path directory;
    private final WindowChannel channel;
    private final ServerSocketChannel server;
    private final Process process;
    private final List<String> console = new ArrayList<>();
    private final CountDownLatch over = new CountDownLatch(1);
    private @Nullable GuestEnd end;
    private volatile boolean closed;

    NativeVm(Path agentJar, List<String> jvmOptions) throws IOException {
        directory = Files.createTempDirectory("runinvm-corpus");
        Path file = directory.resolve("window");
        try (FileChannel window = FileChannel.open(
                file, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            channel = new WindowChannel(window.map(FileChannel.MapMode.READ_WRITE, 0, Window.SIZE));
        }
        Path address = directory.resolve("doorbell");
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(address));
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(jvmOptions);
        command.addAll(List.of(
                "-cp",
                agentJar + File.pathSeparator + home(),
                NativeMain.class.getName(),
                file.toString(),
                address.toString(),
                directory.resolve("cp").toString()));
        process = new ProcessBuilder(command)
                .directory(Files.createDirectory(directory.resolve("work")).toFile())
                .redirectErrorStream(true)
                .start();
        thread("native-console", this::readConsole);
        thread("native-doorbell", this::serve);
    }

    private static Path home() {
        try {
            return Path.of(NativeMain.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void thread(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void readConsole() {
        try (BufferedReader reader = process.inputReader()) {
            String line;
            while ((line = reader.readLine()) != null) {
                synchronized (console) {
                    console.add(line);
                    if (console.size() > TAIL) {
                        console.remove(0);
                    }
                }
            }
            end(new GuestEnd(GuestEnd.Kind.AGENT_EXITED, "the agent exited with status " + process.waitFor()));
        } catch (IOException | InterruptedException e) {
            end(new GuestEnd(GuestEnd.Kind.ENGINE_ERROR, e.toString()));
        }
    }

    private void serve() {
        try (SocketChannel socket = server.accept()) {
            ByteBuffer in = ByteBuffer.allocate(5);
            while (!closed) {
                in.clear();
                while (in.hasRemaining()) {
                    if (socket.read(in) < 0) {
                        return;
                    }
                }
                in.flip();
                switch (in.get()) {
                    case 1 -> channel.flush();
                    case 2 -> channel.await(in.getInt());
                    default -> channel.goodbye();
                }
                socket.write(ByteBuffer.wrap(new byte[1]));
            }
        } catch (IOException e) {
            if (!closed && process.isAlive()) {
                end(new GuestEnd(GuestEnd.Kind.ENGINE_ERROR, e.toString()));
            }
        }
    }

    private synchronized void end(GuestEnd how) {
        if (end == null) {
            end = how;
        }
        channel.end("the native run has ended: " + end);
        over.countDown();
    }

    /** There is none; this one stands for itself in no report. */
    @Override
    public Technique technique() {
        return Technique.FULL;
    }

    @Override
    public String kernelRelease() {
        return System.getProperty("os.version", "unknown");
    }

    @Override
    public GuestChannel channel() {
        return channel;
    }

    @Override
    public GuestConsole console() {
        return new GuestConsole() {
            @Override
            public List<String> tail(int lines) {
                synchronized (console) {
                    return List.copyOf(console.subList(Math.max(0, console.size() - lines), console.size()));
                }
            }

            @Override
            public Optional<Path> log() {
                return Optional.empty();
            }

            @Override
            public void type(byte[] bytes) {
                throw new UnsupportedOperationException();
            }

            @Override
            public OptionalInt exitStatus() {
                return process.isAlive() ? OptionalInt.empty() : OptionalInt.of(process.exitValue());
            }

            @Override
            public Map<String, Long> phases() {
                return Map.of();
            }
        };
    }

    @Override
    public Map<String, Long> counters() {
        return channel.counters();
    }

    @Override
    public synchronized Optional<GuestEnd> end() {
        return Optional.ofNullable(end);
    }

    @Override
    public boolean awaitEnd(Duration timeout) throws InterruptedException {
        return over.await(timeout.toNanos(), TimeUnit.NANOSECONDS);
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        end(new GuestEnd(GuestEnd.Kind.KILLED, "closed"));
        process.destroyForcibly();
        try (server) {
            process.waitFor();
            delete();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void delete() throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
