package dev.runinvm.client;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.MemorySize;
import dev.runinvm.engine.Techniques;
import dev.runinvm.engine.VmConfig;
import dev.runinvm.engine.image.FilesDisk;
import dev.runinvm.wire.HostMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The jars of a large class path as a disk in the guest's memory, which is the host's file: they are neither sent nor do they
 * take any of the guest's RAM. Small ones are sent, for which any guest will do.
 *
 * @param config the guest's, with the disk if there is one
 * @param hashes of the entries that are on it
 */
record ClassPathDisk(VmConfig config, Set<String> hashes) {
    /** System property: from how many bytes of jars on, such as {@code 32M}, they are on a disk. */
    static final String FROM_PROPERTY = "runinvm.classPathDiskFrom";

    private static final String DEFAULT_FROM = "32M";

    /** Copies the set. */
    ClassPathDisk {
        hashes = Set.copyOf(hashes);
    }

    /** Makes the disk, or takes it from the cache, if the class path is large enough and the guest can have it. */
    static ClassPathDisk of(VmConfig config, List<Path> classPath) {
        ClassPathDisk none = new ClassPathDisk(config, Set.of());
        List<Path> jars = classPath.stream().filter(Files::isRegularFile).toList();
        long size = jars.stream().mapToLong(ClassPathDisk::size).sum();
        if (size < MemorySize.parse(System.getProperty(FROM_PROPERTY, DEFAULT_FROM))
                || config.mode() != VmConfig.Mode.AGENT) {
            return none;
        }
        Map<String, ClassPath.Entry> entries = new LinkedHashMap<>();
        for (Path jar : jars) {
            ClassPath.Entry entry = ClassPath.entry(jar);
            entries.putIfAbsent(entry.hash(), entry);
        }
        List<FilesDisk.Entry> files = entries.values().stream()
                .map(e -> new FilesDisk.Entry(e.hash() + "/" + e.name(), e.path(), e.hash()))
                .toList();
        return FilesDisk.addTo(
                        config,
                        HostMessage.CLASS_PATH_DISK,
                        files,
                        () -> entries.values().forEach(ClassPathDisk::requireUnchanged))
                .map(with -> new ClassPathDisk(with, entries.keySet()))
                .orElse(none);
    }

    private static void requireUnchanged(ClassPath.Entry entry) {
        if (!ClassPath.entry(entry.path()).hash().equals(entry.hash())) {
            throw new HostLacks("class path entry " + entry.path() + " changed while it was copied for the guest");
        }
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            return 0; // whoever reads it says so
        }
    }

    /** Starts a guest with the disk, which has yet to boot. */
    StartedGuest start() {
        return new StartedGuest(Techniques.start(config), false, hashes);
    }
}
