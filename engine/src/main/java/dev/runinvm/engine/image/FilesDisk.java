package dev.runinvm.engine.image;

import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.boot.MemoryDisks;
import dev.runinvm.engine.machine.GuestMemory;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Files of the host as a disk for guests' memory, in the cache: by their content, so that any number of guests shares one. */
public final class FilesDisk {
    /** The most that all disks may take; those longest unused go first. */
    private static final long LIMIT = 2L << 30;

    private static final String KIND = "files";

    /**
     * One file.
     *
     * @param path where it is on the disk, relative
     * @param host where it is here
     * @param hash of its content
     */
    public record Entry(String path, Path host, String hash) {}

    private FilesDisk() {}

    /**
     * Gives a guest a disk with these files, which is made if the cache has not got it.
     *
     * @param directory where the guest has them
     * @param unchanged called when they have been copied; fails if they may no longer have the content of their hashes
     * @return empty if such a guest can have no more disks: its kernel came without modules, or they lie where no memory can be
     * @throws dev.runinvm.engine.HostLacks if a file cannot be read, or there is no room for the disk
     */
    public static Optional<VmConfig> addTo(VmConfig config, String directory, List<Entry> files, Runnable unchanged) {
        if (!PreparedImages.of(config, true).canHaveMoreDisks()) {
            return Optional.empty();
        }
        VmConfig with = config.memoryDisk(make(Cache.ofUser(), LIMIT, files, unchanged), directory);
        // Not every technique has guests with memory beyond that.
        return MemoryDisks.machineMemory(with) > GuestMemory.LOW_LIMIT ? Optional.empty() : Optional.of(with);
    }

    static Path make(Cache cache, long limit, List<Entry> files, Runnable unchanged) {
        StringBuilder all = new StringBuilder();
        files.forEach(f -> all.append(f.path).append(' ').append(f.hash).append('\n'));
        String key = Keys.of("files", BaseLayer.FORMAT, all) + ".erofs";
        Path disk = cache.get(KIND, key, "a disk with " + files.size() + " files", out -> {
            FileTree tree = new FileTree();
            files.forEach(f -> tree.hostFile(f.path, f.host));
            ErofsWriter.write(tree, out, "writing a disk with " + files.size() + " files", new LoggedProgress());
            unchanged.run();
        });
        cache.trim(KIND, limit, disk);
        return disk;
    }
}
