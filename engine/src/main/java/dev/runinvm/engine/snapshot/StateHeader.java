package dev.runinvm.engine.snapshot;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.SnapshotUnusable;
import dev.runinvm.engine.image.PreparedImage;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.machine.StateReader;
import dev.runinvm.engine.machine.StateWriter;
import dev.runinvm.engine.os.ReadOnlyFile;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * What the state of every technique's guests begins with.
 *
 * @param nanos the machine's time
 * @param tscHz pace of the guest's time-stamp counter
 * @param diskStarts physical addresses of the disks in memory
 */
public record StateHeader(long nanos, long tscHz, List<Long> diskStarts) {
    private static final int MOST_DISKS = 8;
    /** Clocks of a guest that learned another frequency would go wrong by this much: a second in twenty minutes. */
    private static final long MOST_DEVIATION_PPM = 800;

    public StateHeader {
        diskStarts = List.copyOf(diskStarts);
    }

    /** Writes it down. */
    public void save(StateWriter out) {
        out.section("guest", 1);
        out.putLong("nanos", nanos);
        out.putLong("tscHz", tscHz);
        out.putInt("disks", diskStarts.size());
        diskStarts.forEach(start -> out.putLong("diskStart", start));
    }

    /**
     * Reads what {@link #save} wrote.
     *
     * @throws SnapshotUnusable if it is not that
     */
    public static StateHeader load(StateReader in) {
        return understood(() -> {
            in.section("guest", 1);
            long nanos = in.getLong("nanos");
            long hz = in.getLong("tscHz");
            int disks = in.getInt("disks");
            if (disks < 0 || disks > MOST_DISKS) {
                throw new SnapshotUnusable("it speaks of " + disks + " disks");
            }
            List<Long> starts = new ArrayList<>();
            for (int i = 0; i < disks; i++) {
                starts.add(in.getLong("diskStart"));
            }
            return new StateHeader(nanos, hz, starts);
        });
    }

    /**
     * Reads a part of a state.
     *
     * @throws SnapshotUnusable if that turns out to be no state of this version
     */
    public static <T> T understood(Supplier<T> part) {
        try {
            return part.get();
        } catch (HostLacks e) {
            throw new SnapshotUnusable(String.valueOf(e.getMessage()), e);
        }
    }

    /**
     * Sees to it that a guest's clocks go on at the pace they have learned.
     *
     * @param hz pace of the counter here
     */
    public void requireFrequency(long hz) {
        if (Math.abs(tscHz - hz) > tscHz / 1_000_000 * MOST_DEVIATION_PPM) {
            throw new SnapshotUnusable(
                    "it was made with a time-stamp counter of " + tscHz + " Hz, here it has " + hz + " Hz");
        }
    }

    /** Gives memory the same disks as before, and over them the snapshot's pages. */
    public void fillMemory(SnapshotFile file, GuestMemory memory, PreparedImage image) {
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
}
