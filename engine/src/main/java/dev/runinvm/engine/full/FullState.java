package dev.runinvm.engine.full;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.channel.WindowChannel;
import dev.runinvm.engine.direct.HostCpu;
import dev.runinvm.engine.guest.RecordingConsole;
import dev.runinvm.engine.image.PreparedImage;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.Pc;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.machine.TimeSource;
import dev.runinvm.engine.os.ReadOnlyFile;
import dev.runinvm.engine.snapshot.SnapshotFile;
import dev.runinvm.engine.snapshot.SnapshotWriter;
import dev.runinvm.engine.x86.Cpu;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What a snapshot of a FULL guest holds beside its memory: time, console, channel, processor, devices, in this order. Stubs, mirrors
 * and decoded code are not state.
 */
final class FullState {
    private static final int MOST_DISKS = 8;
    /** Clocks of a guest that learned another frequency would go wrong by this much: a second in twenty minutes. */
    private static final long MOST_DEVIATION_PPM = 800;

    private final StateReader in;
    private final long nanos;
    private final long tsc;
    private final List<Long> diskStarts;
    private final byte[] console;

    private FullState(StateReader in, long nanos, long tsc, List<Long> diskStarts, byte[] console) {
        this.in = in;
        this.nanos = nanos;
        this.tsc = tsc;
        this.diskStarts = diskStarts;
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
            RecordingConsole console) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        StateWriter out = new StateWriter(bytes);
        out.section("full", 2);
        out.putLong("nanos", time.nanos());
        out.putLong("tsc", time.tsc());
        out.putLong("tscHz", time.tscHz());
        out.putInt("disks", diskStarts.size());
        diskStarts.forEach(start -> out.putLong("diskStart", start));
        out.putBytes("console", console.history());
        channel.save(out);
        cpu.s.save(out);
        pc.save(out);
        try {
            return SnapshotWriter.write(file, memory, bytes.toByteArray());
        } catch (IOException e) {
            throw new HostLacks("cannot write the snapshot " + file + ": " + e, e);
        }
    }

    /** Reads the part that the rest depends on. */
    static FullState open(SnapshotFile file, HostCpu host) {
        StateReader in = new StateReader(new ByteArrayInputStream(file.state()));
        return understood(() -> {
            int version = in.section("full", 2);
            if (version < 2) {
                throw new SnapshotUnusable("it has version " + version + " of the state, this engine reads 2");
            }
            long nanos = in.getLong("nanos");
            long tsc = in.getLong("tsc");
            long hz = in.getLong("tscHz");
            if (Math.abs(hz - host.tscHz()) > hz / 1_000_000 * MOST_DEVIATION_PPM) {
                throw new SnapshotUnusable(
                        "it was made with a time-stamp counter of " + hz + " Hz, here it has " + host.tscHz() + " Hz");
            }
            int disks = in.getInt("disks");
            if (disks < 0 || disks > MOST_DISKS) {
                throw new SnapshotUnusable("it speaks of " + disks + " disks");
            }
            List<Long> starts = new ArrayList<>();
            for (int i = 0; i < disks; i++) {
                starts.add(in.getLong("diskStart"));
            }
            return new FullState(in, nanos, tsc, List.copyOf(starts), in.getBytes("console"));
        });
    }

    private interface Step<T> {
        T read();
    }

    private static <T> T understood(Step<T> step) {
        try {
            return step.read();
        } catch (HostLacks e) {
            throw new SnapshotUnusable(String.valueOf(e.getMessage()), e);
        }
    }

    /** The machine's time when it was taken. */
    long nanos() {
        return nanos;
    }

    List<Long> diskStarts() {
        return diskStarts;
    }

    /** What its console had shown by then. */
    byte[] console() {
        return console.clone();
    }

    /** Gives memory the same disks as before, and over them the snapshot's pages. */
    void fillMemory(SnapshotFile file, GuestMemory memory, PreparedImage image) {
        if (memory.ramSize() != file.ramSize() || image.disks().size() != diskStarts.size()) {
            throw new SnapshotUnusable("it was made of another guest: " + file.ramSize() + " bytes of memory and "
                    + diskStarts.size() + " disks");
        }
        for (int i = 0; i < diskStarts.size(); i++) {
            long offset = memory.offset(diskStarts.get(i));
            ReadOnlyFile disk = ReadOnlyFile.open(image.disks().get(i));
            if (offset < 0 || offset + disk.size() > memory.ramSize()) {
                disk.close();
                throw new SnapshotUnusable("its disk " + i + " lies outside its memory");
            }
            memory.give(offset, disk);
        }
        file.fill(memory);
    }

    WindowChannel channel(ByteBuffer window) {
        return understood(() -> WindowChannel.restore(window, in));
    }

    /** Sets registers and devices. */
    void restore(Cpu cpu, Pc pc, TimeSource time) {
        if (time.tsc() < tsc) {
            throw new SnapshotUnusable("it was made before this machine was last started");
        }
        understood(() -> {
            cpu.s.load(in);
            pc.load(in);
            return in;
        });
        cpu.mmu.flushAll(false);
        cpu.mmu.rightsChanged();
    }
}
