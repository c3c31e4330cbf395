package dev.runinvm.junit;

import java.nio.file.Path;

/** Files that come back from a guest. */
public final class GuestFiles {
    private GuestFiles() {}

    /**
     * The directory in the guest whose content comes to the host when all its tests have ended: to {@code files} in the
     * directory of the run's logs, {@code target/vm/CLASS/files} in a Maven build. It is there before the tests are.
     * Directories, and regular files of any name, come; symbolic links and empty directories do not.
     *
     * @throws IllegalStateException on the host
     */
    public static Path directory() {
        String path = RunInVMExtension.inGuest() ? System.getProperty("runinvm.files") : null;
        if (path == null) {
            throw new IllegalStateException(
                    "GuestFiles.directory() is a directory of a guest, and this is none: call it "
                            + "from a test that @RunInVM runs, not from a static initialiser or a source of arguments");
        }
        return Path.of(path);
    }
}
