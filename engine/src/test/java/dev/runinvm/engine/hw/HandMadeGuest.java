package dev.runinvm.engine.hw;

import dev.runinvm.engine.channel.WindowChannel;
import dev.runinvm.engine.guest.Stop;
import dev.runinvm.engine.machine.DoorbellHandler;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.os.kvm.Kvm;
import dev.runinvm.engine.os.kvm.KvmException;
import dev.runinvm.engine.snapshot.SnapshotFile;
import dev.runinvm.engine.snapshot.StateHeader;
import dev.runinvm.engine.x86.CpuState;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;

/** Some hundred bytes of guest in a machine of KVM's, entered in 64-bit mode with the first 4 GiB mapped one to one. */
final class HandMadeGuest implements AutoCloseable {
    static final int ENTRY = 0x10_0000;
    private static final long PML4 = 0x9000;
    private static final long GDT = 0x500;
    private static final int SECONDS = 60;

    final GuestMemory memory = GuestMemory.create(4 << 20, true);
    final HwHardware hardware;
    private final WindowChannel channel;
    final List<String> doorbell = new ArrayList<>();
    private final ByteArrayOutputStream console = new ByteArrayOutputStream();
    private final CompletableFuture<Stop> stop = new CompletableFuture<>();
    private boolean started;

    /** Skips the test, saying why, where there is no KVM; one made in software is slow but will do. */
    static void assumeKvm() {
        Assumptions.assumeTrue(Files.exists(Kvm.DEVICE), "/dev/kvm is absent here");
        try {
            KvmAnswers answers = KvmAnswers.ask(Kvm.DEVICE);
            Assumptions.assumeTrue(
                    answers.missing().isEmpty() && answers.refusal().isEmpty(), () -> "KVM will not do: " + answers);
        } catch (KvmException e) {
            Assumptions.abort("/dev/kvm cannot be used: " + e.getMessage());
        }
    }

    HandMadeGuest(byte[] code) {
        this(code, 1, false);
    }

    HandMadeGuest(byte[] code, int cpus, boolean hypervisor) {
        hardware = HwHardware.create(memory, cpus, hypervisor, recorder(), 0);
        channel = new WindowChannel(memory.window());
        memory.write(ENTRY, code, 0, code.length);
        hardware.setBootState(state());
        listen();
    }

    /** Goes on from a snapshot that {@link #write} has written. */
    HandMadeGuest(SnapshotFile snapshot, int cpus, boolean hypervisor) {
        HwState state = HwState.open(snapshot);
        snapshot.fill(memory);
        channel = state.channel(memory.window());
        hardware = HwHardware.create(
                memory, cpus, hypervisor, recorder(), state.header().nanos());
        try {
            state.restore(hardware);
        } catch (RuntimeException e) {
            hardware.close();
            memory.close();
            throw e;
        }
        listen();
    }

    /** Writes a snapshot of a guest that stands still. */
    void write(Path file) {
        StateHeader header =
                new StateHeader(hardware.time().nanos(), hardware.time().tscHz(), List.of());
        HwState.write(file, header, new byte[0], memory, channel, hardware);
    }

    /** Writes a snapshot of a guest that runs. @return whether it stood still in time */
    boolean snapshot(Path file, boolean idleOnly, Duration patience) throws InterruptedException {
        return hardware.atRest(() -> write(file), () -> {}, idleOnly, patience);
    }

    private DoorbellHandler recorder() {
        return new DoorbellHandler() {
            @Override
            public void flush() {
                doorbell.add("flush");
            }

            @Override
            public void await(long millis) {
                doorbell.add("wait " + millis);
            }

            @Override
            public void goodbye() {
                doorbell.add("goodbye");
            }
        };
    }

    private void listen() {
        hardware.board().devices().console.setSink(value -> {
            synchronized (console) {
                console.write(value);
            }
        });
    }

    static byte[] code(String name) {
        try (InputStream in =
                Objects.requireNonNull(HandMadeGuest.class.getResourceAsStream("/dev/runinvm/engine/" + name), name)) {
            return hex(new String(in.readAllBytes(), StandardCharsets.US_ASCII).replaceAll("\\s", ""));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    static byte[] hex(String digits) {
        return HexFormat.of().parseHex(digits.replace(" ", ""));
    }

    /** As a boot loader leaves the processor. */
    CpuState state() {
        memory.putLong(PML4, PML4 + 0x1003);
        for (int gib = 0; gib < 4; gib++) {
            long directory = PML4 + 0x2000 + gib * 0x1000L;
            memory.putLong(PML4 + 0x1000 + gib * 8L, directory | 3);
            for (int i = 0; i < 512; i++) {
                memory.putLong(directory + i * 8L, ((long) gib << 30) + ((long) i << 21) | 0x83);
            }
        }
        memory.putLong(GDT + 0x10, 0x00af_9b00_0000_ffffL);
        memory.putLong(GDT + 0x18, 0x00cf_9300_0000_ffffL);
        CpuState s = new CpuState();
        s.rip = ENTRY;
        for (int i = 0; i < 6; i++) {
            s.selector[i] = i == CpuState.CS ? 0x10 : 0x18;
            s.limit[i] = -1;
            s.access[i] = i == CpuState.CS ? 0xa09b : 0xc093;
        }
        s.gdtrBase = GDT;
        s.gdtrLimit = 0x1f;
        s.cr0 = CpuState.CR0_PE | 0x30 | CpuState.CR0_PG;
        s.cr3 = PML4;
        s.cr4 = 1 << 5;
        s.efer = CpuState.EFER_LME | CpuState.EFER_LMA;
        return s;
    }

    HandMadeGuest start() {
        started = true;
        hardware.start(() -> false, () -> {}, (how, failure) -> {
            if (failure != null) {
                stop.completeExceptionally(failure);
            } else {
                stop.complete(how);
            }
        });
        return this;
    }

    CompletableFuture<Stop> ending() {
        return stop;
    }

    Stop awaitStop() throws Exception {
        return stop.get(SECONDS, TimeUnit.SECONDS);
    }

    String console() {
        synchronized (console) {
            return console.toString(StandardCharsets.ISO_8859_1);
        }
    }

    /** Types a byte, and waits for so many more lines on the console; gives these. */
    List<String> ask(char key, int count) throws Exception {
        int before = (int) console().lines().count();
        hardware.board().devices().console.offer(new byte[] {(byte) key});
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (console().chars().filter(c -> c == '\n').count() < before + count) {
            if (System.nanoTime() > deadline || stop.isDone()) {
                throw new AssertionError("no answer to '" + key + "' but \"" + console() + "\"; " + stop);
            }
            Thread.sleep(5);
        }
        return console().lines().toList().subList(before, before + count);
    }

    /** Waits until the console holds a text. */
    void awaitConsole(String text) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (!console().contains(text)) {
            if (System.nanoTime() > deadline || stop.isDone()) {
                throw new AssertionError("no \"" + text + "\" on the console but \"" + console() + "\"; " + stop);
            }
            Thread.sleep(5);
        }
    }

    @Nullable
    Long counter(String name) {
        return hardware.counters().get(name);
    }

    @Override
    public void close() throws Exception {
        if (started) {
            hardware.stop();
            try {
                stop.get(10, TimeUnit.SECONDS);
            } catch (java.util.concurrent.ExecutionException e) {
                // how it ended is what the test looked at
                Objects.requireNonNull(e.getCause());
            } catch (TimeoutException e) {
                throw new AssertionError("the processors did not leave the guest within 10 s", e);
            }
        }
        hardware.close();
        memory.close();
    }
}
