package dev.runinvm.junit;

import dev.runinvm.engine.GuestChannel;
import dev.runinvm.engine.GuestConsole;
import dev.runinvm.engine.GuestEnd;
import dev.runinvm.engine.GuestFailure;
import dev.runinvm.engine.Technique;
import dev.runinvm.engine.Vm;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.wire.GuestMessage;
import dev.runinvm.wire.HostMessage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;

/** No guest at all: what it says, a test has written. For guests that do not do their part. */
final class ScriptedVm implements Vm, GuestChannel, GuestConsole {
    private static final byte[] END = new byte[0];

    private final VmConfig config;
    private final BiConsumer<HostMessage.Run, ScriptedVm> script;
    private final BlockingQueue<byte[]> messages = new LinkedBlockingQueue<>();
    private boolean closed;

    /** @param script called with the command to run; answers it */
    ScriptedVm(VmConfig config, GuestMessage.Hello hello, BiConsumer<HostMessage.Run, ScriptedVm> script) {
        this.config = config;
        this.script = script;
        say(hello);
    }

    static GuestMessage.Hello hello() {
        return new GuestMessage.Hello(1, "scripted", Runtime.version().toString(), "6.1");
    }

    void say(GuestMessage... said) {
        for (GuestMessage message : said) {
            messages.add(GuestMessage.encode(message));
        }
    }

    void sayRaw(byte[] bytes) {
        messages.add(bytes);
    }

    /** The channel closes. */
    void vanish() {
        messages.add(END);
    }

    boolean isClosed() {
        return closed;
    }

    @Override
    public void send(byte[] message) {
        if (HostMessage.decode(message) instanceof HostMessage.Run run) {
            script.accept(run, this);
        }
    }

    @Override
    public Optional<byte[]> receive(Duration timeout) throws InterruptedException {
        byte[] message = messages.poll(timeout.toNanos(), TimeUnit.NANOSECONDS);
        if (message == END) {
            messages.add(END);
            throw new GuestFailure("the channel was closed without goodbye");
        }
        return Optional.ofNullable(message);
    }

    @Override
    public Technique technique() {
        return config.technique();
    }

    @Override
    public String kernelRelease() {
        return "6.1";
    }

    @Override
    public GuestChannel channel() {
        return this;
    }

    @Override
    public GuestConsole console() {
        return this;
    }

    @Override
    public Map<String, Long> counters() {
        return Map.of();
    }

    @Override
    public Optional<GuestEnd> end() {
        return Optional.empty();
    }

    @Override
    public boolean awaitEnd(Duration timeout) {
        return false;
    }

    @Override
    public void close() {
        closed = true;
    }

    @Override
    public List<String> tail(int lines) {
        return List.of("the scripted console");
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
        return OptionalInt.empty();
    }

    @Override
    public Map<String, Long> phases() {
        return Map.of();
    }
}
