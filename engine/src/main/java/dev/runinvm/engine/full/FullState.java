package dev.runinvm.engine.full;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.channel.WindowChannel;
import dev.runinvm.engine.direct.DirectEngine;
import dev.runinvm.engine.direct.HostCpu;
import dev.runinvm.engine.guest.RecordingConsole;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.Pc;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.TimeSource;
import dev.runinvm.engine.snapshot.SnapshotFile;
import dev.runinvm.engine.snapshot.SnapshotWriter;
import dev.runinvm.engine.snapshot.StateHeader;
import dev.runinvm.engine.x86.Cpu;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;

/**
 * What a snapshot of a FULL guest holds beside its memory: header, the processor's counter, console, channel, processor, devices, in
 * this order. Stubs, mirrors and decoded code are not state.
 */
final class FullState {
    private final StateReader in;
    private final StateHeader header;
    private final long tsc;
    private final byte[] console;

    private FullState(StateReader in, StateHeader header, long tsc, byte[] console) {
        this.in = in;
        this.header = header;
        this.tsc = tsc;
        this.console = console;
    }

    /** Writes a snapshot; the processor stands still. */
    static long write(
            Path file,
            GuestMemory memory,
            Cpu cpu,
            Pc pc,
            TimeSource time,
            WindowChannel channel,
            List<Long> diskStarts,
            RecordingConsole console,
            DirectEngine direct) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        StateWriter out = new StateWriter(bytes);
        new StateHeader(time.nanos(), time.tscHz(), diskStarts).save(out);
        out.putLong("tsc", time.tsc());
        out.putBytes("console", console.history());
        channel.save(out);
        cpu.s.save(out);
        pc.save(out);
        direct.save(out);
        try {
            return SnapshotWriter.write(file, memory, bytes.toByteArray());
        } catch (IOException e) {
            throw new HostLacks("cannot write the snapshot " + file + ": " + e, e);
        }
    }

    /** Reads the part that the rest depends on. */
    static FullState open(SnapshotFile file, HostCpu host) {
        StateReader in = new StateReader(new ByteArrayInputStream(file.state()));
        StateHeader header = StateHeader.load(in);
        header.requireFrequency(host.tscHz());
        return StateHeader.understood(() -> new FullState(in, header, in.getLong("tsc"), in.getBytes("console")));
    }

    StateHeader header() {
        return header;
    }

    /** What its console had shown by then. */
    byte[] console() {
        return console.clone();
    }

    WindowChannel channel(ByteBuffer window) {
        return StateHeader.understood(() -> WindowChannel.restore(window, in));
    }

    /** Sets registers and devices. */
    void restore(Cpu cpu, Pc pc, TimeSource time) {
        if (time.tsc() < tsc) {
            throw new SnapshotUnusable("it was made before this machine was last started");
        }
        StateHeader.understood(() -> {
            cpu.s.load(in);
            pc.load(in);
            return in;
        });
        cpu.mmu.flushAll(false);
        cpu.mmu.rightsChanged();
    }

    /** Sets what is known of the guest's code; after {@link #restore}. */
    void restore(DirectEngine direct) {
        StateHeader.understood(() -> {
            direct.load(in);
            return in;
        });
    }
}
