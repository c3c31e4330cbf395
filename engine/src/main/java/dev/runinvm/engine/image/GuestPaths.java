package dev.runinvm.engine.image;

import java.nio.file.Path;
import java.util.Set;

/** Where a file of the host lies in the guest. */
final class GuestPaths {
    /** In the guest these are links into /usr, whatever they are on the host. */
    private static final Set<String> MERGED = Set.of("bin", "sbin", "lib", "lib64");
    /** What /init mounts something else over. */
    private static final Set<String> COVERED = Set.of("tmp", "run", "dev", "proc", "sys");

    private GuestPaths() {}

    /** The same place, as a path in a {@link FileTree}. */
    static String of(Path host) {
        Path path = host.toAbsolutePath().normalize();
        String relative = path.toString().substring(1);
        return path.getNameCount() > 1 && MERGED.contains(path.getName(0).toString()) ? "usr/" + relative : relative;
    }

    /** Whether a file there would be hidden in the guest by a mount. */
    static boolean isCovered(Path host) {
        Path path = host.toAbsolutePath().normalize();
        return path.getNameCount() == 0 || COVERED.contains(path.getName(0).toString());
    }
}
