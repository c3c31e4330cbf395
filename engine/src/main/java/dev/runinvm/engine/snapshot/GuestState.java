package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.channel.WindowChannel;
import dev.runinvm.engine.direct.DirectEngine;
import dev.runinvm.engine.guest.RecordingConsole;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.Stateful;
import dev.runinvm.engine.machine.TimeSource;
import dev.runinvm.engine.x86.Cpu;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;

/**
 * What a snapshot of a guest whose processor is ours holds beside its memory: header, the processor's counter, console,
 * channel, processor, the technique's own part, and what is known of programs' code, in this order. Stubs, mirrors and
 * decoded code are not state.
 */
public final class GuestState {
    private final StateReader in;
    private final StateHeader header;
    private final long tsc;
    private final byte[] console;

    private GuestState(StateReader in, StateHeader header, long tsc, byte[] console) {
        this.in = in;
        this.header = header;
        this.tsc = tsc;
        this.console = console;
    }

    /**
     * Writes a snapshot; the processor stands still.
     *
     * @param machine all that is around the processor
     * @return bytes of the file that are not holes
     */
    public static long write(
            Path file,
            GuestMemory memory,
            Cpu cpu,
            Stateful machine,
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
        machine.save(out);
        direct.save(out);
        try {
            return SnapshotWriter.write(file, memory, bytes.toByteArray());
        } catch (IOException e) {
            throw new HostLacks("cannot write the snapshot " + file + ": " + e, e);
        }
    }

    /**
     * Reads the part that the rest depends on.
     *
     * @param tscHz pace of the time-stamp counter here
     */
    public static GuestState open(SnapshotFile file, long tscHz) {
        StateReader in = new StateReader(new ByteArrayInputStream(file.state()));
        StateHeader header = StateHeader.load(in);
        header.requireFrequency(tscHz);
        return StateHeader.understood(() -> new GuestState(in, header, in.getLong("tsc"), in.getBytes("console")));
    }

    public StateHeader header() {
        return header;
    }

    /** What its console had shown by then. */
    public byte[] console() {
        return console.clone();
    }

    /** The guest's channel; before {@link #restore}. */
    public WindowChannel channel(ByteBuffer window) {
        return StateHeader.understood(() -> WindowChannel.restore(window, in));
    }

    /**
     * Sets registers and what is around the processor.
     *
     * @throws SnapshotUnusable if the counter, which programs read from the real CPU, is behind what they have seen
     */
    public void restore(Cpu cpu, Stateful machine, TimeSource time) {
        if (time.tsc() < tsc) {
            throw new SnapshotUnusable("it was made before this machine was last started");
        }
        StateHeader.understood(() -> {
            cpu.s.load(in);
            machine.load(in);
            return in;
        });
        cpu.mmu.flushAll(false);
        cpu.mmu.rightsChanged();
    }

    /** Sets what is known of the guest's code; after {@link #restore}. */
    public void restore(DirectEngine direct) {
        StateHeader.understood(() -> {
            direct.load(in);
            return in;
        });
    }
}
