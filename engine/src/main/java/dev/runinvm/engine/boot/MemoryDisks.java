package dev.runinvm.engine.boot;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.VmConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * How disks lie in a guest's memory, one behind the other: each in whole units of 2 MiB, as Linux maps persistent memory, and
 * with such a unit between two. It would take neighbours in the memory map for one disk.
 *
 * @param sizes bytes of each file
 */
public record MemoryDisks(List<Long> sizes) {
    /** What each disk's start and size are a multiple of. */
    public static final long UNIT = 2 << 20;

    /** Copies the list. */
    public MemoryDisks {
        sizes = List.copyOf(sizes);
    }

    /**
     * A disk's place.
     *
     * @param start bytes from the start of all
     * @param size bytes of memory, which may be more than the file has
     */
    public record Place(long start, long size) {}

    /**
     * The disks with the content of these files.
     *
     * @throws HostLacks if one cannot be read
     */
    public static MemoryDisks of(List<Path> files) {
        List<Long> sizes = new ArrayList<>();
        for (Path file : files) {
            try {
                sizes.add(Files.size(file));
            } catch (IOException e) {
                throw new HostLacks("cannot read the disk " + file + ": " + e, e);
            }
        }
        return new MemoryDisks(sizes);
    }

    /** Bytes of memory of a guest's machine: its RAM, and what is put in besides. The disks of its image are in its RAM. */
    public static long machineMemory(VmConfig config) {
        MemoryDisks more =
                of(config.memoryDisks().stream().map(VmConfig.MemoryDisk::image).toList());
        return config.memoryBytes()
                + more.places().stream().mapToLong(place -> place.size + UNIT).sum();
    }

    /** Where each is. */
    public List<Place> places() {
        List<Place> all = new ArrayList<>();
        long at = 0;
        for (long size : sizes) {
            long whole = size + UNIT - 1 & -UNIT;
            all.add(new Place(at, whole));
            at += whole + UNIT;
        }
        return all;
    }

    /** Bytes of memory that all take, with what lies between; a multiple of {@link #UNIT}. */
    public long size() {
        List<Place> all = places();
        if (all.isEmpty()) {
            return 0;
        }
        Place last = all.get(all.size() - 1);
        return last.start + last.size;
    }
}
