package dev.runinvm.engine.image;

import dev.runinvm.engine.HostLacks;
import dev.runinvm.engine.boot.Elf64;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A statically linked busybox: from the distribution's package, else the host's own. */
final class Busybox {
    private static final Logger LOG = LoggerFactory.getLogger(Busybox.class);
    private static final String PACKAGE = "busybox-static";

    private Busybox() {}

    /** @return an executable file */
    static Path find(Cache cache, Packages packages, boolean refresh) {
        try {
            Path deb = packages.get(PACKAGE, refresh).get(0);
            // it looks at its own name, which must start so
            String key = "busybox-" + Keys.of(cache.checksum(deb));
            Path file = cache.get("busybox", key, "busybox", out -> {
                AtomicBoolean found = new AtomicBoolean();
                Deb.forEach(deb, (path, entry, content) -> {
                    if (!entry.isFile() || !(path.equals("bin/busybox") || path.equals("usr/bin/busybox"))) {
                        return true;
                    }
                    content.transferTo(out);
                    found.set(true);
                    return false;
                });
                if (!found.get()) {
                    throw new HostLacks("the package " + PACKAGE + " holds no bin/busybox");
                }
            });
            if (!Files.isExecutable(file)) {
                Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
            }
            return file;
        } catch (HostLacks noPackage) {
            return ofHost(noPackage);
        } catch (IOException e) {
            throw new HostLacks("cannot make busybox executable: " + Cache.reason(e), e);
        }
    }

    private static Path ofHost(HostLacks otherwise) {
        for (String candidate : List.of("/bin/busybox", "/usr/bin/busybox", "/sbin/busybox")) {
            Path file = Path.of(candidate);
            if (Files.isExecutable(file) && isStatic(file)) {
                LOG.info("{}; taking the host's own {}", otherwise.getMessage(), file);
                return file;
            }
        }
        throw new HostLacks(
                otherwise.getMessage() + "\nand the host has no statically linked /bin/busybox that could be taken"
                        + " instead. Run once with a network, or install the package " + PACKAGE + ".",
                otherwise);
    }

    static boolean isStatic(Path file) {
        try {
            return Elf64.open(file).segments().stream().noneMatch(s -> s.type() == Elf64.PT_INTERP);
        } catch (HostLacks e) {
            LOG.debug("{} is no program", file, e);
            return false;
        }
    }

    /** The paths at which this busybox wants to be found, such as {@code bin/sh}. */
    static List<String> applets(Path busybox) {
        HostCommand.Result result =
                HostCommand.run(List.of(busybox.toString(), "--list-full"), null, Duration.ofSeconds(20), l -> {});
        List<String> paths = result.lines().stream()
                .map(String::trim)
                .filter(l -> l.matches("(usr/)?s?bin/[\\[A-Za-z0-9._+-]+|linuxrc"))
                .filter(l -> !l.equals("linuxrc") && !l.endsWith("/busybox"))
                .toList();
        if (result.status() != 0 || paths.stream().noneMatch(p -> p.endsWith("bin/sh"))) {
            throw new HostLacks(
                    busybox + " does not work here: --list-full gave status " + result.status() + "\n" + result.tail());
        }
        return paths;
    }
}
