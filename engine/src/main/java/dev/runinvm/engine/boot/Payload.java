package dev.runinvm.engine.boot;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.machine.GuestMemory;
import dev.runinvm.engine.os.ReadOnlyFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** Files that lie one behind the other in guest memory; they are read straight into it. */
public final class Payload {
    private final String what;
    private final List<Path> files;
    private final List<Long> sizes = new ArrayList<>();
    private final List<Long> offsets = new ArrayList<>();
    private long size;
    private long unpackedSize;

    private Payload(String what, List<Path> files) {
        this.what = what;
        this.files = files;
    }

    /**
     * Looks at files; they are not kept open.
     *
     * @param what they are, for messages
     * @param alignment of each file's start, and of the size of all; a power of two
     * @throws HostLacks if one cannot be read, or all together are 2 GiB or more
     */
    public static Payload of(String what, List<Path> files, long alignment) {
        Payload result = new Payload(what, files);
        for (Path file : files) {
            try (InputStream in = Files.newInputStream(file)) {
                long size = Files.size(file);
                result.sizes.add(size);
                result.offsets.add(result.size);
                result.size = result.size + size + alignment - 1 & -alignment;
                if (new String(in.readNBytes(6), StandardCharsets.ISO_8859_1).startsWith("07070")) {
                    result.unpackedSize += size;
                }
            } catch (IOException e) {
                throw result.unreadable(file, e);
            }
        }
        result.requireSmall();
        return result;
    }

    /**
     * Disks, as {@link MemoryDisks} lays them out.
     *
     * @throws HostLacks as {@link #of}
     */
    public static Payload ofDisks(List<Path> files) {
        Payload result = new Payload("disk", files);
        MemoryDisks disks = MemoryDisks.of(files);
        result.sizes.addAll(disks.sizes());
        disks.places().forEach(place -> result.offsets.add(place.start()));
        result.size = disks.size();
        result.requireSmall();
        return result;
    }

    private void requireSmall() {
        if (size > Integer.MAX_VALUE) {
            throw new HostLacks("the " + what + " has " + size + " bytes, at most 2 GiB are possible");
        }
    }

    private HostLacks unreadable(Path file, IOException e) {
        return new HostLacks("cannot read the " + what + " " + file + ": " + e, e);
    }

    /** Bytes that all take in guest memory. */
    public long size() {
        return size;
    }

    /** Bytes that the guest will need again to unpack those that are plain archives. */
    public long unpackedSize() {
        return unpackedSize;
    }

    /** Bytes of each file. */
    public List<Long> sizes() {
        return List.copyOf(sizes);
    }

    /** Where each file is if they lie from a physical address on. */
    public List<Long> starts(long start) {
        return offsets.stream().map(o -> start + o).toList();
    }

    /** Makes the files the content of memory without copying them, where that memory can share. */
    public void back(GuestMemory memory, long start) {
        if (!memory.shares()) {
            load(memory, start);
            return;
        }
        for (int i = 0; i < files.size(); i++) {
            ReadOnlyFile file = ReadOnlyFile.open(files.get(i));
            if (file.size() != sizes.get(i)) {
                file.close();
                throw new HostLacks("the " + what + " " + files.get(i) + " changed its size while it was read");
            }
            memory.give(memory.offset(start + offsets.get(i)), file);
        }
    }

    /** Copies the files into memory from a physical address on, before any file backs it. */
    public void load(GuestMemory memory, long start) {
        for (int i = 0; i < files.size(); i++) {
            Path file = files.get(i);
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
                if (memory.load(channel, sizes.get(i), start + offsets.get(i)) < sizes.get(i)) {
                    throw new HostLacks("the " + what + " " + file + " became shorter while it was read");
                }
            } catch (IOException e) {
                throw unreadable(file, e);
            }
        }
    }
}
